"""A world that keeps up with a clock, in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import RobotState
from visuomotor.errors import RobotError
from visuomotor.sim.tasks import Poses
from visuomotor.sim.world import SimWorld, Snapshot

JUDGED_NS = 10_000_000
ARM_TOLERANCE_M = 0.02
MAX_REFERENCE_ERROR_M = 0.12


class RealtimeWorld:
    """Steps a SimWorld so that its clock follows `clock_ns`; every method may be called anywhere.

    After a reset the arm ignores references until one is within 2 cm of where it stands, and
    always ones farther than 12 cm away: a controller that was told of no reset must not sweep the
    arm across the table. In that thread, before_step is called before every step, to bring the
    newest commands, and on_state gets the robot's state after it.
    """

    def __init__(
        self,
        world: SimWorld,
        clock_ns: Callable[[], int],
        on_state: Callable[[RobotState], None] | None = None,
        before_step: Callable[[], None] | None = None,
    ) -> None:
        self._world, self._clock_ns, self._on_state = world, clock_ns, on_state
        self._before_step = before_step
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="physics", daemon=True)
        self._armed = False
        self._solved = False
        self._reached = ""
        self._failure: Exception | None = None
        self.late = 0
        """How often the physics fell more than the world's max_lag_s behind, and the clock was set
        on."""

    def start(self, seed: int) -> None:
        """Resets to `seed` and starts the thread."""
        self.reset(seed)
        self._thread.start()

    def reset(self, seed: int, start: str | None = None, goal: str | None = None) -> None:
        """The initial state of `seed`, now; start and goal as SimConfig's, None: as they were.

        Raises ConfigError for names that the task lacks.
        """
        with self._lock:
            config = self._world.config
            self._world.choose_pair(
                config.start if start is None else start, config.goal if goal is None else goal
            )
            self._world.reset(seed, self._clock_ns())
            self._armed = self._solved = False
            self._reached = ""

    def follow(self, T_base_ee: NDArray[np.float64]) -> bool:
        """Takes a reference; False if it was too far away and ignored."""
        with self._lock:
            distance = float(
                np.linalg.norm(T_base_ee[:3, 3] - self._world.arm.measured_pose()[:3, 3])
            )
            self._armed = self._armed or distance < ARM_TOLERANCE_M
            if not self._armed or not distance < MAX_REFERENCE_ERROR_M:
                return False
            self._world.set_reference(T_base_ee)
            return True

    def grip(self, width_m: float) -> None:
        """Moves the hand to a full width."""
        with self._lock:
            self._world.set_gripper(width_m)

    def push_hand(self, wrench: NDArray[np.float64], duration_s: float) -> None:
        """A wrench (6,) in base acts on the hand from now on."""
        with self._lock:
            self._world.push_hand(wrench, duration_s)

    def robot_state(self) -> RobotState:
        """The robot after the newest step."""
        with self._lock:
            return self._world.robot_state()

    def snapshot(self) -> Snapshot:
        """For `SimWorld.frame` in a rendering thread."""
        with self._lock:
            return self._world.snapshot()

    def truth(self) -> tuple[int, Poses, bool, float]:
        """Stamp, object poses, whether the task was solved since the reset, the arm's time since.

        Where the physics cannot keep up with the clock, less of it has passed, in s.

        Raises RobotError if the physics has stopped.
        """
        if self._failure is not None:
            raise RobotError(f"the simulation stopped: {self._failure}") from self._failure
        with self._lock:
            world = self._world
            return world.time_ns, world.object_poses(), self._solved, world.elapsed_s

    def goals(self) -> tuple[str, str]:
        """The episode's pair, as a sim.tasks.goals.Pair writes it, and the goal reached last."""
        with self._lock:
            return str(self._world.pair), self._reached

    @property
    def physics_s(self) -> float:
        """How much time of its own the physics has lived through since it was made."""
        return float(self._world.data.time)

    def close(self) -> None:
        """Stops the thread."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def _run(self) -> None:
        try:
            self._follow_clock()
        except Exception as error:
            self._failure = error

    def _follow_clock(self) -> None:
        tick_ns = round(self._world.tick_s * 1e9)
        max_lag_ns = round(self._world.max_lag_s * 1e9)
        judged_ns = 0
        while not self._stop.is_set():
            if self._before_step is not None:
                self._before_step()
            with self._lock:
                lag_ns = self._clock_ns() - self._world.time_ns
                if abs(lag_ns) > max_lag_ns:
                    self._world.shift_clock(lag_ns - tick_ns)
                    self.late += 1
                stepped = lag_ns >= tick_ns
                if stepped:
                    self._world.advance(self._world.tick_s)
                    if abs(self._world.time_ns - judged_ns) >= JUDGED_NS:
                        judged_ns = self._world.time_ns
                        self._solved = self._solved or self._world.success()
                        self._reached = self._world.reached() or self._reached
                due_ns = self._world.time_ns + tick_ns
            if stepped and self._on_state is not None:
                self._on_state(self.robot_state())
            wait_ns = min(due_ns - self._clock_ns(), tick_ns)
            if wait_ns > 0:
                time.sleep(wait_ns * 1e-9)  # an event's wait costs twice as much
