"""A side of the loaders' comparison: our bags, decoded once into a cache."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from visuomotor.bench.peers.loading import CAMERAS, SPEC, Batch, serve_loader, torch_stream
from visuomotor.bench.peers.sides import given
from visuomotor.dataset import Windows, open_dataset


class Ours:
    """`dataset.Windows` of the bags in a folder."""

    def __init__(self, bags: Path, cache: Path, length: int) -> None:
        self.bags, self.cache, self.length = bags, cache, length

    def prepare(self) -> None:
        """See `Loader`."""
        open_dataset(self.bags, SPEC, self.cache)

    def open(self) -> int:
        """See `Loader`."""
        self.windows = open_dataset(self.bags, SPEC, self.cache).windows(self.length, depth=False)
        return len(self.windows)

    def stream(self, rows: Iterable[list[int]], workers: int) -> Iterator[Any]:
        """See `Loader`; in this process as our trainings ask, or by torch's workers."""
        if not workers:
            return map(self.windows.torch_batch, rows)
        return torch_stream(_Batches(self.windows), rows, workers, lambda batch: batch)

    def ready(self, batch: dict[str, Tensor]) -> Batch:
        """See `Loader`; the arithmetic of `networks.normalise_color`."""
        images = {
            c: batch[f"{c}/color"].permute(0, 1, 4, 2, 3).to(torch.float32, copy=True).div_(255)
            for c in CAMERAS
        }
        return {
            **images,
            "state": _vectors(batch["T_base_ee"], batch["gripper_width_m"]),
            "action": _vectors(batch["action_pose"], batch["action_width_m"]),
        }


class _Batches(torch.utils.data.Dataset[Any]):
    """Windows for a DataLoader: a whole batch at once."""

    def __init__(self, windows: Windows) -> None:
        self._windows = windows

    def __getitems__(self, rows: list[int]) -> dict[str, Tensor]:
        return self._windows.torch_batch(rows)


def _vectors(T_base_ee: Tensor, width_m: Tensor) -> Tensor:
    """(..., 10) as `policies.lerobot.features.vectors`, of tensors."""
    rotation = T_base_ee[..., :3, :2].transpose(-1, -2).flatten(-2)
    return torch.cat([T_base_ee[..., :3, 3], rotation, width_m[..., None]], dim=-1)


if __name__ == "__main__":
    values = given()
    serve_loader(
        Ours(Path(values["bags"]), Path(values["cache"]), values["window"]),
        values["batch"],
        values["workers"],
        values["seed"],
    )
