"""Descriptor maps on disk, so that training a policy never touches a frozen network."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from visuomotor.dataset import Dataset
from visuomotor.dataset.arrays import EpisodeArrays
from visuomotor.descriptors.model import DescriptorModel
from visuomotor.errors import DataError
from visuomotor.training.progress import Progress, Report
from visuomotor.training.state import inputs_key

Float16 = NDArray[np.float16]
BATCH = 32


class DescriptorCache:
    """One file of maps (T, D, h, w) float16 per episode and camera, made when first asked for.

    Keyed by the network's weights and by how the camera is seen, so what is found is never another
    network's, and policies with other cameras or without depth share it; files are safe beside
    other processes.
    """

    def __init__(self, root: Path, model: DescriptorModel, dataset: Dataset) -> None:
        """root: the cache's folder."""
        weights = {k: t.double().sum().item() for k, t in model.network.state_dict().items()}
        squares = {k: t.double().square().sum().item() for k, t in model.network.named_parameters()}
        self._folders = {
            c.name: root
            / f"descriptors-{_key(weights=weights, squares=squares, seen=replace(c, depth=False))}"
            for c in dataset.spec.cameras
        }
        self._network, self._episodes = model.network, dataset.episodes
        self._maps: dict[tuple[int, str], Float16] = {}

    def maps(self, episode: int, camera: str) -> Float16:
        """The maps (T, D, h, w) of an episode, by number, mapped from disk.

        Raises DataError if they cannot be written.
        """
        if (episode, camera) not in self._maps:
            arrays = self._episodes[episode]
            stamps = _key(stamps=arrays.stamps_ns.tolist())[:8]  # another trim is another episode
            path = self._folders[camera] / f"{arrays.name}-{stamps}.npy"
            if not path.exists():
                self._make(arrays, camera, path)
            self._maps[episode, camera] = np.load(path, mmap_mode="r").view(np.ndarray)
        return self._maps[episode, camera]

    def fill(self, cameras: tuple[str, ...], report: Report, stop: Callable[[], None]) -> None:
        """Makes what is missing; `stop` may raise to end it between episodes."""
        for i in range(len(self._episodes)):
            for camera in cameras:
                self.maps(i, camera)
            report(Progress("describe_images", i + 1, len(self._episodes)))
            stop()

    def at(self, rows: NDArray[np.int64], camera: str) -> torch.Tensor:
        """Maps (n, D, h, w) float32 of steps (n, 2)."""
        return torch.from_numpy(np.stack([self.maps(e, camera)[t] for e, t in rows])).float()

    @torch.inference_mode()
    def _make(self, arrays: EpisodeArrays, camera: str, path: Path) -> None:
        self._network.eval()
        color = arrays.color[camera]
        parts = [
            self._network.describe(torch.from_numpy(np.array(color[i : i + BATCH])))
            for i in range(0, len(color), BATCH)
        ]
        maps = torch.cat(parts).half().numpy()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, maps)
        except OSError as error:
            raise DataError(
                f"{path.parent}: cannot cache descriptors: {error}; free disk space (an episode "
                f"like this takes {maps.nbytes / 1e6:.0f} MB a camera)"
            ) from error


def _replace(path: Path, maps: Float16) -> None:
    """Writes the file whole or not at all."""
    npy = io.BytesIO()  # NumPy's own writing to files does not notice a disk that ends too early
    np.save(npy, maps)
    handle, name = tempfile.mkstemp(suffix=".partial", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(npy.getbuffer())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _key(**values: Any) -> str:
    return inputs_key(values)[:24]
