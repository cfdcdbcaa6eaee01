"""What the keys mean, and what a hand on them asks for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from visuomotor.contracts import Float64
from visuomotor.teleop.dead_man import DeadMan
from visuomotor.teleop.device import Reading, SilentDevice

# key: (dx dy dz, rx ry rz) along base axes
DIRECTIONS: dict[str, tuple[int, int, int, int, int, int]] = {
    "w": (1, 0, 0, 0, 0, 0),
    "s": (-1, 0, 0, 0, 0, 0),
    "a": (0, 1, 0, 0, 0, 0),
    "d": (0, -1, 0, 0, 0, 0),
    "r": (0, 0, 1, 0, 0, 0),
    "f": (0, 0, -1, 0, 0, 0),
    "i": (0, 0, 0, 0, 1, 0),
    "k": (0, 0, 0, 0, -1, 0),
    "j": (0, 0, 0, -1, 0, 0),
    "l": (0, 0, 0, 1, 0, 0),
    "u": (0, 0, 0, 0, 0, 1),
    "o": (0, 0, 0, 0, 0, -1),
}
GRIPPER_KEY = " "
POLICY_KEY = "p"
RELEASE_KEY = "\x1b"

HELP = """Hold a key to move, let go to stop (the dead-man is the key itself).
  w/s forward/back   a/d left/right   r/f up/down
  i/k pitch   j/l roll   u/o yaw   space gripper   Esc release at once   Ctrl-C quit
Hold p to let a policy move the arm (policy/enable); any key above takes the arm from it."""


class HeldKeys:
    """Which keys are down, guessed from a terminal's repeats.

    hold_s: how long a key counts as down after it was last seen; a terminal repeats a held key
    at 20 to 30 Hz, after a first pause of up to 0.5 s in which the arm stands.
    """

    def __init__(self, hold_s: float = 0.12) -> None:
        self._hold_ns = round(hold_s * 1e9)
        self._seen_ns: dict[str, int] = {}

    def press(self, key: str, now_ns: int) -> bool:
        """Takes a key; whether it is one that moves."""
        key = key.lower()
        if key not in DIRECTIONS:
            return False
        self._seen_ns[key] = now_ns
        return True

    def release(self) -> None:
        """Forgets every key."""
        self._seen_ns.clear()

    def velocity(self, now_ns: int, speed: float, angular_speed: float) -> Float64:
        """The twist (6,) asked for, m/s and rad/s along base axes; no faster on diagonals."""
        total = np.zeros(6)
        for key, seen_ns in self._seen_ns.items():
            if 0 <= now_ns - seen_ns <= self._hold_ns:
                total += DIRECTIONS[key]
        for part, bound in ((slice(0, 3), speed), (slice(3, 6), angular_speed)):
            norm = float(np.linalg.norm(total[part]))
            total[part] *= bound / norm if norm > 0 else 0.0
        return total


class Keyboard(SilentDevice):
    """A terminal's keys as a `Device`: a key that moves is the dead-man, until its repeats stop.

    read_keys: the keys typed since the last call. hold_s: motion lasts so long after a key was
    last seen; dead_man_hold_s: the dead-man, across a terminal's pause before it repeats;
    policy_hold_s: a policy, once its key repeats.
    """

    def __init__(
        self,
        read_keys: Callable[[], str],
        hold_s: float = 0.12,
        dead_man_hold_s: float = 0.7,
        policy_hold_s: float = 0.2,
    ) -> None:
        self._read_keys = read_keys
        self._keys = HeldKeys(hold_s)
        self._dead_man = DeadMan(hold_s=dead_man_hold_s)
        self._policy = DeadMan(hold_s=dead_man_hold_s, repeat_hold_s=policy_hold_s)

    def read(self, now_ns: int) -> Reading:
        """What the keys ask for."""
        toggles = 0
        for key in self._read_keys():
            if key == RELEASE_KEY:
                self._keys.release()
                self._dead_man.release()
                self._policy.release()
            elif key.lower() == POLICY_KEY:
                self._policy.press(now_ns)
            elif key == GRIPPER_KEY:
                toggles += 1
                self._dead_man.press(now_ns)
            elif self._keys.press(key, now_ns):
                self._dead_man.press(now_ns)
        return Reading(
            self._dead_man.held(now_ns),
            self._keys.velocity(now_ns, 1.0, 1.0),
            toggles=toggles,
            policy=self._policy.held(now_ns),
        )
