"""What a hand-eye action network is: the paper's forms, and ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from visuomotor.networks.local import Padding

STRIDE = 4
"""Pixels per cell of the network's map."""


@dataclass(frozen=True)
class HanConfig:
    """Hand-Eye Action Networks, sections IV-A to IV-C; the defaults are our variant of it.

    attention: `windows`, regions of window_px at random places while training (windows of them per
    camera) and on a fixed grid of step_px when it runs; `whole`, one region that is the image (the
    paper's no-ROI). crops: `shared`, one pass of the network over the image, each region a window
    of its map; `literal`, a pass over each crop, the same up to borders and many times slower.
    target: `constrained`, an offset of at most offset_m from the keypoint and a gain of 0 to 1;
    `free`, the same without the bounds (no-con); `direct`, a network that gives the action itself
    (mlp-ATN). keypoint: the expectation over the region's cells near their peak, or, as the paper
    has it, over all of them (`mean`). inputs: `relative`, the keypoint seen from the hand alone;
    `absolute`, both in base, as in the paper. height: beside a relative keypoint, the hand's
    height in base: objects are elsewhere on a table, not above or below it. described: what the
    action's network is told of the regions, the features of the one that is `followed` (all,
    weighted by confidence), or the plain mean of `all`, as near as a changing number of regions
    comes to the paper's "features of all the ROIs". context: the switch also knows the hand's
    surroundings, the gripper's width and where the candidate is from the hand. proprioception: the
    gripper's width is an input of the action's network. sight_dropout: with what probability that
    network is not told, while training, of the followed region, and of the hand's surroundings,
    each by itself (Liu et al. 2017, Learning End-to-end Multimodal Sensor Policies for Autonomous
    Navigation): it must then do with what holds everywhere, as where the keypoint is from the hand;
    1: never told. padding: of the convolutions, see
    `networks.local`. rotation: turns the hand by up to turn_rad a step. chunk: how many steps'
    actions are given at once.
    """

    attention: Literal["windows", "whole"] = "windows"
    crops: Literal["shared", "literal"] = "shared"
    windows: int = 16
    window_px: int = 48
    step_px: int = 8
    target: Literal["constrained", "free", "direct"] = "constrained"
    offset_m: float = 0.1
    keypoint: Literal["peak", "mean"] = "peak"
    inputs: Literal["relative", "absolute"] = "relative"
    height: bool = False
    described: Literal["followed", "all"] = "followed"
    context: bool = True
    proprioception: bool = True
    sight_dropout: float = 0.0
    padding: Padding = "replicate"
    channels: tuple[int, ...] = (32, 48, 64, 64, 64)
    hidden: tuple[int, ...] = (256, 256)
    rotation: bool = False
    turn_rad: float = 0.2
    chunk: int = 1

    def __post_init__(self) -> None:
        sizes = (self.windows, self.window_px, self.step_px, self.chunk, *self.channels)
        if len(self.channels) < 2 or not self.hidden or min(*sizes, *self.hidden) < 1:
            raise ValueError(
                f"han: got windows {self.windows}, window_px {self.window_px}, step_px "
                f"{self.step_px}, chunk {self.chunk}, channels {self.channels}, hidden "
                f"{self.hidden}; expected positive sizes and two channels at least"
            )
        if self.window_px % STRIDE or self.step_px % STRIDE:
            raise ValueError(
                f"han: got window_px {self.window_px}, step_px {self.step_px}; expected multiples "
                f"of {STRIDE}, the network's stride"
            )
        if self.attention == "whole" and self.crops == "literal":
            raise ValueError(
                "han: got crops `literal` with attention `whole`, which has none to cut"
            )
        if not (self.offset_m > 0 and self.turn_rad > 0 and 0 <= self.sight_dropout <= 1):
            raise ValueError(
                f"han: got offset_m {self.offset_m}, turn_rad {self.turn_rad}, sight_dropout "
                f"{self.sight_dropout}; expected > 0, > 0 and a probability"
            )

    @property
    def window(self) -> int:
        """Cells of the map along a region's side."""
        return self.window_px // STRIDE
