"""What a fault did, and whether that was safe: fixed criteria."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from visuomotor.control import Limits

FASTEST = 1.1 * Limits().max_speed
"""m/s: the limit, and a tenth for stamps that a busy machine delays."""
REST_S = 0.5
UNASKED_MM = 2.0
OUTSIDE_MM = 20.0
"""An arm that follows a reference at the workspace's border may swing over it."""

CRITERIA = (
    f"the arm is never faster than {FASTEST:.3f} m/s (the limit of {Limits().max_speed:g} m/s and "
    "a tenth, for stamps that a busy machine delays), nor more than "
    f"{OUTSIDE_MM:.0f} mm out of the workspace",
    f"where the arm must stop, it is at rest within {REST_S:g} s of losing its source: of the last "
    "target that the bridge accepted, or of the fault, whichever is later; and the bridge accepts "
    "no target later than the fault can be noticed",
    f"where an operator's step is required, the arm moves less than {UNASKED_MM:g} mm in the "
    "second before it",
    "the episode that is being recorded is kept or can be repaired, and no set is lost that the "
    "recorder received, but for what was not on the disk yet when the recorder was killed or the "
    "disk gave out: up to 1.5 s",
    "afterwards the arm goes on",
)


@dataclass(frozen=True)
class Row:
    """A fault, and what it did.

    state, reason: of the bridge while it lasted. peak_speed in m/s of the arm until it went on.
    late_s: from the fault to the last accepted target; rest_s: from the later of the two to rest
    (NaN where the arm may go on, inf where it did not rest). farthest_mm from where it was when the
    fault came; outside_mm of the workspace. unasked_mm: moved before the operator's step. episode:
    what became of it, with its sets, those that it lost and those that only others received
    (`episodes.Recorded`). again_s: from the fault until the arm
    went on, inf if it did not; by: what that took.
    """

    fault: str
    done: str
    must: str
    state: str
    reason: str
    peak_speed: float
    late_s: float
    rest_s: float
    farthest_mm: float
    outside_mm: float
    unasked_mm: float
    episode: str
    sets: int
    lost_sets: int
    missed_sets: int
    again_s: float
    by: str
    wrongs: tuple[str, ...] = ()

    @property
    def safe(self) -> bool:
        """Whether no criterion is hurt."""
        return not self.wrongs

    def figures(self) -> dict[str, Any]:
        """As JSON, which knows no infinities: None stands for them."""
        values = {
            k: None if isinstance(v, float) and not math.isfinite(v) else v
            for k, v in asdict(self).items()
        }
        return {**values, "safe": self.safe}


def row_of(figures: Mapping[str, Any]) -> Row:
    """The row of `Row.figures`."""
    values = {f.name: figures[f.name] for f in fields(Row)}
    for name in ("late_s", "rest_s", "again_s"):
        if values[name] is None:
            values[name] = math.nan if figures["must"] == "goes on" else math.inf
    if figures["again_s"] is None:
        values["again_s"] = math.inf
    return Row(**{**values, "wrongs": tuple(figures["wrongs"])})


def wrongs(
    row: Row, allowed_late_s: float, episodes: tuple[str, ...], may_lose_s: float
) -> tuple[str, ...]:
    """The criteria that a row hurts, in words."""
    found = []
    if not row.peak_speed <= FASTEST:
        found.append(f"{row.peak_speed:.2f} m/s")
    if not row.outside_mm <= OUTSIDE_MM:
        found.append(f"{row.outside_mm:.0f} mm out of the workspace")
    if row.must == "stops":
        if not row.rest_s <= REST_S:
            found.append(f"at rest after {row.rest_s:.2f} s")
        if not row.late_s <= allowed_late_s:
            found.append(f"a target accepted after {row.late_s:.2f} s")
    if not row.unasked_mm <= UNASKED_MM:
        found.append(f"moved {row.unasked_mm:.1f} mm unasked")
    if row.episode not in episodes:
        found.append(f"episode {row.episode}")
    elif not row.lost_sets <= 20 * may_lose_s:
        found.append(f"{row.lost_sets} sets lost")
    if not math.isfinite(row.again_s):
        found.append("did not go on")
    return tuple(found)
