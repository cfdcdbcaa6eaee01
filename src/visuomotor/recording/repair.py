"""Completes what a killed recorder or a full disk left behind."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from visuomotor.errors import DataError
from visuomotor.recording.bag import PARTIAL, BagWriter
from visuomotor.recording.bag_reader import open_bag
from visuomotor.recording.catalogue import TRASH, find_partial
from visuomotor.recording.scan import scan_messages
from visuomotor.recording.sidecar import Sidecar, load_sidecar, save_sidecar
from visuomotor.recording.statistics import EpisodeStatistics


def repair(episode: Path | str) -> Path:
    """Completes one `.partial` episode, or rebuilds one whose bag is truncated.

    Every message that reached the disk is kept, and so are the markers; the tag is "repaired". The
    outcome is "unknown", for the end may be lost, but a failure stays one.
    The damaged bag goes only when the complete one is in place (a `.partial` is removed, a
    finished folder moves to `.trash/`). Returns the episode's folder. Raises DataError if the
    episode is still being recorded, is healthy already, or holds nothing to recover.
    """
    episode = Path(episode)
    bag = _mcap(episode)
    final = episode.with_name(episode.name.removesuffix(PARTIAL))
    partial = episode.name.endswith(PARTIAL)
    with bag.open("rb") as file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DataError(f"{episode}: is being recorded at this moment; stop it first") from None
        if partial and final.exists():
            raise DataError(
                f"{episode}: {final.name} exists already; compare the two and delete one of them"
            )
        if _is_healthy(episode):
            if not partial:
                raise DataError(f"{episode}: the bag is complete, there is nothing to repair")
            episode.rename(final)  # killed between the last byte and the rename
            return final
        try:
            return _rebuild(episode, bag, final)
        except OSError as error:
            raise DataError(
                f"{episode}: cannot be repaired now: {error.strerror}; it needs as much free disk "
                "space as it holds"
            ) from error


def repair_all(root: Path | str) -> tuple[list[Path], list[DataError]]:
    """Repairs every unfinished episode below `root`: what was mended, and what could not be."""
    mended: list[Path] = []
    errors: list[DataError] = []
    for path in find_partial(root):
        try:
            mended.append(repair(path))
        except DataError as error:
            errors.append(error)
    return mended, errors


def _rebuild(episode: Path, bag: Path, final: Path) -> Path:
    scratch = Path(tempfile.mkdtemp(prefix=".repair-", dir=episode.parent))
    folder = scratch / f"{final.name}{PARTIAL}"
    writer: BagWriter | None = None
    try:
        writer = BagWriter(folder)
        statistics = EpisodeStatistics()
        for message in scan_messages(bag):
            writer.add_topic(message.topic, message.msgtype)
            writer.write(message.topic, message.log_time_ns, message.cdr)
            statistics.count(message.topic, message.log_time_ns)
        statistics.count_sets()
        if not statistics.sets:
            raise DataError(
                f"{episode}: no set reached the disk, there is nothing to recover; delete it"
            )
        writer.close()
        writer = None
        before = _sidecar(episode)
        if before.outcome != "failure":
            before = replace(before, outcome="unknown")
        after = replace(
            statistics.describe(before),
            tags=tuple(dict.fromkeys((*before.tags, "repaired"))),
        )
        save_sidecar(after, folder)
        if not episode.name.endswith(PARTIAL):
            aside = episode.parent.parent / TRASH / episode.parent.name / episode.name
            aside.parent.mkdir(parents=True, exist_ok=True)
            episode.rename(aside)
        folder.rename(final)
        if episode.name.endswith(PARTIAL):
            shutil.rmtree(episode)
        return final
    finally:
        if writer is not None:
            writer.abort()
        shutil.rmtree(scratch, ignore_errors=True)


def _mcap(episode: Path) -> Path:
    if not episode.is_dir():
        raise DataError(f"{episode}: no such folder; expected an episode")
    files = sorted(episode.glob("*.mcap"))
    if len(files) != 1:
        raise DataError(f"{episode}: got {len(files)} .mcap files, expected the one of an episode")
    return files[0]


def _is_healthy(episode: Path) -> bool:
    try:
        with open_bag(episode) as bag:
            bag.layout()
            return sum(1 for _ in bag.raw()) > 0  # all of them: damage may be in any chunk
    except DataError:
        return False


def _sidecar(episode: Path) -> Sidecar:
    try:
        return load_sidecar(episode)
    except DataError:
        return Sidecar(task=episode.resolve().parent.name)
