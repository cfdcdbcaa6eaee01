"""Copy-paste augmentation in RGBD: objects of one instant with the robot of another.

Ghiasi et al. 2021 paste objects by their masks; here depth says who hides whom, so that the two
views of a pair stay views of one scene, and correspondence in them stays geometry.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from visuomotor.descriptors.matching import Views
from visuomotor.training.scenes import Scene

MARGIN_PX = 2
"""A donor's object goes with this much around it: its foot is too low to be told from the table."""


def with_robot_of(scene: Scene, donors: Tensor, chosen: Tensor) -> Scene:
    """The scene's B images, of which the chosen (B,) bool show the robot of images donors (B,).

    Both are of one camera. What a donor's own object hides is taken from the image itself; where
    that shows a robot nothing is known, and the pixel counts as not measured. An image whose
    calibration is not its donor's stays as it is.
    """
    views = scene.views
    same = (views.K[donors] == views.K).flatten(1).all(1)
    same &= (views.T_base_camera == views.T_base_camera[donors]).flatten(1).all(1)
    left_alone = ~(chosen.to(same.device) & same)[:, None, None]
    nearer = (views.depth_m < views.depth_m[donors]) | ~scene.measured[donors]
    hole = _grown(scene.objects[donors])
    own = left_alone | hole | (scene.objects & nearer)
    unknown = ~left_alone & hole & scene.foreground & ~scene.objects

    def mixed(values: Tensor) -> Tensor:
        mask = own[..., None] if values.dim() == 4 else own
        return torch.where(mask, values, values[donors])

    depth = mixed(views.depth_m).masked_fill(unknown, 0.0)
    return Scene(
        Views(mixed(views.color), depth, views.K, views.T_base_camera),
        mixed(scene.points),
        mixed(scene.measured) & ~unknown,
        mixed(scene.foreground) & ~unknown,
        own & scene.objects,
    )


def _grown(mask: Tensor) -> Tensor:
    """A mask (B, H, W) grown by MARGIN_PX."""
    size = 2 * MARGIN_PX + 1
    return F.max_pool2d(mask[:, None].float(), size, stride=1, padding=MARGIN_PX)[:, 0] > 0
