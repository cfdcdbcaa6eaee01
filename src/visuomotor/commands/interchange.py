"""`export lerobot`, `import lerobot`, `import robomimic`: others' datasets from and into ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tyro.conf import Positional

from visuomotor.commands.progress import ProgressLine
from visuomotor.errors import ConfigError

if TYPE_CHECKING:
    from visuomotor.interchange.episodes import ImportedEpisode

KnownOutcome = Literal["success", "failure", "unknown"]


def export_lerobot(
    dataset: Positional[Path],
    out: Path,
    cameras: tuple[str, ...] = ("front",),
    height: int = 120,
    width: int = 160,
    depth: bool = False,
    observation: Path | None = None,
    task: str | None = None,
    outcomes: tuple[KnownOutcome, ...] = ("success", "unknown"),
    episodes: int | None = None,
    video: bool = False,
) -> int:
    """Write a LeRobotDataset (version 3.0) of recorded episodes; needs LeRobot (`make lerobot`).

    Images are what a policy will see of these cameras when it runs here; state and action are poses
    in base (docs/lerobot.md). LeRobot opens the folder with root=OUT.

    Args:
        dataset: Dataset folder.
        out: Folder to write; it must not exist yet.
        cameras: Which cameras.
        height: Of the images, in pixels.
        width: Of the images, in pixels.
        depth: Depth, too, as grey images.
        observation: Instead of those four, the observation.yaml of a checkpoint.
        task: Only this task.
        outcomes: Which episodes are taken.
        episodes: Only the first so many.
        video: Videos (AV1, with losses) instead of images.
    """
    from visuomotor.config import from_mapping, load_yaml
    from visuomotor.interchange.lerobot_export import export_lerobot as export
    from visuomotor.observations import CameraSpec, ObservationSpec

    if observation is not None:
        spec = load_yaml(ObservationSpec, observation)
    else:
        size = {"height": height, "width": width, "depth": depth}
        views = [from_mapping(CameraSpec, {"name": c, **size}, "--cameras") for c in cameras]
        spec = from_mapping(ObservationSpec, {"cameras": views}, "--cameras")
    with ProgressLine("export", 1, every_s=5.0) as line:
        done = export(
            dataset,
            out,
            spec,
            task,
            outcomes,
            episodes,
            video,
            lambda n, total: line.to(n, total=total),
        )
    left = f"; {done.left_out} steps without a set or an action left out" if done.left_out else ""
    print(f"{out}: {done.episodes} episodes, {done.steps} steps{left}")
    return 0


def import_lerobot(
    source: Positional[Path],
    out: Path,
    task: str,
    layout: Literal["visuomotor", "robosuite"] = "visuomotor",
    base: tuple[float, float, float] = (0.0, 0.0, 0.0),
    cameras: tuple[str, ...] = (),
    episodes: int | None = None,
) -> int:
    """Record a LeRobotDataset's episodes as bags to train from; needs LeRobot (`make lerobot`).

    Args:
        source: The dataset's folder, with meta/info.json.
        out: Dataset folder that the bags are added to.
        task: What its episodes are of.
        layout: What state and action are: as `export lerobot` writes them, or robosuite's.
        base: With --layout robosuite, where the arm's base is in its world, in m.
        cameras: Which, each as NAME or THEIRS=OURS; without any, all.
        episodes: Only the first so many.
    """
    from visuomotor.interchange.lerobot_import import read_lerobot

    renamed = camera_names(cameras)
    return _record(read_lerobot(source, renamed, layout, base, episodes), out, task, "lerobot")


def import_robomimic(
    source: Positional[Path],
    out: Path,
    task: str,
    cameras: tuple[str, ...] = (),
    episodes: int | None = None,
) -> int:
    """Record the demonstrations of a robomimic HDF5 file as bags to train from; needs h5py.

    Args:
        source: The file, of one robosuite arm, with images and at 20 Hz.
        out: Dataset folder that the bags are added to.
        task: What its episodes are of.
        cameras: Which, each as NAME or THEIRS=OURS (agentview=front); without any, all.
        episodes: Only the first so many.
    """
    from visuomotor.interchange.robomimic_import import read_robomimic

    renamed = camera_names(cameras)
    return _record(read_robomimic(source, renamed, episodes), out, task, "robomimic")


def camera_names(given: tuple[str, ...]) -> dict[str, str]:
    """Theirs -> ours of NAME or THEIRS=OURS; ConfigError for empty or repeated names."""
    pairs = [text.split("=", 1) if "=" in text else [text, text] for text in given]
    found = {theirs: ours for theirs, ours in pairs}
    whole = all(theirs and ours for theirs, ours in pairs)
    if not whole or len(set(found.values())) != len(pairs) or len(found) != len(pairs):
        raise ConfigError(f"--cameras: got {given}, expected distinct NAME or THEIRS=OURS")
    return found


def _record(found: Iterator[ImportedEpisode], out: Path, task: str, operator: str) -> int:
    from visuomotor.interchange.episodes import UNCALIBRATED, write_episodes
    from visuomotor.recording.sidecar import load_sidecar

    written = []
    for path in write_episodes(found, out, task, operator):
        written.append(path)
        print(f"episode {len(written)}: {path}", flush=True)
    print(f"{len(written)} episodes in {out}")
    if any(UNCALIBRATED in load_sidecar(path).tags for path in written):
        print(
            "cameras of unknown place (tag `uncalibrated`): train policies that use colour alone, "
            "`depth: false`"
        )
    return 0
