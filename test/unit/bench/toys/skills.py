"""The study of skills with trainings of a second."""

from __future__ import annotations

from dataclasses import replace

from visuomotor.bench.study.plan import Method
from visuomotor.bench.study.real2sim import STUDY as WHOLE
from visuomotor.bench.study.real2sim_methods import skill

SMALL = {
    "hidden": [8],
    "ppo": {"updates": 2, "worlds": 3, "steps": 10, "epochs": 1, "minibatches": 1},
    "check_every": 1,
    "check_starts": 2,
}

STUDY = replace(
    WHOLE,
    family="toys.skills",
    methods={
        "multi_video": Method("all", skill(**SMALL)),
        "max": Method("the best", skill(**SMALL, reward={"combine": "max"})),
        "single_video_2": Method("the second", skill(**SMALL)),
    },
)
