"""Correspondence losses, symmetric, chosen and mixed by their weights."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from visuomotor.descriptors.contrastive import ContrastiveConfig, contrastive_loss
from visuomotor.descriptors.matching import Matches
from visuomotor.descriptors.soft_matching import Sought, soft_terms, sum_over_pairs
from visuomotor.networks import Grid, pixels_to_cells, sample_map


@dataclass(frozen=True)
class LossConfig:
    """What each term weighs; a term of weight 0 is left out.

    distribution: KL of the softmax over the other view's cells from a Gaussian about the match, of
    sigma_cells. expectation: L1 of its expected pixel. expectation_3d: L1 of its expected point.
    no_match: a cell "not here" joins every softmax, with |d - d*|^2 = nowhere, and what the other
    view certainly does not show shall be found there; exp(-|d - d*|^2) then tells what is visible.
    contrastive: matches near, non-matches a margin apart; alone, it wants a `sharpness` of about
    10 / margin^2 in the model's configuration.
    """

    sigma_cells: float = 0.6
    distribution: float = 1.0
    expectation: float = 1.0
    expectation_3d: float = 1.0
    no_match: float = 0.5
    nowhere: float = 4.0
    contrastive: float = 0.0
    non_matches: ContrastiveConfig = ContrastiveConfig()

    def __post_init__(self) -> None:
        if self.sigma_cells <= 0:
            raise ValueError(f"loss: got sigma_cells {self.sigma_cells}, expected more than 0")
        if min(self.weights) < 0 or max(self.weights) == 0:
            raise ValueError(
                f"loss: got weights {self.weights}, expected none below 0 and one above"
            )

    @property
    def weights(self) -> tuple[float, float, float, float, float]:
        """Of the terms, in the order of `CorrespondenceLoss`."""
        return (
            self.distribution,
            self.expectation,
            self.expectation_3d,
            self.no_match,
            self.contrastive,
        )

    @property
    def needs_scenes(self) -> bool:
        """Whether `correspondence_loss` must be told what the cells show."""
        return self.expectation_3d > 0 or self.contrastive > 0


@dataclass(frozen=True)
class CellScene:
    """What the cells of B maps show.

    points (B, h*w, 3) in base, m; measured (B, h*w): they are known; objects (B, h*w): an object
    is there.
    """

    points: Tensor
    measured: Tensor
    objects: Tensor


@dataclass(frozen=True)
class CorrespondenceLoss:
    """Scalars: the weighted total, and the terms without gradient (0 where left out)."""

    total: Tensor
    distribution: Tensor  # nats above the target's entropy
    expectation: Tensor  # L1 in units of half the image's size
    expectation_3d: Tensor  # L1 in dm: 10 cm weigh what half an image does
    no_match: Tensor  # nats
    contrastive: Tensor


def correspondence_loss(
    descriptors_a: Tensor,
    descriptors_b: Tensor,
    matches: Matches,
    grid: Grid | int,
    config: LossConfig,
    scenes: tuple[CellScene, CellScene] | None = None,
) -> CorrespondenceLoss:
    """Mean of a -> b and b -> a over the valid matches of maps (B, D, h, w).

    no_match is a mean over what is certainly not in the other view. Zero (and without gradient)
    if no match is valid. Raises ValueError if the terms need `scenes` and there are none.
    """
    if config.needs_scenes and scenes is None:
        raise ValueError(
            "correspondence loss: expectation_3d and contrastive need the scenes of both maps"
        )
    scene_a, scene_b = scenes or (None, None)
    back = matches.flipped()
    forth_total, forth = _one_way(descriptors_a, descriptors_b, matches, grid, config, scene_b)
    back_total, back_terms = _one_way(descriptors_b, descriptors_a, back, grid, config, scene_a)
    terms = 0.5 * (forth + back_terms)
    return CorrespondenceLoss(0.5 * (forth_total + back_total), *terms.unbind())


def _one_way(
    source: Tensor,
    target: Tensor,
    matches: Matches,
    grid: Grid | int,
    config: LossConfig,
    scene: CellScene | None,
) -> tuple[Tensor, Tensor]:
    """The weighted total and the terms (5,)."""
    none = matches.known_only()[0] & (config.no_match > 0)
    queries = sample_map(source, pixels_to_cells(matches.pixels_a, grid))  # (B, N, D)
    places = pixels_to_cells(matches.pixels_b, grid)

    def costs(i: int, q: Tensor, cells: Tensor) -> Tensor:
        yes, no = (flags[i].nonzero()[:, 0] for flags in (matches.valid, none))
        at = places[i, yes]
        sought = Sought(at, config.sigma_cells, config.nowhere if config.no_match > 0 else None)
        if scene is not None and config.expectation_3d > 0:
            sought = replace(
                sought,
                points=matches.points[i, yes],
                cell_points=scene.points[i],
                measured=scene.measured[i],
            )
        soft = q.new_zeros(4)
        if max(config.weights[:4]) > 0:
            soft = soft_terms(q[torch.cat([yes, no])], cells, sought)
        hard = q.new_zeros(())
        if scene is not None and config.contrastive > 0:
            matched = sample_map(cells[None], at[None])[0]
            hard = contrastive_loss(
                q[yes], matched, cells, at, scene.objects[i], config.non_matches
            )
        return torch.cat([soft, hard[None]])

    found, nowhere = (float(max(int(f.sum()), 1)) for f in (matches.valid, none))
    units = 1.0 / queries.new_tensor([found, found, 0.1 * found, nowhere, float(len(queries))])
    total, sums = sum_over_pairs(costs, queries, target, units * units.new_tensor(config.weights))
    return total, sums * units
