"""A softmax over a map's cells for every query, and what it costs.

The softmax is over -|d - d*|^2 (Florence 2019, chapter 4): one matrix product per pair of images.
A pair's gradients are taken before the next pair is begun, so that everything of the size queries x
cells stays in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from visuomotor.networks import pixel_lattice

FEWEST_MEASURED = 0.05
"""Probability on cells with depth that a learned expectation in space needs at least."""


@dataclass(frozen=True)
class Sought:
    """What the queries of one pair look for among h x w cells.

    cells (V, 2): the matches' places as (u, v) in cells, of the first V queries; all queries after
    these have no match, for certain. sigma: of the target distribution, in cells.
    nowhere: |d - d*|^2 of the cell "not here"; None: there is no such cell.
    points (V, 3): the matches in space, m; cell_points (h*w, 3) and measured (h*w,): the cells'
    points, and which have one. None: no expectation in space.
    """

    cells: Tensor
    sigma: float
    nowhere: float | None = None
    points: Tensor | None = None
    cell_points: Tensor | None = None
    measured: Tensor | None = None


def soft_terms(queries: Tensor, cells: Tensor, sought: Sought) -> Tensor:
    """Sums over the queries (N, D) of four costs (4,), for descriptors (D, h, w) of the cells.

    Nats of the matches' distribution above that of a Gaussian; L1 of the expected cell in units of
    half the map's size; L1 of the expected point, m; nats of "not here" where that is true.
    """
    matched = len(sought.cells)
    keys = cells.flatten(1)  # (D, M)
    logits = torch.addmm(-keys.square().sum(0), queries, keys, alpha=2.0)  # + |q|^2, that is
    log_sum = logits.logsumexp(-1)
    total, no_match = log_sum, log_sum.new_zeros(())
    if sought.nowhere is not None:
        nowhere = queries.square().sum(-1) - sought.nowhere
        total = torch.logaddexp(log_sum, nowhere)
        no_match = (total - nowhere)[matched:].sum()
    distribution = _above_gaussian(queries[:matched], cells, total[:matched], sought)
    p = (logits[:matched] - log_sum[:matched, None]).exp()  # given that there is a match
    pixel, point = _expectation_errors(p, cells.shape[-2:], sought)
    return torch.stack([distribution, pixel, point, no_match])


def _above_gaussian(queries: Tensor, cells: Tensor, log_sum: Tensor, sought: Sought) -> Tensor:
    """KL of the softmax from Gaussians about the sought cells, which are never written out.

    The cross-entropy is linear in the logits, these are linear in (2 d, -|d|^2), and Gaussians
    are separable: their expectation of (2 d, -|d|^2) takes the rows first, then the columns.
    """
    h, w = cells.shape[-2:]
    row, log_row = _gaussian(sought.cells[:, :1], w, sought.sigma)  # (V, w)
    column, log_column = _gaussian(sought.cells[:, 1:], h, sought.sigma)  # (V, h)
    parts = torch.cat([2.0 * cells, -cells.square().sum(0, keepdim=True)])  # (D + 1, h, w)
    of_rows = row @ parts.permute(2, 0, 1).reshape(w, -1)  # (V, (D + 1) h)
    mean = (of_rows.reshape(len(row), len(parts), h) * column[:, None]).sum(-1)  # (V, D + 1)
    expected_logit = (mean[:, :-1] * queries).sum(-1) + mean[:, -1]
    log_target = (row * log_row).sum(-1) + (column * log_column).sum(-1)
    return (log_sum - expected_logit + log_target).sum()


def _gaussian(centre: Tensor, cells: int, sigma: float) -> tuple[Tensor, Tensor]:
    """A distribution (V, cells) around each centre (V, 1), and its logarithm."""
    at = torch.arange(cells, dtype=centre.dtype, device=centre.device)
    log = torch.log_softmax((at - centre).square() / (-2 * sigma**2), dim=-1)
    return log.exp(), log


def expected_points(p: Tensor, points: Tensor, measured: Tensor) -> tuple[Tensor, Tensor]:
    """Points (V, 3) sum p valid X / sum p valid under p (V, M), and the sums p valid (V,).

    points (M, 3); what they hold where `measured` (M,) is False has no say, NaN included.
    """
    valid = measured[:, None]
    both = p @ torch.cat([torch.where(valid, points, 0.0), valid.to(p)], dim=1)  # (V, 4)
    mass = both[:, 3:]
    return both[:, :3] / mass.clamp_min(FEWEST_MEASURED), mass[:, 0]


def _expectation_errors(p: Tensor, size: torch.Size, sought: Sought) -> tuple[Tensor, Tensor]:
    h, w = size
    half = p.new_tensor([w / 2, h / 2])
    places = pixel_lattice(h, w, 1).to(p) / half
    in_image = (p @ places - sought.cells / half).abs().sum()
    if sought.points is None or sought.cell_points is None or sought.measured is None:
        return in_image, p.new_zeros(())
    found, mass = expected_points(p, sought.cell_points, sought.measured)
    off = (found - sought.points).abs().sum(-1)
    return in_image, (off * (mass > FEWEST_MEASURED)).sum()


PairCosts = Callable[[int, Tensor, Tensor], Tensor]
"""(number of the pair, queries (N, D), cells (D, h, w)) -> costs (T,)."""


def sum_over_pairs(
    costs: PairCosts, queries: Tensor, cells: Tensor, weights: Tensor
) -> tuple[Tensor, Tensor]:
    """The weighted sum (a scalar with gradient) and the sums (T,) of every pair's costs.

    queries (B, N, D), cells (B, D, h, w), weights (T,).
    """
    total, sums = _SumOverPairs.apply(costs, queries, cells, weights)  # type: ignore[no-untyped-call]
    return total, sums


class _SumOverPairs(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, costs: PairCosts, queries: Tensor, cells: Tensor, weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        learns = any(ctx.needs_input_grad)
        gradients = (torch.zeros_like(queries), torch.zeros_like(cells)) if learns else ()
        sums = torch.zeros_like(weights)
        for i, (q, d) in enumerate(zip(queries.detach(), cells.detach(), strict=True)):
            with torch.set_grad_enabled(learns):
                inputs = (q.requires_grad_(learns), d.requires_grad_(learns))
                found = costs(i, *inputs)
                sums += found.detach()
                if learns:
                    total = (found * weights).sum()
                    for whole, part in zip(
                        gradients, torch.autograd.grad(total, inputs), strict=True
                    ):
                        whole[i] = part
        ctx.save_for_backward(*gradients)
        ctx.mark_non_differentiable(sums)
        return (sums * weights).sum(), sums

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        queries, cells = ctx.saved_tensors
        return None, upstream[0] * queries, upstream[0] * cells, None
