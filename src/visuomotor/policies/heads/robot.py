"""What a policy knows of the robot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visuomotor.geometry import rotvec_from_matrix

POINTING_DOWN = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
"""The end effector's rotation in base when it points straight down: the zero of rotations."""


@dataclass(frozen=True)
class RobotInputs:
    """The robot's state in any number of steps (...).

    position (..., 3) m and rotation (..., 3) rotation vector in rad from pointing straight down,
    of the end effector in base; width (...) m.
    """

    position: Tensor
    rotation: Tensor
    width: Tensor

    def reshape(self, *shape: int) -> RobotInputs:
        """The same steps in another arrangement."""
        return RobotInputs(
            self.position.reshape(*shape, 3),
            self.rotation.reshape(*shape, 3),
            self.width.reshape(*shape),
        )


def robot_inputs(T_base_ee: NDArray[np.float64], width_m: NDArray[np.float64]) -> RobotInputs:
    """Robot inputs of poses (..., 4, 4) and widths (...)."""
    from_down = T_base_ee[..., :3, :3] @ POINTING_DOWN.numpy()
    return RobotInputs(
        torch.from_numpy(T_base_ee[..., :3, 3].astype(np.float32)),
        torch.from_numpy(np.asarray(rotvec_from_matrix(from_down), np.float32)),
        torch.from_numpy(np.asarray(width_m, np.float32)),
    )
