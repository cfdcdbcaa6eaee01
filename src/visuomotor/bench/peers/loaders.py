"""Bags to training batches: our dataset, LeRobot's and robomimic's, on the same demonstrations."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from visuomotor.bench.alternation import ratio, turns
from visuomotor.bench.peers.disk import evict, size_mb
from visuomotor.bench.peers.effort import Effort
from visuomotor.bench.peers.environments import Environment, environment
from visuomotor.bench.peers.sides import Side, SideError
from visuomotor.errors import DataError, MissingDependencyError

LENGTH, BATCH, SEED = 8, 32, 0
SETTINGS = {
    "8_steps_0_workers": (8, 0),
    "8_steps_2_workers": (8, 2),
    "1_step_0_workers": (1, 0),
}
"""Window length and torch's workers of each setting."""
FIRST_BATCHES = 4
EXACT, LOSSY = 1e-4, 0.05
"""How far the same window's images may differ between sides in the mean; lossy: AV1."""


@dataclass(frozen=True)
class Contestant:
    """A way to load: the module that serves it, its arguments, what it reads, what that is of."""

    name: str
    module: str
    python: Path
    arguments: Mapping[str, Any]
    reads: tuple[Path, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    lossy: bool = False

    def side(self, length: int, workers: int, log: Path) -> Side:
        """Starts it."""
        more = {"window": length, "workers": workers, "batch": BATCH, "seed": SEED}
        return Side(self.python, self.module, {**self.arguments, **more}, log, self.environment)


def measure(effort: Effort) -> dict[str, Any]:
    """Figures of every loader that is installed; MissingDependencyError if no peer is."""
    lerobot = environment(
        ".venv-lerobot", "lerobot", ("lerobot", "torch"), ("datasets", "torchcodec", "av")
    )
    versions = dict(lerobot.versions)
    skipped: dict[str, str] = {}
    robomimic: Environment | None = None
    try:
        robomimic = environment(".venv-peers", "peers", ("robomimic", "h5py"), ("torch",))
        versions |= robomimic.versions
    except MissingDependencyError as error:
        skipped["robomimic"] = str(error)
    from visuomotor.bench.peers.demonstrations import record

    with tempfile.TemporaryDirectory(prefix="visuomotor-peers-") as folder:
        work = Path(folder)
        record(work / "bags", effort.episodes)
        bags_mb = size_mb(work / "bags")
        contestants = _contestants(work, lerobot, robomimic)
        log = work / "log.txt"
        made: dict[Path, float] = {}
        for one in list(contestants):
            try:
                _make(one, made, log)
            except SideError as error:
                _give_up(one, contestants, skipped, error)
        first = _first(contestants, skipped, log)
        rates = {
            name: _rates(contestants, skipped, *setting, effort, log)
            for name, setting in SETTINGS.items()
        }
        sizes = {one.name: round(size_mb(*one.reads), 1) for one in contestants}
    figures = {
        "episodes": effort.episodes,
        "batch": BATCH,
        "cameras": "front and side, 120x160, colour",
        "versions": versions,
        "bags_mb": round(bags_mb, 1),
        "skipped": skipped,
        "sides": {
            one.name: {
                "made_s": round(made[one.reads[0]], 2),
                "disk_mb": sizes[one.name],
                **first[one.name],
            }
            for one in contestants
        },
    }
    return {**figures, "rates": rates}


def _contestants(
    work: Path, lerobot: Environment, robomimic: Environment | None
) -> list[Contestant]:
    bags = work / "bags"
    cache = bags / ".cache"  # where an export looks for it, too
    common = {"bags": str(bags), "cache": str(cache)}
    found = [Contestant("ours", "loading_ours", lerobot.python, common, (cache,))]
    for mode, video in (("video", True), ("images", False)):
        data, home = work / f"lerobot_{mode}", work / f"lerobot_{mode}_home"
        # Its tables go into a cache of the Hugging Face library, which is part of what it reads.
        quiet = {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1"}
        arguments = {**common, "folder": str(data), "video": video}
        python, reads = lerobot.python, (data, home)
        found.append(
            Contestant(
                f"lerobot_{mode}", "loading_lerobot", python, arguments, reads, quiet, lossy=video
            )
        )
    if robomimic is not None:
        file = work / "robomimic.hdf5"
        for cached in ("all", "low_dim", None):
            about: dict[str, Any] = {**common, "file": str(file), "mode": cached}
            name = f"robomimic_{cached or 'none'}"
            found.append(Contestant(name, "loading_robomimic", robomimic.python, about, (file,)))
    return found


def _give_up(
    one: Contestant, contestants: list[Contestant], skipped: dict[str, str], error: SideError
) -> None:
    """Leaves a peer that fails out, with what it said; ours may not fail."""
    if one.name == "ours":
        raise error
    contestants.remove(one)
    skipped[one.name] = str(error)


def _make(one: Contestant, made: dict[Path, float], log: Path) -> None:
    """Makes what it reads, and notes the seconds, unless another of its modes made it."""
    if one.reads[0] not in made:
        with one.side(LENGTH, 0, log) as side:
            made[one.reads[0]] = float(side.ask("prepare"))


def _first(
    contestants: list[Contestant], skipped: dict[str, str], log: Path
) -> dict[str, dict[str, Any]]:
    """Opening, and the first windows, of files that are not in the page cache; the same windows."""
    found: dict[str, dict[str, Any]] = {}
    window: dict[str, list[float]] | None = None
    count = 0
    for one in list(contestants):
        with one.side(LENGTH, 0, log) as side:
            try:
                evict(*one.reads)
                opened = side.ask("open")
                cold = side.ask("first", batches=FIRST_BATCHES)
                seen = side.ask("window", number=opened["windows"] // 2)
            except SideError as error:
                _give_up(one, contestants, skipped, error)
                continue
        if window is None:
            window, count = seen, opened["windows"]
        _check_same(one, opened["windows"], count, seen, window)
        found[one.name] = {
            "open_cold_s": round(opened["seconds"], 2),
            "cold_windows_per_s": round(cold, 1),
        }
    return found


def _check_same(
    one: Contestant,
    windows: int,
    expected: int,
    seen: Mapping[str, list[float]],
    ours: Mapping[str, list[float]],
) -> None:
    """Raises DataError unless a side gives the same windows that ours does."""
    if windows != expected:
        raise DataError(f"{one.name}: got {windows} windows, expected the {expected} of ours")
    for key, values in ours.items():
        bound = LOSSY if one.lossy and key not in ("state", "action") else EXACT
        off = float(np.abs(np.subtract(seen[key], values)).max())
        if off > bound:
            raise DataError(
                f"{one.name}: {key} of one window is {off:.4f} off ours, expected {bound} at most; "
                "the sides do not load the same demonstrations"
            )


def _rates(
    contestants: list[Contestant],
    skipped: dict[str, str],
    length: int,
    workers: int,
    effort: Effort,
    log: Path,
) -> dict[str, Any]:
    """Warm windows per second by turns, with their ratios to ours, and memory."""
    with contextlib.ExitStack() as stack:
        sides = {
            one.name: stack.enter_context(one.side(length, workers, log)) for one in contestants
        }
        for side in sides.values():
            side.ask("ready")
        # All of them are there, before and after: libraries that they share count alike.
        before = {name: side.pss_mb() for name, side in sides.items()}
        for one in list(contestants):
            try:
                sides[one.name].ask("open")
                sides[one.name].ask("turn", seconds=effort.turn_s, ready=True)
            except SideError as error:
                _give_up(one, contestants, skipped, error)
                sides.pop(one.name).close()
        asked = {name: partial(s.ask, "turn", seconds=effort.turn_s) for name, s in sides.items()}
        ready = turns({n: partial(a, ready=True) for n, a in asked.items()}, effort.rounds)
        raw = turns({n: partial(a, ready=False) for n, a in asked.items()}, effort.rounds)
        memory = {name: side.pss_mb() for name, side in sides.items()}
    return {
        name: {
            "windows_per_s": round(float(np.median(ready[name])), 1),
            "delivered_windows_per_s": round(float(np.median(raw[name])), 1),
            "memory_mb": round(memory[name] - before[name], 1),
            "ours_over_this": ratio(ready["ours"], ready[name]),
            "ours_over_this_delivered": ratio(raw["ours"], raw[name]),
        }
        for name in sides
    }
