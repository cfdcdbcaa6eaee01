"""`bench soak`: the complete graph at 20 Hz, a policy acting, an episode cut every minute."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tqdm import tqdm

from visuomotor.bench.faults.cell import NODES, complete_cell
from visuomotor.bench.faults.measure import CHECKPOINT
from visuomotor.bench.faults.operator import PageOperator
from visuomotor.bench.faults.rig import Rig
from visuomotor.bench.in_graph import own_domain
from visuomotor.bench.results import save_result
from visuomotor.bench.soak.episodes import Cut, checked, refused_by_reason
from visuomotor.bench.soak.viewer import Viewer
from visuomotor.bench.soak.watch import SAMPLE_S, Samples, growths
from visuomotor.bench.stages import say
from visuomotor.errors import ConfigError, RobotError
from visuomotor.ros import topics
from visuomotor.ros.launch import share_folder

EPISODE_S = 60.0
FIRST_SEED = 430_000
CAMERAS = ("front", "side")
SHORTEST_MIN = 2.0
ROBOT = ("pose", "joints", "gripper")
"""Streams of rgbd_sync that are interpolated."""


def run(out: Path, minutes: float = 60.0, keep: bool = False) -> dict[str, Any]:
    """Measures and writes `soak.json`; keep: the episodes stay, and where they are is said."""
    if not minutes >= SHORTEST_MIN:
        raise ConfigError(f"--minutes: got {minutes:g}, expected {SHORTEST_MIN:g} or more")
    own_domain()
    folder = Path(tempfile.mkdtemp(prefix="visuomotor-soak-"))
    dataset = folder / "dataset"
    dataset.mkdir()
    try:
        figures = _measured(folder, dataset, minutes)
    finally:
        if keep:
            say(f"the episodes are in {dataset}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return save_result(
        out / "soak.json",
        figures,
        "cores that also watch: the sampling reads every node's page tables",
        f"visuomotor bench soak --minutes {minutes:g}",
        [FIRST_SEED + i for i in range(len(figures["episodes"]))],
    )


def _measured(folder: Path, dataset: Path, minutes: float) -> dict[str, Any]:
    checkpoint = share_folder() / CHECKPOINT
    log = folder / "launch.log"
    cuts: list[Cut] = []
    with ExitStack() as stack:
        cell, launched, port = stack.enter_context(complete_cell(checkpoint, dataset, log))
        operator = PageOperator(port)
        stack.callback(operator.close)
        viewer = Viewer(port, CAMERAS)
        stack.callback(viewer.close)
        rig = Rig(cell, launched.pid, operator, checkpoint)
        stack.callback(rig.calm)
        rig.begin(FIRST_SEED)
        samples = Samples(launched.pid, NODES)
        begin_s, emitted = time.monotonic(), _emitted(rig)
        refused = _refused(rig)
        holds_lost = 0
        for elapsed_s in _ticks(60.0 * minutes):
            if not operator.held:  # a machine that stalls loses it, and the operator presses anew
                holds_lost += 1
                with suppress(RobotError):
                    operator.press()
            samples.take(elapsed_s)
            soon_over = elapsed_s > 60.0 * minutes - 2 * SAMPLE_S
            if elapsed_s > EPISODE_S * (len(cuts) + 1) and not soon_over:
                cuts.append(_cut(rig))
                _next(rig, FIRST_SEED + len(cuts))
        duration_s = time.monotonic() - begin_s
        emitted_now, refused_now = _emitted(rig), _refused(rig)
        cuts.append(_cut(rig))
        pictures = viewer.pictures
    figures = samples.figures()
    found = growths(samples.times_s, figures)
    return {
        "minutes": duration_s / 60.0,
        "rate_hz": _rate(emitted, emitted_now),
        "sync_drops": refused_by_reason(refused, refused_now),
        "accepted_hz": sum(c.accepted for c in cuts) / sum(c.seconds for c in cuts),
        "holds_lost": holds_lost,
        "pictures": pictures,
        "growth": {
            n: {q: _rounded({**asdict(g), "percent_per_hour": g.percent_per_hour}) for q, g in of}
            for n, of in ((n, of.items()) for n, of in found.items())
        },
        "episodes": [checked(cut) for cut in cuts],
        "times_s": [round(t, 1) for t in samples.times_s],
        "samples": figures,
    }


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in values.items()}


def _ticks(seconds: float) -> Iterator[float]:
    """Every SAMPLE_S, with a progress bar; what it yields is how long it has been, in s."""
    begin = time.monotonic()
    for i in tqdm(range(1, int(seconds / SAMPLE_S) + 1), desc="soak", unit="sample"):
        time.sleep(max(0.0, begin + i * SAMPLE_S - time.monotonic()))
        yield time.monotonic() - begin


def _cut(rig: Rig) -> Cut:
    """Ends the episode."""
    cell, path = rig.cell, rig.episode
    assert path is not None
    with suppress(RobotError):  # stopped already, by the disk: the episode tells
        rig.ask(topics.RECORDER_STOP)
    accepted, sets = list(cell.accepted), list(cell.sets)
    seconds = accepted[-1] - accepted[0] if len(accepted) > 1 else 0.0
    return Cut(path, sets, len(accepted), seconds)


def _next(rig: Rig, seed: int) -> None:
    """Another scene, in which the policy begins anew, and its episode."""
    rig.operator.release()
    rig.set("sim", seed=seed)
    rig.ask(topics.SIM_RESET)
    rig.cell.forget()
    rig.ask(topics.BRIDGE_RESET)
    rig.operator.press()
    rig.start_policy()
    rig.record()


def _emitted(rig: Rig) -> tuple[float, int]:
    """When the synchroniser said so, in s, and how many sets it had made by then."""
    cell = rig.cell
    name = "rgbd_sync: sets"
    cell.wait(lambda: name in cell.told, "the synchroniser's report", 10.0)
    return cell.told_s[name], int(cell.told[name]["emitted"])


def _rate(before: tuple[float, int], after: tuple[float, int]) -> float:
    return (after[1] - before[1]) / (after[0] - before[0])


def _refused(rig: Rig) -> Counter[str]:
    """The synchroniser's drops by stream and reason.

    But for robot samples that no set needed: they come five times as often.
    """
    found: Counter[str] = Counter()
    for name, row in rig.cell.told.items():
        if name.startswith("rgbd_sync: "):
            stream = name.partition(": ")[2]
            for key, value in row.items():
                if key == "dropped rate" and stream in ROBOT:
                    continue
                if key.startswith(("dropped ", "refused ")):
                    found[f"{stream}: {key.partition(' ')[2]}"] = int(value)
    return found
