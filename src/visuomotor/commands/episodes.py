"""`episodes ...`: look at, relabel, trim, put away, repair and play recorded episodes."""

from __future__ import annotations

import importlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tyro.conf import Positional

if TYPE_CHECKING:
    from visuomotor.recording import PlayedMessage


def list_episodes(
    dataset: Positional[Path] = Path("dataset"),
    task: str | None = None,
    trash: bool = False,
) -> int:
    """List the episodes of a dataset, one a line, and how many of those labelled succeeded.

    Args:
        dataset: Dataset folder.
        task: Only this task.
        trash: List the discarded ones instead.
    """
    from visuomotor.bench.statistics import wilson
    from visuomotor.recording import discarded, find_episodes, load_sidecar, table

    if trash:
        print("\n".join(map(str, discarded(dataset))) or f"nothing discarded in {dataset}")
        return 0
    print(table(dataset, task))
    outcomes = [load_sidecar(path).outcome for path in find_episodes(dataset, task)]
    solved, labelled = outcomes.count("success"), len(outcomes) - outcomes.count("unknown")
    if labelled:
        low, high = wilson(solved, labelled)
        print(
            f"{solved} of {labelled} labelled episodes succeeded, {solved / labelled:.3f} "
            f"(95% interval {low:.3f} to {high:.3f})"
        )
    return 0


def info(episode: Positional[Path]) -> int:
    """Show everything about one episode: sidecar, topics, counts and rates.

    Args:
        episode: The episode's folder.
    """
    from visuomotor.recording import describe

    print(describe(episode))
    return 0


def play(
    episode: Positional[Path], speed: float = 1.0, start_s: float = 0.0, loop: bool = False
) -> int:
    """Publish an episode's messages on their topics, as `ros2 bag play` does.

    Args:
        episode: The episode's folder.
        speed: Factor on real time.
        start_s: Start this many seconds after the first message.
        loop: Start again at the end, until Ctrl-C.
    """
    import rclpy
    from rclpy.signals import SignalHandlerOptions

    from visuomotor.recording import play as messages

    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node("episode_player")
    publishers: dict[str, Any] = {}
    try:
        count = 0
        while True:
            start = time.monotonic()
            for message in messages(episode, speed, start_s):
                if message.topic not in publishers:
                    publishers[message.topic] = _publisher(node, message)
                wait_s = message.due_s - (time.monotonic() - start)
                if wait_s > 0:
                    time.sleep(wait_s)
                publishers[message.topic].publish(message.cdr)
                count += 1
            if not loop:
                break
        print(f"published {count} messages on {len(publishers)} topics")
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
    return 0


def _publisher(node: Any, message: PlayedMessage) -> Any:
    from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

    from visuomotor.recording.schema import offered_qos

    package, _, name = message.msgtype.split("/")
    kind = getattr(importlib.import_module(f"{package}.msg"), name)
    qos = offered_qos(message.topic)
    profile = QoSProfile(
        depth=qos.depth,
        reliability=ReliabilityPolicy(qos.reliability.value),
        durability=DurabilityPolicy(qos.durability.value),
    )
    return node.create_publisher(kind, message.topic, profile)


def trim(
    episode: Positional[Path],
    start_s: float | None = None,
    end_s: float | None = None,
) -> int:
    """Use only a part of an episode from now on; the bag keeps all of it.

    Args:
        episode: The episode's folder.
        start_s: Seconds after the first set; without start and end: all of it again.
        end_s: Seconds after the first set.
    """
    from visuomotor.recording import trim as apply
    from visuomotor.recording.catalogue import used

    sidecar = apply(episode, start_s, end_s)
    print(f"{episode}: used " + (f"from {used(sidecar)}" if sidecar.trim_s else "whole"))
    return 0


def label(
    episode: Positional[Path],
    outcome: Literal["success", "failure", "unknown"] | None = None,
    tag: tuple[str, ...] = (),
    untag: tuple[str, ...] = (),
    operator: str | None = None,
) -> int:
    """Change what is said about an episode.

    Args:
        episode: The episode's folder.
        outcome: How it ended.
        tag: Tags to add.
        untag: Tags to take away.
        operator: Who demonstrated it.
    """
    from visuomotor.recording import label as apply

    sidecar = apply(episode, outcome, tag, untag, operator)
    tags = ", ".join(sidecar.tags) or "none"
    print(f"{episode}: {sidecar.outcome}, tags {tags}, operator {sidecar.operator or '-'}")
    return 0


def discard(episodes: Positional[tuple[Path, ...]]) -> int:
    """Move episodes to the dataset's .trash/; `restore` brings them back.

    Args:
        episodes: The episodes' folders.
    """
    from visuomotor.recording import discard as apply

    for episode in episodes:
        print(f"{episode} -> {apply(episode)}")
    return 0


def restore(episodes: Positional[tuple[Path, ...]]) -> int:
    """Move discarded episodes back; `episodes list --trash` shows them.

    Args:
        episodes: The episodes' folders inside .trash/.
    """
    from visuomotor.recording import restore as apply

    for episode in episodes:
        print(f"{episode} -> {apply(episode)}")
    return 0


def repair(path: Positional[Path]) -> int:
    """Complete what a killed recorder left: one episode, or every one below a dataset.

    Args:
        path: An unfinished or damaged episode, or a dataset folder.
    """
    from visuomotor.recording import repair as repair_one
    from visuomotor.recording import repair_all

    if path.name.endswith(".partial") or any(path.glob("*.mcap")):
        print(f"repaired {repair_one(path)}")
        return 0
    mended, errors = repair_all(path)
    for episode in mended:
        print(f"repaired {episode}")
    for error in errors:
        print(f"not repaired: {error}")
    if not mended and not errors:
        print(f"nothing to repair in {path}")
    return 1 if errors else 0


def export_video(
    episode: Positional[Path],
    out: Path = Path("episode.mp4"),
    cameras: tuple[str, ...] = (),
    height: int = 240,
) -> int:
    """Write an episode's cameras side by side as a video.

    Args:
        episode: The episode's folder.
        out: The file to write: .mp4, .avi or .gif.
        cameras: Which cameras; without any, all.
        height: Height of the video in pixels.
    """
    from visuomotor.recording import export_video as export

    print(export(episode, out, cameras, height))
    return 0
