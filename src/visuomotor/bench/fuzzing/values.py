"""Strange values, and trees of plain values with one field changed."""

from __future__ import annotations

import copy
from random import Random
from typing import Any

_DEEP: list[Any] = []
for _ in range(60):
    _DEEP = [_DEEP]

STRANGE: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 7, 255, 65536, 2**31, 2**32, 2**63, 2**64, 10**30, -(2**63),
    10**400, 0.5, -0.0, -1.5, 1e-9, 5e-324, 1e19, 1e308, -1e308,
    float("nan"), float("inf"), -float("inf"),
    "", " ", "nan", "inf", "0", "1e9", "null", "../../../x", "/dev/null", ".", "..", "a\0b", "²",
    "é\u202e", "\ud7ff", "{}", "%s%n", "a" * 5000, "-1", "rgb8", "cuda", "éa" * 40,
    [], {}, [[]], [None], [0], [1, 2, 3], [0.0] * 1000, ["a", 1, None], _DEEP,
    {"": None}, {"a": 1}, {"x": {"y": {"z": []}}}, [[1, 0, 0], [0, 1]], [[0.0] * 4] * 4,
    [[float("nan")] * 4] * 4, [10**400],
)  # fmt: skip
"""Plain values that are seldom expected."""


def strange(rng: Random) -> Any:
    """One of them; never the same object twice."""
    return copy.deepcopy(rng.choice(STRANGE))


def changed(tree: Any, rng: Random, times: int = 1) -> Any:
    """A copy of nested mappings and lists in which `times` fields are not what they were."""
    result = copy.deepcopy(tree)
    for _ in range(times):
        places = list(_places(result))
        if not places:
            return strange(rng)
        holder, key = rng.choice(places)
        _change(holder, key, rng)
    return result


def _places(tree: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    rest = [tree]
    while rest:
        at = rest.pop()
        keys = list(at) if isinstance(at, dict) else range(len(at)) if isinstance(at, list) else ()
        for key in keys:
            found.append((at, key))
            rest.append(at[key])
    return found


def _change(holder: Any, key: Any, rng: Random) -> None:
    value = holder[key]
    what = rng.randrange(8)
    if what == 0:
        del holder[key]
    elif what == 1:
        holder[key] = [copy.deepcopy(value)]
    elif what == 2 and isinstance(holder, dict):
        holder[f"{key}{rng.choice(('', '_', 's', ' '))}"] = holder.pop(key)
    elif what == 2:
        holder.insert(key, copy.deepcopy(value))
    elif what == 3 and isinstance(value, (int, float)) and abs(value) < 1e300:
        holder[key] = value * rng.choice((-1, 0, 2, 0.5, 10, 1e6, 1e-6))
    elif what == 4 and isinstance(holder, dict):
        holder[rng.choice((None, 3, True, "unknown", "", 1.5))] = strange(rng)
    else:
        holder[key] = strange(rng)
