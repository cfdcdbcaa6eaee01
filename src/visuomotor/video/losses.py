"""How well scenes explain a video, and how plausible they are: one sum per start, R at once."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from visuomotor.errors import ConfigError
from visuomotor.video.mask_windows import MaskWindows
from visuomotor.video.pairs import growing, over_the_edge, overlap_depth, seen_behind
from visuomotor.video.scene import Contact, Scene, Supposition
from visuomotor.video.silhouette import (
    CUBOID_EDGES,
    HAND_EDGES,
    cuboid_vertices,
    extents,
    hand_vertices,
    pointing,
    soft_silhouette,
)


@dataclass(frozen=True)
class LossWeights:
    """The constants of the loss, the same for all videos and actions.

    box, mask: evidence, mean over a body's frames. box_px_of_width: of the image's width, the box
    error that counts 1/2 (Huber). hand_acceleration (m/s^2)^-2, angle_acceleration (rad/s^2)^-2,
    turn_acceleration: of the moved object's rotation. contact: hand's end to where it holds the
    object, (2 cm)^-2. support, penetration (1 cm)^-2; order (2 cm)^-2. table: nothing below it,
    (1 cm)^-2. camera: elevation around camera_elevation_rad +- camera_elevation_sd_rad, distance
    around camera_distance_m, +- a factor of e^camera_distance_sd. size: sides around size_m,
    heights around height_m, in factors of e. shape: sides alike. stable: no taller than its base
    is wide. tilt, grip: held upright, at the centre. hand_pose: azimuth around pi/2, elevation
    around 0.5 rad, weakly. hand_radius_m: of its cylinder.
    """

    box: float = 1.0
    mask: float = 6.0
    box_px_of_width: float = 0.02
    hand_acceleration: float = 0.01
    angle_acceleration: float = 0.002
    turn_acceleration: float = 0.0005
    contact: float = 1.0
    support: float = 1.0
    penetration: float = 1.0
    order: float = 3.0
    table: float = 1.0
    camera: float = 0.05
    camera_elevation_rad: float = 0.7
    camera_elevation_sd_rad: float = 0.25
    camera_distance_m: float = 0.6
    camera_distance_sd: float = 0.5
    size: float = 0.05
    size_m: float = 0.08
    height_m: float = 0.05
    shape: float = 0.02
    stable: float = 0.3
    tilt: float = 0.05
    grip: float = 0.02
    hand_pose: float = 0.003
    hand_radius_m: float = 0.04

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value >= 0:
                raise ConfigError(f"LossWeights.{name} is {value}, expected 0 or more")


@dataclass(frozen=True)
class Evidence:
    """What was seen, as tensors: per body boxes (T, 4) px with seen (T,) and open sides (T, 4).

    A side is open where the box ends at the image's border: the body may reach beyond it. masks:
    per body that has some. front (N, 2) px at front_frames (N,): pixels
    where the moved object is seen in front of the static one.
    """

    boxes: dict[str, Tensor]
    seen: dict[str, Tensor]
    open: dict[str, Tensor]
    masks: dict[str, MaskWindows] = field(default_factory=dict)
    front: Tensor = field(default_factory=lambda: torch.zeros(0, 2))
    front_frames: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.long))


def evidence_losses(
    scene: Scene,
    seen: Evidence,
    supposition: Supposition,
    weights: LossWeights,
    sharpness: float,
    blur_px: float | None,
) -> dict[str, Tensor]:
    """(R,) each: per body, the error of its boxes, or of its masks where blur_px is given.

    sharpness in (0, 1] widens the boxes' tolerance while starts are coarse.
    """
    found: dict[str, Tensor] = {}
    length = supposition.length[:, None].expand(scene.azimuth.shape)
    points = {
        "hand": hand_vertices(
            scene.hand, scene.azimuth, scene.elevation, weights.hand_radius_m, length
        ),
        "moved": cuboid_vertices(
            scene.moved, scene.moved_rotation, scene.moved_size[:, None].expand_as(scene.moved)
        ),
    }
    if scene.static is not None:
        still = scene.static
        corners = cuboid_vertices(still.position, still.rotation, still.size)
        points["static"] = corners[:, None].expand(-1, scene.hand.shape[1], -1, -1)
    scale = weights.box_px_of_width * scene.camera.size[0] / sharpness
    for body, vertices in points.items():
        pixels, _ = scene.camera.project(vertices)
        if blur_px is not None and body in seen.masks:
            found[f"mask_{body}"] = weights.mask * _mask_error(
                body, pixels, seen.masks[body], blur_px
            )
            continue
        error = extents(pixels) - seen.boxes[body]
        outward = error * error.new_tensor([-1.0, -1.0, 1.0, 1.0])
        error = torch.where(seen.open[body], outward.clamp_max(0.0), outward) / scale
        size = error.abs()
        huber = torch.where(size < 1, 0.5 * size.square(), size - 0.5)
        counts = seen.seen[body]
        per_frame = (huber.mean(-1) * counts).sum(-1) / counts.sum().clamp_min(1.0)
        found[f"box_{body}"] = weights.box * per_frame
    return found


def _mask_error(body: str, pixels: Tensor, masks: MaskWindows, blur_px: float) -> Tensor:
    """(R,): squared error, black and white balanced, over the frames that have a mask."""
    edges = HAND_EDGES if body == "hand" else CUBOID_EDGES
    starts, (frames, points) = len(pixels), masks.inside.shape
    chosen = pixels[:, masks.frames].flatten(0, 1)
    grid = masks.grid.expand(starts, -1, -1, -1).reshape(starts * frames, points, 2)
    drawn = soft_silhouette(chosen, edges, grid, blur_px)
    return masks.error(drawn.reshape(starts, frames, points))


def physics_losses(
    scene: Scene,
    seen: Evidence,
    supposition: Supposition,
    contact: Contact,
    weights: LossWeights,
    rate_hz: float,
) -> dict[str, Tensor]:
    """(R,) each: accelerations, contact, support, penetration, order in depth, and priors."""
    w, s = weights, supposition
    moved = _accelerations(scene.moved_rotation.flatten(-2), rate_hz)
    angles = torch.stack((scene.azimuth, scene.elevation), -1)
    found: dict[str, Tensor] = {
        "acceleration": w.hand_acceleration * _accelerations(scene.hand, rate_hz)
        + w.angle_acceleration * _accelerations(angles, rate_hz)
        + w.turn_acceleration * moved,
        "priors": _priors(scene, w),
    }
    gap = ((scene.held - scene.moved)[..., 2] / 0.02).square() * scene.touch
    found["contact"] = w.contact * gap.sum(-1) / scene.touch.sum(-1)
    # At both ends of the contact the object is on what supports it.
    if not contact.brought:
        begin = scene.held[:, contact.first, 2] - 0.5 * scene.moved_size[:, 2]
        found["contact"] = found["contact"] + w.contact * growing(begin / 0.01)
    if contact.left:
        let_go = scene.held[:, contact.last - 1, 2] - scene.moved[:, -1, 2]
        found["contact"] = found["contact"] + w.contact * (1 - s.kept) * growing(let_go / 0.01)
    corners = cuboid_vertices(
        scene.moved, scene.moved_rotation, scene.moved_size[:, None].expand_as(scene.moved)
    )
    along = pointing(scene.azimuth, scene.elevation)
    wrist = scene.hand[..., 2] - s.length[:, None] * along[..., 2]
    below = (-corners[..., 2].amin(-1)).clamp_min(0) + (0.01 - scene.hand[..., 2]).clamp_min(0)
    below = below + (0.02 - wrist).clamp_min(0)
    found["table"] = w.table * (below / 0.01).square().mean(-1)
    if scene.static is not None:
        still = scene.static
        depth = overlap_depth(scene, still)
        deep = (depth.clamp_min(0) / 0.01).square().mean(-1)
        at_rest = growing((depth[:, -1] - 0.002).clamp_min(0) / 0.01)
        found["penetration"] = w.penetration * (deep + at_rest)
        found["support"] = w.support * s.onto * over_the_edge(scene, still)
        if len(seen.front):
            found["order"] = w.order * seen_behind(scene, still, seen.front, seen.front_frames)
    return found


def _accelerations(states: Tensor, rate_hz: float) -> Tensor:
    """(R,): mean square of central second differences of (R, T, D)."""
    bend = (states[:, 2:] - 2 * states[:, 1:-1] + states[:, :-2]) * rate_hz**2
    return bend.square().sum(-1).mean(-1)


def _priors(scene: Scene, w: LossWeights) -> Tensor:
    camera = scene.camera
    off = (camera.elevation - w.camera_elevation_rad) / w.camera_elevation_sd_rad
    far = (camera.distance / w.camera_distance_m).log() / w.camera_distance_sd
    total = w.camera * (off.square() + far.square())
    total = total + w.tilt * scene.tilt.square().sum(-1).mean(-1)
    total = total + w.grip * scene.grip.square().sum(-1)
    pose = 1 - torch.sin(scene.azimuth)
    total = total + w.hand_pose * (pose + (scene.elevation - 0.5).square()).mean(-1)
    still = scene.static
    for size in (scene.moved_size, None if still is None else still.size):
        if size is not None:
            usual = size.new_tensor([w.size_m, w.size_m, w.height_m])
            total = total + w.size * (size / usual).log().square().sum(-1)
            sides = size.log()
            total = total + w.shape * (sides - sides.mean(-1, keepdim=True)).square().sum(-1)
            tall = sides[..., 2] - sides[..., :2].amin(-1)
            total = total + w.stable * tall.clamp_min(0).square()
    return total
