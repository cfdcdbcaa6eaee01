"""A control step with its images: our `lift` and robosuite's Lift, by turns."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from visuomotor.bench.alternation import ratio, turns
from visuomotor.bench.peers.effort import Effort
from visuomotor.bench.peers.environments import Environment, environment, here
from visuomotor.bench.peers.sides import Side

WAYS: dict[str, tuple[str, Mapping[str, Any]]] = {
    "ours_light": ("stepping_ours", {"appearance": "light"}),
    "ours_full": ("stepping_ours", {"appearance": "full"}),
    "robosuite": ("stepping_robosuite", {"bare": False}),
    "robosuite_bare": ("stepping_robosuite", {"bare": True}),
}


def measure(effort: Effort) -> dict[str, Any]:
    """Milliseconds of a step in each world; MissingDependencyError without robosuite."""
    peer = environment(".venv-peers", "peers", ("robosuite", "mujoco"), ("numba",))
    ours = here(("mujoco",))
    return {
        "versions": {**peer.versions, "mujoco_of_ours": ours.versions["mujoco"]},
        "steps_a_turn": effort.steps,
        "views": {
            f"{cameras}_cameras_{size}x{size}": _view(size, cameras, peer, ours, effort)
            for size, cameras in effort.sizes
        },
    }


def _view(
    size: int, cameras: int, peer: Environment, ours: Environment, effort: Effort
) -> dict[str, Any]:
    with contextlib.ExitStack() as stack:
        log = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "log.txt"
        sides: dict[str, Side] = {}
        for name, (module, arguments) in WAYS.items():
            python = (ours if module == "stepping_ours" else peer).python
            side = Side(python, module, {"size": size, "cameras": cameras, **arguments}, log)
            sides[name] = stack.enter_context(side)
            side.ask("open")
            side.ask("turn", steps=3)
        about = {name: side.ask("about") for name, side in sides.items()}
        ways = {name: partial(side.ask, "turn", steps=effort.steps) for name, side in sides.items()}
        ms = turns(ways, effort.rounds)
    figures: dict[str, Any] = {f"{n}_ms": round(float(np.median(v)), 2) for n, v in ms.items()}
    for peers in ("robosuite", "robosuite_bare"):
        for mine in ("light", "full"):
            figures[f"{peers}_over_{mine}"] = ratio(ms[peers], ms[f"ours_{mine}"])
    return {**figures, "about": about}
