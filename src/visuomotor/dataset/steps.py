"""Sets and commands -> the dataset's 50 ms steps: gaps, and the action of each step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import STEP_NS, Float64
from visuomotor.errors import DataError

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

_MAX_STEPS_OF_GAP = 1200


@dataclass(frozen=True)
class StepGrid:
    """T steps of 50 ms.

    source: (T,) which set each step shows; a step that has none shows the one before and is not
    valid. stamps_ns: (T,) the sets' own stamps, evenly filled in over gaps. valid: (T,).
    """

    source: Int64
    stamps_ns: Int64
    valid: Bool


def step_grid(set_stamps_ns: Int64, where: str) -> StepGrid:
    """The steps of increasing set stamps (N,) ns.

    Each distance is rounded to whole steps, so clock drift and jitter make no gap. A set less
    than half a step after the one before is left out. Raises DataError naming `where` if there is
    no set, for stamps that go back, for sets that are not at 20 Hz, and for gaps over a minute.
    """
    stamps = np.asarray(set_stamps_ns, np.int64)
    if not len(stamps):
        raise DataError(f"{where}: no complete set within its trim; discard it or widen the trim")
    if np.any(np.diff(stamps) <= 0):
        at = int(stamps[1:][np.diff(stamps) <= 0][0])
        raise DataError(f"{where}: the clock goes back at stamp {at}; trim or discard the episode")
    source, times, valid = [0], [int(stamps[0])], [True]
    distances: list[int] = []
    for i in range(1, len(stamps)):
        last, now = times[-1], int(stamps[i])
        steps = round((now - last) / STEP_NS)
        if steps == 0:
            continue
        if steps > _MAX_STEPS_OF_GAP:
            raise DataError(
                f"{where}: {(now - last) * 1e-9:.0f} s without a set before stamp {now}; "
                "trim the episode to one side of it"
            )
        if steps == 1:
            distances.append(now - last)
        for missing in range(1, steps):
            source.append(source[-1])
            times.append(last + (now - last) * missing // steps)
            valid.append(False)
        source.append(i)
        times.append(now)
        valid.append(True)
    if len(stamps) > 4:
        # The mean: sets of cameras at 30 Hz come 33 and 67 ms apart by turns, and 20 a second.
        mean = float(np.mean(distances)) if distances else np.inf
        if not 0.8 <= mean / STEP_NS <= 1.2:
            rate = 1e9 / float(np.mean(distances or np.diff(stamps)))
            raise DataError(
                f"{where}: sets come at {rate:.1f} Hz, expected {1e9 / STEP_NS:.0f} Hz; "
                "record with rgbd_sync at its default rate"
            )
    return StepGrid(
        np.array(source, np.int64), np.array(times, np.int64), np.array(valid, np.bool_)
    )


@dataclass(frozen=True)
class StepActions:
    """The action of every step: pose (T, 4, 4) in base, width (T,) in m, valid (T,)."""

    pose: Float64
    width_m: Float64
    valid: Bool


def align_actions(
    stamps_ns: Int64,
    T_base_ee: Float64,
    measured_width_m: Float64,
    targets: tuple[Int64, Float64],
    gripper: tuple[Int64, Float64],
) -> StepActions:
    """The action of the step stamped t: the first target accepted in (t, t + 50 ms].

    stamps_ns (T,), T_base_ee (T, 4, 4), measured_width_m (T,). targets: stamps (M,) and poses
    (M, 4, 4) of the accepted targets, by stamp. gripper: stamps and widths of the accepted
    gripper commands, which hold until the next: the step's is the newest not after t + 50 ms, the
    measured width before the first. A step without a target is not valid, and holds the pose.
    """
    target_stamps, target_poses = targets
    first = np.searchsorted(target_stamps, stamps_ns, side="right")
    bounded = np.append(target_stamps, np.iinfo(np.int64).max)
    valid = bounded[first] <= stamps_ns + STEP_NS
    pose = np.array(T_base_ee, np.float64)
    pose[valid] = target_poses[first[valid]]
    gripper_stamps, gripper_widths = gripper
    newest = np.searchsorted(gripper_stamps, stamps_ns + STEP_NS, side="right") - 1
    width = np.array(measured_width_m, np.float64)
    commanded = newest >= 0
    width[commanded] = gripper_widths[newest[commanded]]
    return StepActions(pose, width, valid)
