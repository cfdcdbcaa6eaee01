"""The pixelwise contrastive loss with hard negatives, as an alternative to softmaxes.

Florence, Manuelli and Tedrake 2018, "Dense Object Nets": matches shall lie together, non-matches at
least a margin apart; each group of non-matches is scaled by how many are within the margin.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class ContrastiveConfig:
    """margin: in descriptor space. non_matches: per match, half on objects, half elsewhere.

    apart_cells: nothing nearer to the match than this is a non-match.
    """

    margin: float = 0.5
    non_matches: int = 150
    apart_cells: float = 2.0

    def __post_init__(self) -> None:
        if self.margin <= 0 or self.non_matches < 2 or self.apart_cells < 0:
            raise ValueError(
                f"contrastive loss: got margin {self.margin}, non_matches {self.non_matches}, "
                f"apart_cells {self.apart_cells}; expected more than 0, at least 2, at least 0"
            )


def contrastive_loss(
    queries: Tensor,
    matched: Tensor,
    cells: Tensor,
    places: Tensor,
    objects: Tensor,
    config: ContrastiveConfig,
) -> Tensor:
    """Mean |d - d*|^2 of V matches plus the hard negatives' mean, as one scalar.

    queries and matched (V, D): descriptors of the matches in the two images; cells (D, h, w) of the
    second and places (V, 2) of the matches in it, in cells; objects (h*w,): which cells show one.
    Non-matches are drawn with torch's own generator. Zero without a match.
    """
    if not len(queries):
        return queries.sum()
    keys = cells.flatten(1)
    loss = (queries - matched).square().sum(-1).mean()
    for group in (objects, ~objects):
        index = group.nonzero()[:, 0]
        if not len(index):
            continue
        shape = (len(queries), config.non_matches // 2)
        drawn = index[torch.randint(len(index), shape, device=index.device)]
        loss = loss + _hard(queries, keys, places, drawn, cells.shape[-1], config)
    return loss


def _hard(
    queries: Tensor,
    keys: Tensor,
    places: Tensor,
    drawn: Tensor,
    width: int,
    config: ContrastiveConfig,
) -> Tensor:
    """Mean over the drawn cells (V, n) that are within the margin, of (margin - |d - d*|)^2."""
    squared = (  # of all distances (V, M): one product, cheaper than gathering (V, n, D)
        keys.square().sum(0) - 2.0 * queries @ keys + queries.square().sum(-1, keepdim=True)
    ).gather(1, drawn)
    distance = squared.clamp_min(1e-12).sqrt()
    at = torch.stack([drawn % width, drawn // width], dim=-1)
    apart = (at - places[:, None]).square().sum(-1) > config.apart_cells**2
    within = torch.where(apart, (config.margin - distance).clamp_min(0), torch.zeros_like(distance))
    return within.square().sum() / (within > 0).sum().clamp_min(1)
