"""What a simulated world is made of; flat, because it becomes the node's parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

CAMERAS = ("front", "side", "wrist")
Region = Literal["interpolation", "extrapolation", "gaussian"]
Demonstrator = Literal["expert", "human_like"]
Disturbance = Literal["none", "held", "moved"]
Variant = Literal[
    "plain",
    "class_general",
    "class_general_unseen",
    "visual_challenge",
    "visual_challenge_unseen",
    "look_alikes",
    "occluded",
    "noisy_depth",
    "weak_environments",
    "validation_environments",
    "test_environments",
]


@dataclass(frozen=True)
class SimConfig:
    """One world: task, cameras, appearance and sensor noise.

    region: where the task draws its initial states from: uniform in its inner area, in the ring
    around that, or in the inner area from a truncated Gaussian about its centre. variant: plain
    (one object, a bare table); class_general (one of 12 instances of its category by seed) and
    class_general_unseen (one of 8 others); visual_challenge (the object without texture, among
    clutter) and visual_challenge_unseen (other clutter, tables, walls and light); look_alikes,
    occluded and noisy_depth, harder twins of tasks in which something is grasped;
    weak_environments, validation_environments and test_environments (one of 40 rooms by seed, with
    other textures, colours, light, instances, distractors and cameras moved a little; in tasks that
    have these, `plain` is one room more). wrenches: scale of the random pushes that the objects of
    some tasks get, 0 for none. demonstrator: who shows the task: its scripted expert, or that with
    a person's curves, pauses and changes of pace. hand_noise_m: by how much (standard deviation
    along each axis) the hand sways beside what it is told, for demonstrations that show how to come
    back (Laskey et al. 2017). slips_hz: for the same end, how often on average the hand goes 1 to 2
    cm aside for a moment, or, seldom, the gripper opens or closes untold. strays_hz: how often it
    closes and is taken up and aside for a second, whether it holds something or not. start, goal:
    names, in tasks that have several. Without a start the seeds take turns with those that are
    demonstrated; without a goal a demonstration ends in the one that is shown from its start, and a
    rollout may end in any. disturbance: once in mid-episode, at a time drawn by seed, the arm and
    its gripper are `held` still for 2 s, or the task has an object `moved` a few centimetres.
    appearance: `light` draws the arm's collision geometry, `full` its visual meshes decimated to
    what an image shows, `original` all of their triangles (several times dearer without a GPU); the
    physics is the same. The noise fields are zero by default; depth noise has standard deviation
    depth_noise * z² (z in m), as a stereo camera's has, depth_holes is the fraction of depth pixels
    lost in patches.
    """

    task: str = "lift"
    region: Region = "interpolation"
    variant: Variant = "plain"
    wrenches: float = 1.0
    demonstrator: Demonstrator = "expert"
    hand_noise_m: float = 0.0
    slips_hz: float = 0.0
    strays_hz: float = 0.0
    start: str = ""
    goal: str = ""
    disturbance: Disturbance = "none"
    cameras: tuple[str, ...] = CAMERAS
    width: int = 160
    height: int = 120
    appearance: Literal["light", "full", "original"] = "light"
    shadows: bool = False
    multisamples: int = 0
    timestep_s: float = 0.002
    depth_noise: float = 0.0
    depth_holes: float = 0.0

    def __post_init__(self) -> None:
        if self.width < 16 or self.height < 16:
            raise ValueError(f"got a {self.width}x{self.height} image, expected at least 16x16")
        if len(set(self.cameras)) != len(self.cameras):
            raise ValueError(f"got cameras {self.cameras}, expected distinct names")
        if not 0.0005 <= self.timestep_s <= 0.005:
            raise ValueError(f"got timestep_s {self.timestep_s}, expected 0.0005 to 0.005")
        if not 0 <= self.depth_holes < 1 or self.depth_noise < 0:
            raise ValueError(
                f"got depth_noise {self.depth_noise}, depth_holes {self.depth_holes}; expected "
                "depth_noise >= 0 and 0 <= depth_holes < 1"
            )
        if not 0 <= self.wrenches <= 10:
            raise ValueError(f"got wrenches {self.wrenches}, expected a scale of 0 to 10")
        if not 0 <= self.hand_noise_m <= 0.03:
            raise ValueError(f"got hand_noise_m {self.hand_noise_m}, expected 0 to 0.03")
        if not 0 <= self.slips_hz <= 1:
            raise ValueError(f"got slips_hz {self.slips_hz}, expected 0 to 1")
        if not 0 <= self.strays_hz <= 0.5:
            raise ValueError(f"got strays_hz {self.strays_hz}, expected 0 to 0.5")
        if self.disturbance not in get_args(Disturbance):
            raise ValueError(
                f"got disturbance {self.disturbance!r}, expected {', '.join(get_args(Disturbance))}"
            )
        if self.multisamples not in (0, 2, 4, 8):
            raise ValueError(f"got multisamples {self.multisamples}, expected 0, 2, 4 or 8")
