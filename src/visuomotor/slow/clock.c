/* Slows the clocks of a process: every clock but the processor's runs at 1 / factor of its rate
 * from a moment on that all processes of one run share, and every wait lasts factor times as long.
 *
 * Preloaded (ld.so(8), LD_PRELOAD). The shared moment and the factor come from VISUOMOTOR_SLOW:
 * "factor real_ns monotonic_ns". slow = from + (true - from) / factor, so there is no state to keep.
 * Absolute deadlines of a call that names no clock are told apart by their size: since 1970, or
 * since the machine was switched on.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

typedef long long ns_t;
#define S 1000000000LL
#define SINCE_1970 (1000000000LL * S) /* later than any machine has been on for */

static double factor = 1.0;
static ns_t from_real, from_monotonic;
static int ready;

/* The real function; some have an old version beside the one that programs are linked with. */
static void *real(const char *name, const char *version) {
  void *found = version ? dlvsym(RTLD_NEXT, name, version) : NULL;
  return found ? found : dlsym(RTLD_NEXT, name);
}
#define REAL(type, name, version)                                                                  \
  static type (*next)();                                                                           \
  if (!next) next = (type(*)())real(#name, version)

static void begin(void) {
  if (ready) return;
  const char *text = getenv("VISUOMOTOR_SLOW");
  char *rest;
  if (text) {
    double asked = strtod(text, &rest);
    from_real = strtoll(rest, &rest, 10);
    from_monotonic = strtoll(rest, &rest, 10);
    if (asked >= 1.0 && from_real > 0) factor = asked;
  }
  ready = 1;
}
__attribute__((constructor)) static void constructed(void) { begin(); }

static ns_t ns_of(const struct timespec *t) { return t->tv_sec * S + t->tv_nsec; }
static struct timespec spec_of(ns_t ns) {
  struct timespec t = {ns / S, ns % S};
  if (t.tv_nsec < 0) t.tv_sec--, t.tv_nsec += S;
  return t;
}
static int is_slowed(clockid_t clock) {
  return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_RAW ||
         clock == CLOCK_BOOTTIME || clock == CLOCK_REALTIME_COARSE ||
         clock == CLOCK_MONOTONIC_COARSE || clock == CLOCK_TAI;
}
static ns_t from_of(clockid_t clock) {
  int real_time = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI;
  return real_time ? from_real : from_monotonic;
}
static ns_t slow_of(clockid_t clock, ns_t true_ns) {
  ns_t from = from_of(clock);
  return from + (ns_t)((double)(true_ns - from) / factor);
}
static struct timespec true_of(clockid_t clock, const struct timespec *slow) {
  ns_t from = from_of(clock), since = ns_of(slow) - from;
  if ((double)since > 4e18 / factor) return *slow; /* for ever */
  return spec_of(from + (ns_t)((double)since * factor));
}
static struct timespec deadline(const struct timespec *slow) {
  return true_of(ns_of(slow) > SINCE_1970 ? CLOCK_REALTIME : CLOCK_MONOTONIC, slow);
}
static struct timespec longer(const struct timespec *t) {
  if ((double)ns_of(t) > 4e18 / factor) return *t;
  return spec_of((ns_t)((double)ns_of(t) * factor));
}
static struct timeval longer_val(const struct timeval *t) {
  struct timespec spec = {t->tv_sec, t->tv_usec * 1000}, l = longer(&spec);
  struct timeval v = {l.tv_sec, l.tv_nsec / 1000};
  return v;
}
static int longer_ms(int ms) {
  double l = ceil(ms * factor);
  return ms <= 0 ? ms : l > 2e9 ? 2000000000 : (int)l;
}

/* Clocks */

int clock_gettime(clockid_t clock, struct timespec *t) {
  REAL(int, clock_gettime, NULL);
  int r = next(clock, t);
  begin();
  if (r == 0 && is_slowed(clock)) *t = spec_of(slow_of(clock, ns_of(t)));
  return r;
}
int gettimeofday(struct timeval *restrict t, void *restrict zone) {
  REAL(int, gettimeofday, NULL);
  struct timespec now;
  int r = next(t, zone);
  if (r == 0 && clock_gettime(CLOCK_REALTIME, &now) == 0)
    t->tv_sec = now.tv_sec, t->tv_usec = now.tv_nsec / 1000;
  return r;
}
time_t time(time_t *out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out) *out = now.tv_sec;
  return now.tv_sec;
}

/* Sleeps; what is left of one that a signal ended is told in slow time */

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *t, struct timespec *left) {
  REAL(int, clock_nanosleep, NULL);
  if (!is_slowed(clock)) return next(clock, flags, t, left);
  struct timespec l = flags & TIMER_ABSTIME ? true_of(clock, t) : longer(t);
  int r = next(clock, flags, &l, left);
  if (r == EINTR && left && !(flags & TIMER_ABSTIME))
    *left = spec_of((ns_t)((double)ns_of(left) / factor));
  return r;
}
int nanosleep(const struct timespec *t, struct timespec *left) {
  int r = clock_nanosleep(CLOCK_MONOTONIC, 0, t, left);
  if (r == 0) return 0;
  errno = r;
  return -1;
}
int usleep(useconds_t us) {
  struct timespec t = {us / 1000000, us % 1000000 * 1000L};
  return nanosleep(&t, NULL);
}
unsigned sleep(unsigned s) {
  struct timespec t = {s, 0}, left = {0, 0};
  return nanosleep(&t, &left) == 0 ? 0 : (unsigned)left.tv_sec;
}

/* Waiting for files and sockets */

int poll(struct pollfd *fds, nfds_t n, int ms) {
  REAL(int, poll, NULL);
  return next(fds, n, longer_ms(ms));
}
int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *t, const sigset_t *mask) {
  REAL(int, ppoll, NULL);
  struct timespec l;
  if (t) l = longer(t);
  return next(fds, n, t ? &l : NULL, mask);
}
int select(int n, fd_set *restrict r, fd_set *restrict w, fd_set *restrict e,
           struct timeval *restrict t) {
  REAL(int, select, NULL);
  struct timeval l;
  if (t) l = longer_val(t);
  return next(n, r, w, e, t ? &l : NULL);
}
int pselect(int n, fd_set *restrict r, fd_set *restrict w, fd_set *restrict e,
            const struct timespec *restrict t, const sigset_t *restrict mask) {
  REAL(int, pselect, NULL);
  struct timespec l;
  if (t) l = longer(t);
  return next(n, r, w, e, t ? &l : NULL, mask);
}
int epoll_wait(int fd, struct epoll_event *events, int n, int ms) {
  REAL(int, epoll_wait, NULL);
  return next(fd, events, n, longer_ms(ms));
}
int epoll_pwait(int fd, struct epoll_event *events, int n, int ms, const sigset_t *mask) {
  REAL(int, epoll_pwait, NULL);
  return next(fd, events, n, longer_ms(ms), mask);
}
int timerfd_settime(int fd, int flags, const struct itimerspec *t, struct itimerspec *old) {
  REAL(int, timerfd_settime, NULL);
  struct itimerspec l = {longer(&t->it_interval), t->it_value};
  if (ns_of(&t->it_value)) /* 0 disarms it */
    l.it_value = flags & TFD_TIMER_ABSTIME ? deadline(&t->it_value) : longer(&t->it_value);
  return next(fd, flags, &l, old);
}
int setsockopt(int fd, int level, int name, const void *value, socklen_t size) {
  REAL(int, setsockopt, NULL);
  if (level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO) &&
      size == sizeof(struct timeval)) {
    struct timeval l = longer_val(value);
    return next(fd, level, name, &l, size);
  }
  return next(fd, level, name, value, size);
}

/* Waiting for other threads */

int pthread_cond_timedwait(pthread_cond_t *restrict c, pthread_mutex_t *restrict m,
                           const struct timespec *restrict t) {
  REAL(int, pthread_cond_timedwait, "GLIBC_2.3.2");
  struct timespec l = deadline(t);
  return next(c, m, &l);
}
int pthread_cond_clockwait(pthread_cond_t *c, pthread_mutex_t *m, clockid_t clock,
                           const struct timespec *t) {
  REAL(int, pthread_cond_clockwait, NULL);
  struct timespec l = true_of(clock, t);
  return next(c, m, clock, &l);
}
int sem_timedwait(sem_t *restrict s, const struct timespec *restrict t) {
  REAL(int, sem_timedwait, NULL);
  struct timespec l = true_of(CLOCK_REALTIME, t);
  return next(s, &l);
}
int sem_clockwait(sem_t *restrict s, clockid_t clock, const struct timespec *restrict t) {
  REAL(int, sem_clockwait, NULL);
  struct timespec l = true_of(clock, t);
  return next(s, clock, &l);
}
int pthread_mutex_timedlock(pthread_mutex_t *restrict m, const struct timespec *restrict t) {
  REAL(int, pthread_mutex_timedlock, NULL);
  struct timespec l = true_of(CLOCK_REALTIME, t);
  return next(m, &l);
}
int pthread_mutex_clocklock(pthread_mutex_t *restrict m, clockid_t clock,
                            const struct timespec *restrict t) {
  REAL(int, pthread_mutex_clocklock, NULL);
  struct timespec l = true_of(clock, t);
  return next(m, clock, &l);
}
