"""Success rates that Petrik et al. 2020 report, from their own simulator, in percent."""

from __future__ import annotations

from dataclasses import dataclass

TITLE = (
    "V. Petrík, M. Tapaswi, I. Laptev, J. Sivic: Learning Object Manipulation Skills via "
    "Approximate State Estimation from Real Videos, 2020"
)
PHASE_OVERLAP = 0.81
"""Of predicted with labelled actions, intersection over union."""
ESTIMATES = {"A": (36, 54), "B": (39, 54), "C": (33, 54)}
"""Table 4: of how many videos the estimated states satisfy the action's metric, by setup."""
SETUPS = {
    "A": "true boxes, labelled phases",
    "B": "true boxes, predicted phases",
    "C": "predicted boxes and phases",
}


@dataclass(frozen=True)
class Reported:
    """One action's figures: the average over single videos, all videos, the maximum as reward."""

    single: float
    multi: float
    best: float


_TABLES: dict[tuple[str, str], dict[str, tuple[float, float, float]]] = {
    ("A", "hard"): {  # table 6
        "pull_left_to_right": (56, 62, 35),
        "pull_right_to_left": (37, 60, 76),
        "push_left_to_right": (61, 87, 27),
        "push_right_to_left": (68, 81, 79),
        "pick_up": (38, 57, 36),
        "put_behind": (65, 86, 88),
        "put_in_front_of": (44, 56, 51),
        "put_next_to": (70, 65, 72),
        "put_onto": (20, 57, 0),
    },
    ("A", "easy"): {  # table 5
        "pull_left_to_right": (77, 93, 53),
        "pull_right_to_left": (51, 91, 95),
        "push_left_to_right": (76, 99, 33),
        "push_right_to_left": (80, 92, 93),
        "pick_up": (57, 88, 49),
        "put_behind": (64, 95, 95),
        "put_in_front_of": (64, 79, 76),
        "put_next_to": (74, 67, 75),
        "put_onto": (28, 73, 0),
    },
    ("C", "hard"): {  # table 1
        "pull_left_to_right": (52, 66, 1),
        "pull_right_to_left": (31, 39, 0),
        "push_left_to_right": (56, 85, 0),
        "push_right_to_left": (72, 73, 71),
        "pick_up": (22, 38, 3),
        "put_behind": (56, 88, 82),
        "put_in_front_of": (54, 83, 65),
        "put_next_to": (59, 55, 78),
        "put_onto": (3, 0, 0),
    },
    ("C", "easy"): {  # table 7
        "pull_left_to_right": (68, 93, 0),
        "pull_right_to_left": (45, 62, 0),
        "push_left_to_right": (70, 99, 0),
        "push_right_to_left": (90, 91, 93),
        "pick_up": (24, 64, 0),
        "put_behind": (38, 87, 79),
        "put_in_front_of": (68, 92, 84),
        "put_next_to": (62, 53, 77),
        "put_onto": (5, 1, 1),
    },
}


def reported(setup: str, benchmark: str, action: str) -> Reported:
    """The paper's figures of an action, shares from 0 to 1; setup A or C."""
    return Reported(*(percent / 100 for percent in _TABLES[setup, benchmark][action]))
