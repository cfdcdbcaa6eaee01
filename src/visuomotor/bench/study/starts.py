"""Where the objects of a cell's demonstrations started: the configurations it was trained on."""

from __future__ import annotations

import json
import os
from pathlib import Path

from visuomotor.errors import DataError
from visuomotor.recording import messages
from visuomotor.recording.bag_reader import open_bag
from visuomotor.recording.catalogue import find_episodes
from visuomotor.sim.tasks import make_task
from visuomotor.sim.tasks.motion import yaw_of


def training_starts(dataset: Path, task: str, count: int, cache: Path) -> list[list[float]]:
    """[x, y (m), yaw (rad)] of the task's first object at the start of each demonstration.

    Of the first `count` successful episodes, which are those that training uses, from the true
    poses that their bags hold; kept in `cache`, a JSON file. DataError if there are fewer, or if
    a bag has no true poses.
    """
    episodes = find_episodes(dataset, task, ("success",))[:count]
    if len(episodes) < count:
        raise DataError(
            f"{dataset}: got {len(episodes)} successful episodes of {task}, expected {count}; "
            "run the study again to record the missing ones"
        )
    topic = f"/sim/objects/{make_task(task).objects[0]}/pose"
    known: dict[str, list[float]] = json.loads(cache.read_text()) if cache.exists() else {}
    missing = [e for e in episodes if e.name not in known]
    for episode in missing:
        known[episode.name] = _start(episode, topic)
    if missing:
        cache.parent.mkdir(parents=True, exist_ok=True)
        building = cache.with_suffix(f".{os.getpid()}")
        building.write_text(json.dumps(known) + "\n")
        building.replace(cache)
    return [known[e.name] for e in episodes]


def rounded(x: float, y: float, yaw: float) -> list[float]:
    """A start as the cells' files hold it: to 0.1 mm and 0.1 mrad."""
    return [round(x, 4), round(y, 4), round(yaw, 4)]


def _start(episode: Path, topic: str) -> list[float]:
    with open_bag(episode) as bag:
        for _, message in bag.read({topic}):
            T = messages.pose_of(message)
            return rounded(float(T[0, 3]), float(T[1, 3]), yaw_of(T))
    raise DataError(
        f"{episode}: no message on {topic}; expected the true poses of a simulation's bag: "
        "delete the dataset and let the study record it again"
    )
