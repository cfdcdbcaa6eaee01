"""How good correspondence is: pixel and millimetre errors of the best match in another view."""

from __future__ import annotations

import torch
from torch import Tensor

from visuomotor.descriptors.masks import points_in_base
from visuomotor.descriptors.matching import Matches, Views
from visuomotor.descriptors.network import match_logits
from visuomotor.networks import Grid, cell_pixels, pixels_to_cells, sample_map

PCK_PX = (4, 8, 16)


def correspondence_errors(
    descriptors_a: Tensor, descriptors_b: Tensor, matches: Matches, b: Views, grid: Grid | int
) -> dict[str, float]:
    """Errors of the argmax over b's cells for every valid match of maps (B, D, h, w).

    pck_4, pck_8, pck_16: share within that many pixels. median_px, median_mm: medians; the
    millimetres are between the true point and what b measures at the matched pixel.
    """
    h, w = descriptors_b.shape[-2:]
    queries = sample_map(descriptors_a, pixels_to_cells(matches.pixels_a, grid))
    best = match_logits(queries, descriptors_b).argmax(-1)  # (B, N)
    found = cell_pixels(h, w, grid).to(queries)[best]  # (B, N, 2)
    valid = matches.valid
    if not bool(valid.any()):
        return {"matches": 0.0}
    px = (found - matches.pixels_b).norm(dim=-1)[valid]
    points, measured = points_in_base(b.depth_m, b.K, b.T_base_camera)
    rows, columns = b.depth_m.shape[-2:]  # a cell's centre may lie just beyond the border
    u = found[..., 0].round().long().clamp(0, columns - 1)
    v = found[..., 1].round().long().clamp(0, rows - 1)
    i = torch.arange(len(u), device=u.device)[:, None]
    mm = 1e3 * (points[i, v, u] - matches.points).norm(dim=-1)[valid & measured[i, v, u]]
    return {
        "matches": float(valid.sum()),
        **{f"pck_{t}": float((px <= t).float().mean()) for t in PCK_PX},
        "median_px": float(px.median()),
        "median_mm": float(mm.median()) if len(mm) else float("nan"),
    }
