"""Pictures of a ray-cast box, and descriptors that are their colours."""

import numpy as np
from box_scene import CAMERA, FRONT, SIDE, view_of
from torch import Tensor, nn

from visuomotor.contracts import CameraFrame, RobotState, SyncedFrame
from visuomotor.dataset.cache import depth_mm_from_m
from visuomotor.geometry import pose
from visuomotor.networks import Grid
from visuomotor.observations import CameraSpec, ObservationSpec

SPEC = ObservationSpec(tuple(CameraSpec(n, CAMERA.height, CAMERA.width) for n in ("front", "side")))


class ColourNetwork(nn.Module):
    """In these pictures a colour is a place, unlike any other."""

    grid = Grid(1)

    def describe(self, color: Tensor) -> Tensor:
        return 30 * color.permute(0, 3, 1, 2).float() / 255


def a_set(stamp_ns: int) -> SyncedFrame:
    """Two cameras that see the same box."""
    cameras = {}
    for name, T in (("front", FRONT), ("side", SIDE)):
        view = view_of(T)
        depth_mm = depth_mm_from_m(view.depth_m[0].numpy())
        cameras[name] = CameraFrame(view.color[0].numpy(), depth_mm, CAMERA, T)
    at_rest = np.zeros(7)
    robot = RobotState(stamp_ns, pose(np.diag([1.0, -1, -1]), (0.5, 0, 0.3)), at_rest, at_rest, 0.0)
    return SyncedFrame(stamp_ns, cameras, robot)
