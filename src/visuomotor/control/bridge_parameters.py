"""The parameters of the bridge's node: limits, backend, rates, and what may not be switched off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from visuomotor.contracts import check_priority
from visuomotor.control.backends.crisp_config import CrispConfig
from visuomotor.control.backends.libfranka_config import LibfrankaConfig
from visuomotor.control.bridge_config import BridgeConfig
from visuomotor.slow import is_here


@dataclass(frozen=True, kw_only=True)
class Config(CrispConfig, LibfrankaConfig, BridgeConfig):
    """The bridge's limits, the backend with its own settings, and the rates.

    backend: `mujoco` where a controller on the graph follows command/reference and
    command/gripper (the simulation), `libfranka` where this node drives the arm itself and
    publishes its state, `crisp` where franka_ros2 does and CRISP's controller follows target_pose.
    realtime_priority: of this node's threads, where the system allows it; 0: none.
    """

    backend: Literal["mujoco", "libfranka", "crisp"] = "mujoco"
    reference_hz: float = 100.0
    status_hz: float = 10.0
    realtime_priority: int = 2

    def __post_init__(self) -> None:
        BridgeConfig.__post_init__(self)
        LibfrankaConfig.__post_init__(self)
        CrispConfig.__post_init__(self)
        if not (20.0 <= self.reference_hz <= 500.0 and 0.1 <= self.status_hz <= 100.0):
            raise ValueError(
                f"got reference_hz {self.reference_hz} and status_hz {self.status_hz}, expected "
                "20 to 500 and 0.1 to 100"
            )
        check_priority(self.realtime_priority)
        if not (self.simulated or self.require_policy_enable):
            raise ValueError(
                "require_policy_enable: got false for a real arm, expected true; the policy moves "
                "hardware only while somebody holds policy/enable (config/cartesian_bridge.yaml)"
            )

    @property
    def simulated(self) -> bool:
        """Whether the arm is none: one in the graph, or behind an address of this machine."""
        return self.backend == "mujoco" or (
            self.backend == "libfranka" and is_here(self.robot_hostname)
        )

    @property
    def risks_realtime(self) -> bool:
        """Whether a real arm is led without demanding a real-time kernel."""
        return self.backend == "libfranka" and self.ignore_realtime and not self.simulated
