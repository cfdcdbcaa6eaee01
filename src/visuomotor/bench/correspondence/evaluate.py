"""A descriptor checkpoint's correspondence on held-out scenes, in figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visuomotor.bench.correspondence.figures import figures
from visuomotor.bench.correspondence.measure import measure
from visuomotor.bench.correspondence.scenes import Scene, open_scenes
from visuomotor.descriptors.model import DescriptorModel, load_descriptors

LIMITS = (
    "one dataset's cameras, light and background; depth without noise, so that the truth is exact "
    "to half a millimetre"
)


@dataclass(frozen=True)
class EvaluationSettings:
    """first, episodes: which (None: all from there on). instants of each, points of an image."""

    task: str | None = None
    first: int = 0
    episodes: int | None = None
    instants: int = 4
    points: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.instants, self.points) < 1:
            raise ValueError(
                f"evaluation: got instants {self.instants}, points {self.points}; expected 1 or "
                "more of each"
            )


def evaluate_correspondence(
    checkpoint: Path,
    dataset: Path,
    settings: EvaluationSettings,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[dict[str, Any], list[int]]:
    """The figures by kind, with `data` saying from what, and the seeds of the scenes.

    Raises DataError if the dataset has not the episodes asked for.
    """
    model = load_descriptors(checkpoint)
    s = settings
    scenes = open_scenes(dataset, model.spec, s.task, s.first, s.episodes, s.instants)
    found = measure(model, scenes, s.points, s.seed, progress)
    content = {
        "data": _data(model, scenes, checkpoint, settings),
        **figures(found, len(scenes), s.seed),
    }
    return content, _seeds(scenes)


def _seeds(scenes: Sequence[Scene]) -> list[int]:
    return [s.sidecar.seed for s in scenes if s.sidecar.seed is not None]


def _data(
    model: DescriptorModel, scenes: Sequence[Scene], checkpoint: Path, settings: EvaluationSettings
) -> dict[str, Any]:
    seeds = _seeds(scenes)
    camera = model.spec.cameras[0]
    card = (checkpoint / "card.md").read_text().splitlines()
    return {
        "task": " and ".join(sorted({s.sidecar.task for s in scenes})),
        "tags": sorted({t for s in scenes for t in s.sidecar.tags}),
        "scenes": len(scenes),
        "episodes": [scenes[0].number, scenes[-1].number],
        "seeds": f"{min(seeds)} to {max(seeds)}" if seeds else "none",
        "instants": settings.instants,
        "points_per_image": settings.points,
        "cameras": " and ".join(model.spec.names),
        "image": f"{camera.width}x{camera.height}",
        "trained_on": next((line for line in card if line and not line.startswith("#")), ""),
    }
