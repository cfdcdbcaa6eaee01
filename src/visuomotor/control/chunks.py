"""Overlapping chunks of actions as one command for every instant (docs/actions.md)."""

from __future__ import annotations

import numpy as np

from visuomotor.contracts import MAX_GRIPPER_WIDTH_M, STEP_NS, Action, ActionChunk
from visuomotor.control.bridge import CLOCK_JUMP_NS
from visuomotor.control.cadence import Cadence
from visuomotor.control.chunk_config import ChunkConfig
from visuomotor.control.overlap import Splice, blended, ensembled
from visuomotor.errors import CommandError
from visuomotor.geometry import is_pose


class ChunkPlayer:
    """Takes chunks as they come and gives the action that is meant for now + command latency.

    Asynchronously no action is given whose target time is past: a chunk that has run out gives
    none. Synchronously its last one is played on, so that chunks of one run as without times.
    One thread may add while another one plays. chunks, late, spliced: chunks taken; their actions
    that came too late; chunks that took over from one that still had actions. latency_ns: how old
    the newest chunk's set will be when its first action reaches the arm.
    """

    def __init__(self, config: ChunkConfig) -> None:
        self.config = config
        self.chunks = self.late = self.spliced = self.latency_ns = 0
        self._cadence = Cadence()
        self._plan: tuple[Splice, ...] = ()  # oldest first; replaced as a whole, never changed

    @property
    def newest(self) -> ActionChunk | None:
        """The chunk taken last, unless `clear` came after it."""
        plan = self._plan
        return plan[-1].chunk if plan else None

    def reset(self) -> None:
        """Begins a new episode; the counters stay."""
        self.clear()
        self._cadence.clear()

    def stop(self, now_ns: int) -> None:
        """Ends the episode; the steps that pass from now on are no stalls."""
        self.clear()
        self._cadence.stop(now_ns)

    def clear(self) -> None:
        """Forgets all chunks: nothing is commanded until the next."""
        self._plan = ()

    def add(self, chunk: ActionChunk, now_ns: int) -> None:
        """Splices a chunk in at the present: what it says of the time gone by is dropped.

        Raises CommandError, and plays on what it has, for a chunk that is older than the newest
        one, and asynchronously for one that lasts too short or came after its end. After a clock
        that jumped back by more than a second the old chunks are forgotten.
        """
        newest, arrival = self.newest, now_ns + self.config.command_latency_ns
        if newest is not None and newest.stamp_ns - chunk.stamp_ns > CLOCK_JUMP_NS:
            self.reset()
            newest = None
        if newest is not None and chunk.stamp_ns <= newest.stamp_ns:
            raise CommandError(
                f"set {chunk.stamp_ns}: its actions came after those of set {newest.stamp_ns}; "
                "expected chunks in the order of their stamps, check the cameras' clocks"
            )
        late, self.latency_ns = chunk.index_at(arrival), arrival - chunk.stamp_ns
        if self.config.inference == "asynchronous" and len(chunk) < 2:
            raise CommandError(
                "the policy gives one action at a time, asynchronous inference needs chunks of 2 "
                "or more; set `inference` to synchronous"
            )
        self.late += late
        if self.config.inference == "asynchronous" and late == len(chunk):
            raise CommandError(
                f"set {chunk.stamp_ns}: all {late} actions came too late, "
                f"{self.latency_ns * 1e-6:.0f} ms after it, expected less than "
                f"{late * STEP_NS * 1e-6:.0f} ms; make inference faster or chunks longer"
            )
        self.chunks += 1
        self.spliced += newest is not None and newest.end_ns > arrival
        self._plan = (*self._kept(arrival), self._splice(chunk, arrival))

    def due(self, now_ns: int) -> bool:
        """Whether it is time for the next command of 20 per second."""
        newest = self.newest
        return newest is not None and self._cadence.due(now_ns, self._middle_ns(newest))

    def action(self, now_ns: int) -> Action | None:
        """The action to command now; None where no chunk says anything of the present."""
        plan, arrival = self._plan, now_ns + self.config.command_latency_ns
        if not plan:
            return None
        newest = plan[-1].chunk
        if self.config.inference == "synchronous":
            arrival = min(arrival, newest.end_ns)
        index = newest.index_at(arrival)
        if index == len(newest):
            return None
        self._cadence.note(now_ns, self._middle_ns(newest))
        if self.config.overlap == "ensemble":
            T = ensembled(plan, arrival, self.config.ensemble_decay)
        else:
            T = blended(plan, arrival)
        return Action(T, float(np.clip(newest.widths_m[index], 0.0, MAX_GRIPPER_WIDTH_M)))

    def stalls(self, now_ns: int) -> int:
        """Control steps that passed without a command since the first one, up to now."""
        return self._cadence.missed(now_ns)

    def silence_s(self, now_ns: int) -> float:
        """How long ago the last command was, in s; 0 before the first of an episode."""
        return self._cadence.silence_ns(now_ns) * 1e-9

    def _middle_ns(self, chunk: ActionChunk) -> int:
        return chunk.stamp_ns + STEP_NS // 2 - self.config.command_latency_ns

    def _splice(self, chunk: ActionChunk, arrival_ns: int) -> Splice:
        """It takes over from the last command on, and before the older chunk has run out."""
        newest, last_ns = self.newest, self._cadence.last_ns
        if newest is None or last_ns is None or self.config.overlap != "blend":
            return Splice(chunk, arrival_ns)
        start_ns = min(last_ns + self.config.command_latency_ns, arrival_ns)
        return Splice(chunk, start_ns, max(0, min(self.config.blend_ns, newest.end_ns - start_ns)))

    def _kept(self, arrival_ns: int) -> tuple[Splice, ...]:
        """The older chunks that still count once a new one is there."""
        if self.config.overlap == "newest":
            return ()
        if self.config.overlap == "ensemble":
            return tuple(s for s in self._plan if s.chunk.end_ns >= arrival_ns)
        whole = [i for i, s in enumerate(self._plan) if s.share(arrival_ns) == 1]
        return self._plan[whole[-1] :] if whole else self._plan


def check_finite(chunk: ActionChunk) -> None:
    """Raises CommandError for a chunk in which any pose or width is none."""
    for i in range(len(chunk)):
        action = chunk[i]
        if not is_pose(action.T_base_ee) or not np.isfinite(action.gripper_width_m):
            of = f", in action {i + 1} of {len(chunk)}" if len(chunk) > 1 else ""
            raise CommandError(
                f"set {chunk.stamp_ns}: the policy gave position "
                f"{action.T_base_ee[:3, 3].tolist()} and width {action.gripper_width_m}{of}, "
                "expected a finite pose and width; the arm holds, check the checkpoint and its "
                "inputs"
            )
