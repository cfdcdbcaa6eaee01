"""Recorded episodes: the bag's bytes, its metadata, its messages, its sidecar, unfinished ones."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import yaml

from visuomotor.bench.dataset import write_synthetic
from visuomotor.bench.fuzzing.mutation import mutated
from visuomotor.bench.fuzzing.target import Target
from visuomotor.bench.fuzzing.yaml_texts import yaml_text
from visuomotor.console.episode_list import EpisodeList
from visuomotor.dataset import open_dataset
from visuomotor.errors import VisuomotorError
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.recording import (
    WriterConfig,
    find_episodes,
    label,
    open_bag,
    read_actions,
    read_frames,
    repair,
    trim,
)
from visuomotor.recording.bag import PARTIAL, BagWriter
from visuomotor.recording.catalogue import describe, table
from visuomotor.recording.playback import play
from visuomotor.recording.reader import read_gripper_commands
from visuomotor.recording.sidecar import SIDECAR
from visuomotor.recording.stills import episode_still

SIZES = {"front": (16, 24)}
SETS = 5
SPEC = ObservationSpec((CameraSpec("front", 16, 24),))
METADATA = "metadata.yaml"
NAME = "20260101T000000Z-000000"


def bag(folder: Path) -> Target:
    """The MCAP file's bytes."""
    episode, other = _episodes(folder)
    whole, spare = _mcap(episode).read_bytes(), _mcap(other).read_bytes()

    def use(data: bytes) -> None:
        with _Case(folder, episode) as case:
            _mcap(case).write_bytes(data)
            _read_all(case)

    return Target(lambda rng: mutated(whole, rng, (whole, spare)), use)


def metadata(folder: Path) -> Target:
    """`metadata.yaml` beside a healthy MCAP file."""
    episode, _ = _episodes(folder)
    values = yaml.safe_load((episode / METADATA).read_text())

    def use(data: bytes) -> None:
        with _Case(folder, episode) as case:
            (case / METADATA).write_bytes(data)
            _read_all(case)

    return Target(lambda rng: yaml_text(values, rng), use)


def sidecar(folder: Path) -> Target:
    """`episode.yaml`, read, listed, changed and written again."""
    episode, _ = _episodes(folder)
    values = yaml.safe_load((episode / SIDECAR).read_text())
    values |= {"trim_s": [0.05, 0.2], "tags": ["a"], "markers": [{"name": "m", "stamp_ns": 7}]}

    def use(data: bytes) -> None:
        with _Case(folder, episode) as case:
            (case / SIDECAR).write_bytes(data)
            EpisodeList(case.parents[1]).rows()
            json.dumps(EpisodeList(case.parents[1]).rows())
            find_episodes(case.parents[1], task="bench", tag="a")
            table(case.parents[1])
            describe(case)
            episode_still(case, "front")
            label(case, "success", ("b",), ("a",))
            trim(case, 0.0, None)
            _dataset(case)

    return Target(lambda rng: yaml_text(values, rng), use)


def messages(folder: Path) -> Target:
    """A healthy bag, some of whose messages are damaged, of another type, or at another time."""
    episode, _ = _episodes(folder)
    with open_bag(episode) as opened:
        recorded = list(opened.raw())
    types = sorted({kind for _, _, kind, _ in recorded} | {"std_msgs/msg/String"})

    def make(rng: Random) -> bytes:
        changes = {}
        for _ in range(rng.choice((1, 1, 2, 5))):
            index = rng.randrange(len(recorded))
            time_ns, topic, kind, cdr = recorded[index]
            what = rng.randrange(6)
            if what == 0:
                kind = rng.choice(types)
            elif what == 1:
                topic = rng.choice(recorded)[1]
            elif what == 2:
                time_ns = rng.choice((0, 1, time_ns, 2**62, 2**63 - 2))
            elif what == 3:
                cdr = rng.choice(recorded)[3]
            else:
                cdr = cdr[:4] + mutated(cdr[4:], rng)
            changes[str(index)] = [time_ns, topic, kind, cdr.hex()]
        return json.dumps({"whole_topic": rng.random() < 0.5, "changes": changes}).encode()

    def use(data: bytes) -> None:
        given = json.loads(data)
        renamed: dict[str, str] = {}
        rows: list[tuple[int, str, str, bytes]] = list(recorded)
        for index, (time_ns, topic, kind, cdr) in given["changes"].items():
            if given["whole_topic"]:
                renamed[rows[int(index)][1]] = kind
            rows[int(index)] = (time_ns, topic, kind, bytes.fromhex(cdr))
        with _Case(folder, episode) as case:
            shutil.rmtree(case)
            writer = BagWriter(case)
            for time_ns, topic, kind, cdr in rows:
                writer.add_topic(topic, renamed.get(topic, kind))
                writer.write(topic, time_ns, cdr)
            writer.close()
            _read_all(case)

    return Target(make, use)


def partial(folder: Path) -> Target:
    """What a killed recorder left, damaged beside that; repaired, it must be read."""
    episode, other = _episodes(folder)
    whole, spare = _mcap(episode).read_bytes(), _mcap(other).read_bytes()

    def make(rng: Random) -> bytes:
        cut = whole[: rng.randint(0, len(whole))] if rng.random() < 0.7 else whole
        return mutated(cut, rng, (whole, spare)) if rng.random() < 0.8 else cut

    def use(data: bytes) -> None:
        with _Case(folder, episode) as case:
            (case / METADATA).unlink()
            _mcap(case).write_bytes(data)
            mended = repair(case.rename(case.with_name(case.name + PARTIAL)))
            _read_all(mended)

    return Target(make, use)


class _Case:
    """A copy of an episode, alone in a dataset of its own."""

    def __init__(self, folder: Path, episode: Path) -> None:
        self._root = folder / "case"
        self._episode = episode

    def __enter__(self) -> Path:
        shutil.rmtree(self._root, ignore_errors=True)
        copy = self._root / "bench" / self._episode.name
        shutil.copytree(self._episode, copy)
        return copy

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._root, ignore_errors=True)


def _episodes(folder: Path) -> tuple[Path, Path]:
    """Two healthy episodes, the second one JPEG."""
    (first,) = write_synthetic(folder / "png", 1, SETS, WriterConfig(color="png"), SIZES)
    (second,) = write_synthetic(folder / "jpeg", 1, SETS, WriterConfig(color="jpeg"), SIZES)
    return _named(first), _named(second)


def _named(episode: Path) -> Path:
    """The episode under a name that no chance is in, so that a kept input fits it again."""
    bag, metadata = _mcap(episode), episode / METADATA
    metadata.write_text(metadata.read_text().replace(episode.name, NAME))
    bag.rename(bag.with_name(f"{NAME}.mcap"))
    return episode.rename(episode.with_name(NAME))


def _mcap(episode: Path) -> Path:
    return episode / f"{episode.name.removesuffix(PARTIAL)}.mcap"


def _read_all(episode: Path) -> None:
    """Every way to read a bag, also where another one refuses it; then the first refusal."""
    with open_bag(episode) as opened:
        ways: list[Callable[[], Any]] = [
            lambda: list(read_frames(opened)),
            lambda: read_actions(opened),
            lambda: read_gripper_commands(opened),
            # these open it again, which costs more than all the rest: one of them each time
            (
                lambda: describe(episode),
                lambda: list(play(episode)),
                lambda: _dataset(episode),
            )[_mcap(episode).stat().st_size % 3],
        ]
        refusals = []
        for way in ways:
            try:
                way()
            except VisuomotorError as error:
                refusals.append(error)
    if refusals:
        raise refusals[0]


def _dataset(episode: Path) -> None:
    windows = open_dataset(episode.parents[1], SPEC).windows(2)
    if len(windows):
        windows.batch([0])
