"""External wrench on the hand -> whether it lasts long enough to stop the arm."""

from __future__ import annotations

import numpy as np

from visuomotor.contracts import Float64
from visuomotor.control.backends.contact_config import ContactConfig


class ContactWatch:
    """Judges wrenches as they come; time comes in as `now_ns`."""

    def __init__(self, config: ContactConfig) -> None:
        self._config = config
        self._since_ns: int | None = None

    def judge(self, wrench: Float64, now_ns: int) -> str:
        """Why the arm must stop, or "" while all is well; wrench (6,) in N and Nm.

        A wrench that is not finite tells nothing and counts as none.
        """
        config = self._config
        force, torque = float(np.linalg.norm(wrench[:3])), float(np.linalg.norm(wrench[3:]))
        if not (force > config.stop_force_n or torque > config.stop_torque_nm):
            self._since_ns = None
            return ""
        if self._since_ns is None:
            self._since_ns = now_ns
        if (now_ns - self._since_ns) * 1e-9 < config.stop_time_s:
            return ""
        return (
            f"external wrench of {force:.0f} N and {torque:.1f} Nm (limits "
            f"{config.stop_force_n:.0f} N, {config.stop_torque_nm:.0f} Nm); free the hand, then "
            "call bridge/reset"
        )

    def clear(self) -> None:
        """Forgets what pressed."""
        self._since_ns = None
