"""What a demo run left in its folder, read for the report; what is not there stays empty."""

from __future__ import annotations

import csv
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visuomotor.bench.charts import Series
from visuomotor.bench.statistics import wilson
from visuomotor.errors import DataError
from visuomotor.recording import find_episodes, load_sidecar

MODES = ("graph", "lockstep", "blind")
STAGES = ("record", "train_descriptors", "train_policy", "graph", "lockstep", "blind")


@dataclass(frozen=True)
class Success:
    """How many rollouts of a kind were solved; errors: seed -> why the graph failed it."""

    solved: int
    n: int
    errors: Mapping[int, str]
    failed: Sequence[int]

    @property
    def share(self) -> float:
        """The proportion solved."""
        return self.solved / self.n if self.n else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95% interval."""
        return wilson(self.solved, self.n)


@dataclass(frozen=True)
class DatasetFacts:
    """What the sidecars of a dataset say together.

    rates_hz: lowest and highest over the episodes by topic. skew_ms: largest 95th percentile by
    stream. drops: lost messages or sets by reason.
    """

    episodes: int
    outcomes: Mapping[str, int]
    sets: int
    seconds: float
    megabytes: float
    rates_hz: Mapping[str, tuple[float, float]]
    drops: Mapping[str, int]
    skew_ms: Mapping[str, float]
    cameras: tuple[str, ...]


@dataclass(frozen=True)
class RunFiles:
    """One run's folder."""

    out: Path

    def json(self, name: str) -> dict[str, Any]:
        """A JSON file of the run, {} where there is none; DataError if it is damaged."""
        path = self.out / name
        if not path.exists():
            return {}
        try:
            values: dict[str, Any] = json.loads(path.read_text())
        except ValueError as error:
            raise DataError(
                f"{path}: no JSON ({error}); delete it and run `visuomotor demo` again"
            ) from error
        return values

    def success(self, mode: str) -> Success | None:
        """The rollouts of `graph`, `lockstep` or `blind`; None where they were not run."""
        rollouts = self.json(f"rollouts/{mode}.json").get("rollouts")
        if not rollouts:
            return None
        return Success(
            sum(bool(r["success"]) for r in rollouts),
            len(rollouts),
            {r["seed"]: r["error"] for r in rollouts if r.get("error")},
            [r["seed"] for r in rollouts if not r["success"]],
        )

    def stage_seconds(self) -> dict[str, float]:
        """Seconds by stage, in the order in which they run."""
        found = {p.stem: self.json(f"stages/{p.name}") for p in self.out.glob("stages/*.json")}
        order = [*STAGES, *sorted(set(found) - set(STAGES))]
        return {n: float(found[n]["seconds"]) for n in order if n in found}

    def progress(self, folder: str) -> dict[str, Series]:
        """The columns of a training's progress.csv over its steps, by name, times left out."""
        path = self.out / folder / "progress.csv"
        if not path.exists():
            return {}
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        if not rows:
            return {}
        steps = [_number(r.get("step")) for r in rows]
        names = [n for n in rows[0] if n not in ("step", "seconds", "eta_s")]
        columns = {n: Series(n, steps, [_number(r.get(n)) for r in rows]) for n in names}
        return {n: s for n, s in columns.items() if s.finite()}

    def gifs(self) -> tuple[list[tuple[int, Path]], Path | None]:
        """(seed, file) of every rollout's GIF, and the demonstration's."""
        media = self.out / "media"
        rollouts = [
            (int(p.stem.removeprefix("rollout_")), p)
            for p in media.glob("rollout_*.gif")
            if p.stem.removeprefix("rollout_").isdigit()
        ]
        demonstration = media / "demonstration.gif"
        return sorted(rollouts), demonstration if demonstration.exists() else None

    def dataset(self) -> DatasetFacts | None:
        """What the recorded episodes' sidecars say; None without any."""
        root = self.out / "dataset"
        paths = find_episodes(root) if root.is_dir() else []
        if not paths:
            return None
        sidecars = [load_sidecar(p) for p in paths]
        drops: Counter[str] = Counter()
        rates: dict[str, list[float]] = {}
        skews: dict[str, float] = {}
        for s in sidecars:
            drops.update(s.drops)
            for topic, hz in s.rates_hz.items():
                rates.setdefault(topic, []).append(hz)
            for stream, ms in s.skew_ms.items():
                skews[stream] = max(ms, skews.get(stream, 0.0))
        size = sum(f.stat().st_size for p in paths for f in p.iterdir() if f.is_file())
        return DatasetFacts(
            len(paths),
            Counter(s.outcome for s in sidecars),
            sum(s.sets for s in sidecars),
            sum(s.duration_s for s in sidecars),
            size / 1e6,
            {t: (min(v), max(v)) for t, v in sorted(rates.items())},
            dict(drops),
            skews,
            sidecars[0].cameras,
        )


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan
