"""One row: a healthy graph, the fault, what the arm did, what healed it, what was recorded."""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import replace

import numpy as np

from visuomotor.bench.control.log import Track, peak_speed, rest_after
from visuomotor.bench.faults.episodes import Recorded, recorded, remove
from visuomotor.bench.faults.fault import Fault
from visuomotor.bench.faults.judge import Row, wrongs
from visuomotor.bench.faults.node_faults import press
from visuomotor.bench.faults.rig import Rig
from visuomotor.control import Limits
from visuomotor.errors import RobotError
from visuomotor.ros import topics

LONGEST_S = 3.0
"""An arm that is not at rest by then is given up waiting for."""
RESTED_S = 0.3
STILL_S = 1.0
"""At least so long it is seen that nothing moves before an operator's step."""
ATTEMPTS = 3


def run_fault(rig: Rig, fault: Fault, seed: int) -> Row:
    """The row; RobotError if the graph cannot even be brought into motion.

    A hold of the dead-man that a busy machine lost, without a fault that could have, is none of
    the fault's doing: then all is done again.
    """
    for _ in range(ATTEMPTS):
        lost = rig.operator.lost
        row = _run(rig, fault, seed)
        if row.safe or rig.operator.lost == lost or fault.step is press:
            break
    return row


def _run(rig: Rig, fault: Fault, seed: int) -> Row:
    cell = rig.cell
    rig.begin(seed, fault.streamed)
    since_s = cell.now_s
    failure: tuple[str, ...] = ()
    try:
        fault.inject(rig)
    except RobotError as error:
        failure = (str(error),)
    _watch(rig, fault, since_s, cell.now_s)
    track = cell.measured if fault.seen_by == "arm" else cell.reference
    (state, reason), heal_s = cell.says, cell.now_s
    late_s, rest_s = _stopping(cell.accepted, track, fault, since_s, heal_s)
    went_m = _went_m(track, since_s, heal_s)
    peak, unasked_m, again_s = peak_speed(track, since_s, heal_s), 0.0, math.inf
    with contextlib.suppress(RobotError):  # an arm that does not go on has a row, too
        fault.heal(rig)
        if fault.step is not None:
            time.sleep(STILL_S)
            unasked_m = _went_m(cell.measured, heal_s, cell.now_s)
            fault.step(rig)
        rig.goes_on(pressing=fault.step is not None)
        again_s = cell.now_s - since_s
    end_s = cell.now_s
    peak = max(peak, peak_speed(cell.measured, heal_s, end_s))
    outside = _outside_m(cell.measured.between(since_s, end_s)[1])
    found = _episode(rig, since_s)
    row = Row(
        fault.name,
        fault.done,
        fault.arm,
        state,
        reason.split(";")[0],
        peak,
        late_s,
        rest_s,
        1e3 * went_m,
        1e3 * outside,
        1e3 * unasked_m,
        found.kind,
        found.sets,
        found.lost,
        found.missed,
        again_s,
        fault.step_name or "by itself",
    )
    found_wrong = wrongs(row, fault.late_s, fault.episode, fault.may_lose_s)
    return replace(row, wrongs=(*failure, *found_wrong))


def _watch(rig: Rig, fault: Fault, since_s: float, done_s: float) -> None:
    """Returns when the fault has lasted since it was done, and the arm rests or will not."""
    cell = rig.cell
    while (now_s := cell.now_s) < done_s + max(fault.lasts_s, LONGEST_S):
        if now_s > done_s + fault.lasts_s:
            track = cell.measured if fault.seen_by == "arm" else cell.reference
            if fault.arm == "goes on":
                return
            late_s, rest_s = _stopping(cell.accepted, track, fault, since_s, now_s)
            if late_s + rest_s + RESTED_S < now_s - since_s:
                return
        time.sleep(0.05)


def _stopping(
    accepted: list[float], track: Track, fault: Fault, since_s: float, end_s: float
) -> tuple[float, float]:
    """(late_s, rest_s) of a row."""
    if fault.arm == "goes on":
        return math.nan, math.nan
    last_s = max((t for t in list(accepted) if since_s < t <= end_s), default=since_s)
    return last_s - since_s, rest_after(track, last_s, end_s)


def _went_m(track: Track, since_s: float, end_s: float) -> float:
    """How far it was, in m, from where it was first; 0 where nothing was heard."""
    positions = track.between(since_s, end_s)[1]
    return float(np.linalg.norm(positions - positions[:1], axis=1).max(initial=0.0))


def _outside_m(positions: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    """How far out of the workspace, of positions (N, 3)."""
    limits = Limits()
    beyond = np.maximum(limits.lower - positions, positions - limits.upper)
    return max(0.0, float(beyond.max(initial=0.0)))


def _episode(rig: Rig, since_s: float) -> Recorded:
    """What became of the episode, which is then deleted."""
    cell, episode = rig.cell, rig.episode
    assert episode is not None
    rig.stand_in.stop()
    rig.remove_added()
    ended_ns = None
    with contextlib.suppress(RobotError):
        rig.wait_for_service(topics.RECORDER_STOP)
    try:
        cell.call.trigger(topics.RECORDER_STOP)
    except RobotError:  # it had stopped itself, or ended
        ended_ns = round(1e9 * since_s)
    found = recorded(episode, cell.sets, ended_ns)
    remove(episode)
    return found
