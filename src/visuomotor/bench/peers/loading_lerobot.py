"""A side of the loaders' comparison: a LeRobotDataset of the same bags, with videos or images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from visuomotor.bench.peers.loading import CAMERAS, SPEC, Batch, serve_loader, torch_stream
from visuomotor.bench.peers.sides import given
from visuomotor.interchange.lerobot_export import FPS, export_lerobot
from visuomotor.policies.lerobot.features import ACTION, STATE, color_key
from visuomotor.policies.lerobot.upstream import lerobot


class LeRobot:
    """Windows by `delta_timestamps`; the video decoder is LeRobot's default where that loads."""

    def __init__(self, bags: Path, folder: Path, video: bool, length: int) -> None:
        self.bags, self.folder, self.video, self.length = bags, folder, video, length
        self.decoder = _decoder() if video else "png"

    def prepare(self) -> None:
        """See `Loader`; opened once, because LeRobot makes its tables of a new dataset then."""
        export_lerobot(self.bags, self.folder, SPEC, video=self.video)
        self.open()

    def open(self) -> int:
        """See `Loader`."""
        keys = [*(color_key(c) for c in CAMERAS), STATE, ACTION]
        steps = [i / FPS for i in range(self.length)]
        self.dataset = lerobot("datasets.lerobot_dataset").LeRobotDataset(
            "visuomotor/peers",
            root=self.folder,
            delta_timestamps={key: steps for key in keys} if self.length > 1 else None,
            video_backend=self.decoder if self.video else None,
        )
        ends = self.dataset.meta.episodes
        self.first = np.concatenate(
            [
                np.arange(e["dataset_from_index"], e["dataset_to_index"] - self.length + 1)
                for e in ends
            ]
        )
        return len(self.first)

    def stream(self, rows: Iterable[list[int]], workers: int) -> Iterator[Any]:
        """See `Loader`."""
        return torch_stream(self.dataset, _Renumbered(rows, self.first), workers)

    def ready(self, batch: dict[str, torch.Tensor]) -> Batch:
        """See `Loader`; it is delivered so, but without the steps' axis where there is one step."""
        keys = {**{c: color_key(c) for c in CAMERAS}, "state": STATE, "action": ACTION}
        found = {name: batch[key] for name, key in keys.items()}
        return found if self.length > 1 else {k: v[:, None] for k, v in found.items()}


class _Renumbered:
    """Window numbers as LeRobot's frame numbers."""

    def __init__(self, rows: Iterable[list[int]], first: Any) -> None:
        self._rows, self._first = rows, first

    def __iter__(self) -> Iterator[list[int]]:
        for row in self._rows:
            yield self._first[row].tolist()


def _decoder() -> str:
    """LeRobot's default, torchcodec, where its libraries load; else the other that it offers."""
    try:
        import torchcodec.decoders  # noqa: F401
    except (ImportError, OSError, RuntimeError):
        return "pyav"
    return "torchcodec"


if __name__ == "__main__":
    values = given()
    serve_loader(
        LeRobot(Path(values["bags"]), Path(values["folder"]), values["video"], values["window"]),
        values["batch"],
        values["workers"],
        values["seed"],
    )
