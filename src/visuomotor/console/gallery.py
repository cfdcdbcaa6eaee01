"""The pictures that a viewer of descriptors shows: cameras' images of recorded or live sets."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from visuomotor.contracts import Observation
from visuomotor.dataset import Dataset, EpisodeArrays
from visuomotor.dataset.cache import cached_arrays
from visuomotor.dataset.dataset import CACHE
from visuomotor.descriptors.heatmap import at_every_pixel
from visuomotor.descriptors.matching import Views
from visuomotor.descriptors.model import DescriptorModel, views_of
from visuomotor.errors import DataError
from visuomotor.recording import find_episodes
from visuomotor.training.batches import camera_views

LIVE = "live"
"""The episode's name in the ids of pictures from running cameras."""
_KEPT = 96  # described pictures, some 1.5 MB each at 160x120
_REMEMBERED = 40  # live sets: 2 s, in which a page may take one that it saw


@dataclass(frozen=True)
class Picture:
    """One camera's image, described.

    id: "episode/step/camera", the episode a number or `LIVE`, whose step counts its sets.
    descriptors (H*W, D): of every pixel. views: batch size 1.
    """

    id: str
    views: Views
    descriptors: Tensor

    @property
    def instant(self) -> str:
        """Pictures with the same one show the same moment."""
        return self.id.rpartition("/")[0]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        h, w = self.views.color.shape[1:3]
        return w, h


class Gallery:
    """Pictures by id, described when first asked for; safe across threads.

    Episodes are opened one by one as they are looked at. `opened` is called with each one's name
    before that, for the first time takes a while.
    """

    def __init__(
        self,
        model: DescriptorModel,
        root: Path | None = None,
        task: str | None = None,
        opened: Callable[[str], None] = lambda name: None,
    ) -> None:
        self.model, self.root = model, root
        self.paths = [] if root is None else find_episodes(root, task)
        if root is not None and not self.paths:
            raise DataError(f"{root}: no episode to look at; record some, or give another --task")
        self._opened = opened
        self._episodes: dict[int, EpisodeArrays] = {}
        self._pictures: OrderedDict[str, Picture] = OrderedDict()
        self._lock = threading.RLock()
        self._live: dict[int, Observation] = {}
        self.live_step: int | None = None

    @property
    def cameras(self) -> tuple[str, ...]:
        """Those that the descriptors were trained on."""
        return self.model.spec.names

    def episode(self, number: int) -> EpisodeArrays:
        """An episode by its place in the dataset; DataError if there is none."""
        with self._lock:
            if not 0 <= number < len(self.paths) or self.root is None:
                raise DataError(f"got episode {number}, expected 0 to {len(self.paths) - 1}")
            if number not in self._episodes:
                path = self.paths[number]
                self._opened(path.name)
                arrays = cached_arrays(path, self.model.spec, self.root / CACHE)
                self._episodes[number] = arrays
            return self._episodes[number]

    def picture(self, name: str) -> Picture:
        """The picture of an id; DataError says what is wrong with one that does not exist."""
        with self._lock:
            kept = self._pictures.get(name)
            if kept is not None:
                self._pictures.move_to_end(name)
                return kept
            episode, step, camera = self._parsed(name)
            if episode == LIVE:
                return self._describe(name, self._live_views(name, step, camera))
            dataset = Dataset(self.model.spec, [self.episode(int(episode))])
            steps = len(dataset.episodes[0])
            if not 0 <= step < steps:
                raise DataError(f"picture {name!r}: got step {step}, expected 0 to {steps - 1}")
            return self._describe(name, camera_views(dataset, camera, np.array([[0, step]])))

    def add_live(self, seen: Observation) -> None:
        """Takes a set of the running cameras; it is described only if somebody looks."""
        with self._lock:
            self.live_step = 0 if self.live_step is None else self.live_step + 1
            self._live[self.live_step] = seen
            self._live.pop(self.live_step - _REMEMBERED, None)

    @torch.inference_mode()
    def _describe(self, name: str, views: Views) -> Picture:
        h, w = views.color.shape[1:3]
        network = self.model.network
        descriptors = at_every_pixel(network.describe(views.color)[0], network.grid, h, w)
        picture = self._pictures[name] = Picture(name, views, descriptors)
        while len(self._pictures) > _KEPT:
            self._pictures.popitem(last=False)
        return picture

    def _live_views(self, name: str, step: int, camera: str) -> Views:
        if step not in self._live:
            raise DataError(f"picture {name!r} is gone; take a new one")
        return views_of([self._live[step].views[camera]])

    def _parsed(self, name: str) -> tuple[str, int, str]:
        episode, _, rest = name.partition("/")
        step, _, camera = rest.partition("/")
        if camera not in self.cameras or not _is_number(step):
            raise DataError(
                f"picture {name!r}: expected EPISODE/STEP/CAMERA with one of the cameras "
                f"{', '.join(self.cameras)}"
            )
        if not _is_number(episode) and episode != LIVE:
            raise DataError(f"picture {name!r}: expected an episode's number or {LIVE!r} first")
        return episode, int(step), camera


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) < 10
