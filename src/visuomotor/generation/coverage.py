"""Which goals are reached from which starts: what stage 1 is judged by, from episodes' tags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from visuomotor.recording.catalogue import find_episodes
from visuomotor.recording.sidecar import Sidecar, load_sidecar
from visuomotor.recording.tags import GOAL, START


@dataclass(frozen=True)
class Coverage:
    """How often each goal was reached from each start.

    counts: (start, goal) -> episodes; goal "" where none was reached.
    """

    counts: Mapping[tuple[str, str], int] = field(default_factory=dict)

    @property
    def starts(self) -> tuple[str, ...]:
        """In order."""
        return tuple(sorted({start for start, _ in self.counts}))

    @property
    def goals(self) -> tuple[str, ...]:
        """Those that were reached at all, in order."""
        return tuple(sorted({goal for _, goal in self.counts if goal}))

    def episodes(self, start: str) -> int:
        """From that start."""
        return sum(n for (s, _), n in self.counts.items() if s == start)

    def share(self, start: str, goal: str) -> float:
        """Of the episodes from that start, those that reached the goal; 0 without any."""
        return self.counts.get((start, goal), 0) / max(1, self.episodes(start))

    def solved(self, start: str) -> float:
        """Of the episodes from that start, those that reached any goal; 0 without any."""
        return 1.0 - self.share(start, "") if self.episodes(start) else 0.0

    def plus(self, start: str, goal: str) -> Coverage:
        """With one episode more."""
        counts = Counter(self.counts)
        counts[start, goal] += 1
        return Coverage(dict(counts))

    def figures(self) -> dict[str, dict[str, int]]:
        """As JSON: start -> goal ("" for none) -> episodes."""
        return {
            start: {g: self.counts.get((start, g), 0) for g in (*self.goals, "")}
            for start in self.starts
        }

    def table(self) -> str:
        """One line per start; a goal's share is of the episodes from there."""
        if not self.counts:
            return "no episodes with the tags of a start"
        head = f"{'start':<12}{'episodes':>9}{'any goal':>10}"
        lines = [head + "".join(f"{g:>12}" for g in self.goals)]
        for start in self.starts:
            shares = "".join(f"{self.share(start, g):>12.0%}" for g in self.goals)
            solved = self.solved(start)
            lines.append(f"{start:<12}{self.episodes(start):>9}{solved:>10.0%}{shares}")
        return "\n".join(lines)


def coverage_of(sidecars: Iterable[Sidecar]) -> Coverage:
    """Of those that tell their start; one that did not succeed reached no goal."""
    found = Coverage()
    for sidecar in sidecars:
        start = tagged(sidecar, START)
        if start:
            goal = tagged(sidecar, GOAL) if sidecar.outcome == "success" else ""
            found = found.plus(start, goal)
    return found


def coverage(dataset: Path, task: str | None = None) -> Coverage:
    """Of a dataset's episodes, the failed ones too."""
    episodes = find_episodes(dataset, task, ("success", "failure", "unknown"))
    return coverage_of(load_sidecar(e) for e in episodes)


def tagged(sidecar: Sidecar, prefix: str) -> str:
    """What follows that prefix in the first tag that has it; "" without one."""
    return next((t[len(prefix) :] for t in sidecar.tags if t.startswith(prefix)), "")
