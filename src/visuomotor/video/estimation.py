"""Estimates the 3-D states of a video: gradient descent from several starts at once."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from visuomotor.contracts import Float64
from visuomotor.errors import ConfigError, DataError
from visuomotor.geometry.se3 import rotvec_from_matrix
from visuomotor.video.actions import find_action
from visuomotor.video.camera import FOCAL_PER_WIDTH
from visuomotor.video.losses import Evidence, LossWeights, evidence_losses, physics_losses
from visuomotor.video.scene import Contact, Parameters, Scene, Supposition, compose
from visuomotor.video.splines import spline_basis
from visuomotor.video.starts import contact_of, evidence_of, starting_parameters, suppositions
from visuomotor.video.states import VideoStates
from visuomotor.video.tracks import Tracks


@dataclass(frozen=True)
class EstimationSettings:
    """How states are estimated; the same for all videos and actions.

    iterations of Adam on boxes, learning_rate falling to a tenth. knots in time. azimuths_rad,
    elevations_rad: of the camera at the starts. hand_lengths_m: supposed in turn. mask_iterations
    on masks, where there are some, for the mask_starts best; blur_px falls between its two values.
    lift: "action": only an action that lifts may take its object off the table; "evidence": any
    may, and the loss decides. lift_penalty, onto_penalty: what these suppositions cost. plausible:
    starts within this much of the best loss count for the spread.
    """

    iterations: int = 300
    learning_rate: float = 0.02
    knots: int = 14
    azimuths_rad: tuple[float, ...] = (-0.5, 0.0, 0.5)
    elevations_rad: tuple[float, ...] = (0.7,)
    hand_lengths_m: tuple[float, ...] = (0.15, 0.4)
    mask_iterations: int = 100
    mask_starts: int = 2
    blur_px: tuple[float, float] = (10.0, 2.0)
    lift: str = "action"
    lift_penalty: float = 0.05
    onto_penalty: float = 0.05
    plausible: float = 0.3
    weights: LossWeights = field(default_factory=LossWeights)

    def __post_init__(self) -> None:
        if self.iterations < 1 or self.knots < 4 or self.mask_starts < 1:
            raise ConfigError(
                f"EstimationSettings: iterations {self.iterations}, knots {self.knots}, "
                f"mask_starts {self.mask_starts}; expected at least 1, 4 and 1"
            )
        if self.lift not in ("action", "evidence"):
            raise ConfigError(
                f"EstimationSettings.lift is {self.lift!r}, expected 'action' or 'evidence'"
            )


def estimate_states(
    tracks: Tracks, action: str, settings: EstimationSettings | None = None
) -> VideoStates:
    """The states that explain a video best.

    The action tells which object is moved, whether there is a second one, and (see settings.lift)
    whether the object leaves the table; nothing else. Raises DataError where the tracks lack phases
    or the static object that the action needs. Paper: section 3.
    """
    chosen, kind = settings or EstimationSettings(), find_action(action)
    if tracks.phases is None:
        raise DataError(
            f"video {tracks.name}: no phases; give them, or predict them with predict_phases"
        )
    if kind.static and not tracks.seen("static").any():
        raise DataError(
            f"video {tracks.name}: {kind.name} needs a static object, which has no box in any of "
            f"{tracks.frames} frames"
        )
    if not kind.static and "static" in tracks.boxes:
        kept = {b: v for b, v in tracks.boxes.items() if b != "static"}
        tracks = Tracks(tracks.name, tracks.rate_hz, tracks.size, kept, tracks.masks, tracks.phases)
    contact, seen = contact_of(tracks), evidence_of(tracks)
    basis = spline_basis(tracks.frames, chosen.knots)
    focal_px = FOCAL_PER_WIDTH * tracks.size[0]
    lifted = (False, True) if chosen.lift == "evidence" and not kind.static else (kind.lifted,)
    cameras = tuple((a, e) for e in chosen.elevations_rad for a in chosen.azimuths_rad)
    parameters, supposition = starting_parameters(
        tracks,
        contact,
        basis,
        suppositions(lifted, kind.static, chosen.hand_lengths_m),
        cameras,
        focal_px,
        chosen.weights,
    )
    problem = _Problem(
        seen, contact, torch.tensor(basis, dtype=torch.float32), focal_px, tracks, chosen
    )
    _descend(problem, parameters, supposition, chosen.iterations, None)
    if seen.masks:
        with torch.no_grad():
            best = problem.losses(parameters, supposition, 1.0, None)[0].argsort()
        best = best[: chosen.mask_starts]
        parameters = Parameters(**{n: v.detach()[best] for n, v in vars(parameters).items()})
        supposition = Supposition(**{n: v[best] for n, v in vars(supposition).items()})
        _descend(problem, parameters, supposition, chosen.mask_iterations, chosen.blur_px)
    with torch.no_grad():
        blur_px = chosen.blur_px[1] if seen.masks else None
        losses, scene = problem.losses(parameters, supposition, 1.0, blur_px)
    return _result(tracks, scene, supposition, losses, chosen)


@dataclass(frozen=True)
class _Problem:
    seen: Evidence
    contact: Contact
    basis: Tensor
    focal_px: float
    tracks: Tracks
    settings: EstimationSettings

    def terms(
        self, p: Parameters, s: Supposition, sharpness: float, blur_px: float | None
    ) -> tuple[dict[str, Tensor], Scene]:
        scene = compose(p, s, self.contact, self.basis, self.focal_px, self.tracks.size)
        weights = self.settings.weights
        terms = evidence_losses(scene, self.seen, s, weights, sharpness, blur_px)
        terms.update(
            physics_losses(scene, self.seen, s, self.contact, weights, self.tracks.rate_hz)
        )
        terms["supposed"] = (
            self.settings.lift_penalty * s.lifted + self.settings.onto_penalty * s.onto
        )
        return terms, scene

    def losses(
        self, p: Parameters, s: Supposition, sharpness: float, blur_px: float | None
    ) -> tuple[Tensor, Scene]:
        terms, scene = self.terms(p, s, sharpness, blur_px)
        return torch.stack(list(terms.values())).sum(0), scene


def _descend(
    problem: _Problem,
    parameters: Parameters,
    supposition: Supposition,
    iterations: int,
    blur_px: tuple[float, float] | None,
) -> None:
    """Adam on all starts; tolerance and blur shrink over the first two thirds."""
    rate = problem.settings.learning_rate
    leaves = [v.requires_grad_() for v in parameters.leaves()]
    optimiser = torch.optim.Adam(leaves, lr=rate, betas=(0.9, 0.99))
    for iteration in range(iterations):
        done = iteration / iterations
        for group in optimiser.param_groups:
            group["lr"] = rate * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * done)))
        sharp = min(1.0, 1.5 * done)
        blur = None if blur_px is None else blur_px[0] * (blur_px[1] / blur_px[0]) ** sharp
        sharpness = 0.2 * 5.0**sharp if blur_px is None else 1.0
        optimiser.zero_grad()
        losses, _ = problem.losses(parameters, supposition, sharpness, blur)
        losses.sum().backward()  # type: ignore[no-untyped-call]
        for leaf in leaves:
            if leaf.grad is not None:
                leaf.grad.nan_to_num_(0.0)
        optimiser.step()


def _result(
    tracks: Tracks,
    scene: Scene,
    supposition: Supposition,
    losses: Tensor,
    settings: EstimationSettings,
) -> VideoStates:
    if not bool(torch.isfinite(losses).any()):
        raise DataError(f"video {tracks.name}: no start converged; are the boxes plausible?")
    best = int(losses.nan_to_num(torch.inf).argmin())
    close = torch.exp(-(losses - losses[best]) / settings.plausible).nan_to_num(0.0)

    def array(values: Tensor) -> Float64:
        found: Float64 = values[best].double().numpy()
        return found

    camera, still = scene.camera, scene.static
    assert tracks.phases is not None
    return VideoStates(
        name=tracks.name,
        rate_hz=tracks.rate_hz,
        camera=array(torch.stack((camera.distance, camera.azimuth, camera.elevation), -1)),
        focal_px=camera.focal_px,
        size=np.array(tracks.size),
        hand_position=array(scene.hand),
        hand_azimuth=array(scene.azimuth),
        hand_elevation=array(scene.elevation),
        hand_length=float(supposition.length[best]),
        touch=array(scene.touch),
        moved_position=array(scene.moved),
        moved_rotation=np.asarray(rotvec_from_matrix(array(scene.moved_rotation))),
        moved_size=array(scene.moved_size),
        static_position=None if still is None else array(still.position),
        static_rotation=None
        if still is None
        else np.asarray(rotvec_from_matrix(array(still.rotation))),
        static_size=None if still is None else array(still.size),
        action_frames=np.array(tracks.phases.action),
        hand_spread=_spread(scene.hand, scene, best, close),
        moved_spread=_spread(scene.moved, scene, best, close),
        loss=float(losses[best]),
        losses=losses.double().numpy(),
        onto=bool(supposition.onto[best] > 0),
    )


def _spread(paths: Tensor, scene: Scene, best: int, close: Tensor) -> Float64:
    """(T,) m: weighted root mean square distance of the starts' paths from the best one's.

    In the frame of the camera's heading, relative to the moved object's first place: what alignment
    keeps.
    """
    turn = -scene.camera.azimuth
    c, s = torch.cos(turn)[:, None], torch.sin(turn)[:, None]
    away = paths - scene.moved[:, :1] * paths.new_tensor([1.0, 1.0, 0.0])
    x, y = c * away[..., 0] - s * away[..., 1], s * away[..., 0] + c * away[..., 1]
    local = torch.stack((x, y, away[..., 2]), -1)
    square = (local - local[best]).square().sum(-1)
    spread: Float64 = ((close[:, None] * square).sum(0) / close.sum()).sqrt().double().numpy()
    return spread
