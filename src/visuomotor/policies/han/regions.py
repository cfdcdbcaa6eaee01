"""Regions of an image: where they are, and each as a mask over the cells of one shared map."""

from __future__ import annotations

import torch
from torch import Tensor

from visuomotor.errors import ConfigError
from visuomotor.networks.grids import pixel_lattice


def random_corners(
    count: int, map_size: tuple[int, int], window: int, batch: int, generator: torch.Generator
) -> Tensor:
    """Top-left cells (B, N, 2) as (row, column) of windows that lie within the map."""
    h, w = _check(map_size, window)
    rows = torch.randint(0, h - window + 1, (batch, count), generator=generator)
    columns = torch.randint(0, w - window + 1, (batch, count), generator=generator)
    return torch.stack([rows, columns], dim=-1)


def grid_corners(map_size: tuple[int, int], window: int, step: int) -> Tensor:
    """Top-left cells (N, 2) as (row, column), evenly spread; the last ones touch the border."""
    h, w = _check(map_size, window)
    rows, columns = (_spread(n - window, step) for n in (h, w))
    rr, cc = torch.meshgrid(rows, columns, indexing="ij")
    return torch.stack([rr, cc], dim=-1).reshape(-1, 2)


def masks_of(corners: Tensor, window: int, map_size: tuple[int, int]) -> Tensor:
    """Which cells (B, N, h*w) belong to the windows at corners (B, N, 2)."""
    h, w = map_size
    rows, columns = (torch.arange(n, device=corners.device) for n in (h, w))
    top, left = corners[..., :1], corners[..., 1:]
    inside_rows = (rows >= top) & (rows < top + window)  # (B, N, h)
    inside_columns = (columns >= left) & (columns < left + window)  # (B, N, w)
    return (inside_rows[..., :, None] & inside_columns[..., None, :]).flatten(-2)


def cell_points(
    depth_m: Tensor, K: Tensor, T_base_camera: Tensor, stride: int
) -> tuple[Tensor, Tensor]:
    """What each cell of a map shows: points (B, h*w, 3) in base, m, and which are measured.

    depth_m (B, H, W), 0 where nothing was measured; K (B, 3, 3); T_base_camera (B, 4, 4). A cell
    shows the measured pixel nearest to its centre among its own, deprojected from that pixel's
    own place: a mean of depths would lie in mid-air at every edge.
    """
    z, pixels = _nearest_measured(depth_m, stride)
    centre, focal = K[:, None, :2, 2], torch.stack([K[:, 0, 0], K[:, 1, 1]], dim=-1)[:, None]
    in_camera = torch.cat([(pixels - centre) / focal * z[..., None], z[..., None]], dim=-1)
    R, t = T_base_camera[:, :3, :3], T_base_camera[:, None, :3, 3]
    valid = z > 0
    points = torch.baddbmm(t, in_camera, R.transpose(1, 2))
    return points.masked_fill_(~valid[..., None], 0.0), valid


def _nearest_measured(depth_m: Tensor, stride: int) -> tuple[Tensor, Tensor]:
    """Depth (B, h*w) and pixel (B, h*w, 2) that each cell shows; depth 0 where it shows none."""
    b, height, width = depth_m.shape
    h, w = height // stride, width // stride
    blocks = depth_m[:, : h * stride, : w * stride].reshape(b, h, stride, w, stride)
    order, offsets = _from_the_centre(stride)
    u, v = offsets[0].tolist()
    z = blocks[:, :, v, :, u].reshape(b, h * w)
    pixels = (stride * pixel_lattice(h, w, 1) + offsets[0]).to(depth_m).repeat(b, 1, 1)
    holes = ~((z > 0) & z.isfinite())
    if bool(holes.any()):  # few cells as a rule: only they look further
        order, offsets = order.to(z.device), offsets.to(z.device)
        image, cell = torch.nonzero(holes, as_tuple=True)
        around = blocks[image, cell // w, :, cell % w].flatten(1)[:, order]  # (n, stride²)
        measured = (around > 0) & around.isfinite()
        first = measured.to(torch.uint8).argmax(-1)
        found = around.gather(-1, first[:, None])[:, 0]
        z, moved = z.clone(), (offsets[first] - offsets[0]).to(pixels)
        z[image, cell] = torch.where(measured.any(-1), found, torch.zeros_like(found))
        pixels[image, cell] += moved
    return z, pixels


def near_peak(p: Tensor, map_size: tuple[int, int], radius: int = 2) -> Tensor:
    """Which cells (B, N, h*w) are at most `radius` rows and columns from each window's peak."""
    h, w = map_size
    best = p.argmax(-1, keepdim=True)
    cells = torch.arange(h * w, device=p.device)
    rows = (cells // w - best // w).abs() <= radius
    return rows & ((cells % w - best % w).abs() <= radius)


def _spread(last: int, step: int) -> Tensor:
    """0 to last in about equal steps, none greater than `step`."""
    count = -(-last // step) + 1
    return torch.linspace(0, last, count).round().long()


def _from_the_centre(stride: int) -> tuple[Tensor, Tensor]:
    """A block's pixels, nearest to its centre first: their order, and (u, v) within the block."""
    pixels = pixel_lattice(stride, stride, 1)  # (stride², 2), row by row
    distance = (pixels - (stride - 1) / 2).square().sum(-1)
    order = torch.argsort(distance, stable=True)
    return order, pixels[order]


def _check(map_size: tuple[int, int], window: int) -> tuple[int, int]:
    if window > min(map_size):
        raise ConfigError(
            f"han: got windows of {window} cells on a map of {map_size[0]}x{map_size[1]}; expected "
            "a window_px that fits into the images"
        )
    return map_size
