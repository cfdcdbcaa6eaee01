"""What became of the commands, counted by source and reason."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from visuomotor.control.targets import Verdict


class CommandCounter(Counter[str]):
    """accepted/<source>, clipped/<source>/<reason>, refused/<source>/<reason>, and events."""

    def judged(self, source: str, verdict: Verdict, what: str = "") -> Verdict:
        """Counts a verdict on a source's command; its detail then names them both.

        what: of which kind the command is, "" for a pose or "gripper " for a width.
        """
        if not verdict.accepted:
            self[f"refused/{source}/{what}{verdict.reason}".replace(" ", "_")] += 1
        else:
            self[f"accepted/{source}{'/gripper' if what else ''}"] += 1
            if verdict.reason:
                self[f"clipped/{source}/{verdict.reason}"] += 1
        if verdict.detail and not verdict.detail.startswith(source):
            return replace(verdict, detail=f"{source}: {what}{verdict.detail}")
        return verdict
