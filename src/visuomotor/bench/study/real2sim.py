"""The study of skills from videos: Petrik et al. 2020, tables 1, 5 to 7 and figure 4."""

from __future__ import annotations

from visuomotor.bench.skill_benchmark import DEVELOPMENT_SEED, SEED
from visuomotor.bench.study.plan import Method, Study
from visuomotor.bench.study.real2sim_filling import FILLING
from visuomotor.bench.study.real2sim_methods import SINGLES, UPDATES, skill
from visuomotor.bench.study.real2sim_page import page
from visuomotor.bench.study.reporting import Claim, Target
from visuomotor.video.actions import ACTIONS

HAND = "time, the hand's pose and opening"
HARD = ("hard",)

STUDY = Study(
    family="real2sim",
    methods={
        "multi_video": Method("all videos of the action, their rewards' mean", skill(), HAND),
        "max": Method("all videos, their rewards' maximum", skill(reward={"combine": "max"}), HAND),
        "no_curriculum": Method(
            "as multi_video, orientations spread fully at once, positions by 5 mm throughout",
            skill(curriculum={"fixed": True}),
            HAND,
        ),
        "no_curriculum_wide": Method(
            "the same, positions from all of the hard ranges throughout, where the curriculum ends",
            skill(curriculum={"fixed": True, "position": 1.0}),
            HAND,
        ),
        **{
            f"single_video_{k}": Method(
                f"the action's video {k} alone, in the natural order of their names", skill(), HAND
            )
            for k in range(1, SINGLES + 1)
        },
    },
    tasks=tuple(ACTIONS),
    sources={"videos": {}},
    demonstrations=(),
    rollouts=1000,
    regions=("hard", "easy"),
    first_seeds={"hard": SEED, "easy": SEED},
    development_seeds={"hard": DEVELOPMENT_SEED, "easy": DEVELOPMENT_SEED},
    filling=FILLING,
    page=page,
    row_fields=("signed_azimuth_rate", "updates"),
    row_names={"action": "task", "benchmark": "region"},
    claims=(
        Claim("multi_video", "max", regions=HARD),
        Claim("multi_video", "no_curriculum", regions=HARD),
        Claim("multi_video", "no_curriculum_wide", regions=HARD),
    ),
    targets=(Target("multi_video", 0.57, ("put_onto",), HARD),),
    notes=(
        "A cell is one skill: an action learned by reinforcement from what was estimated in a few "
        "videos of a person's hand ([skills](../skills.md), [real2sim](../real2sim.md)). "
        "Videos, and what was estimated from them, are the user's own: files hold their number and "
        "a digest of their content. Judged are the mean actions of the last checkpoint, from 1000 "
        "starts each that are drawn from the paper's ranges, by the paper's metrics; azimuths "
        "within 90° of the expected one, as the text says.",
        f"Every policy has {UPDATES} updates of 70 worlds × 120 steps, where the paper's have "
        "1000; the curriculum is as much faster. It was changed after one training of `put_onto` "
        "had been judged on the starts from 400000 on, whose rollouts ended beside the other "
        "object, and once more after a push had been judged on those from 410000 on "
        "([why](../skills.md#learning)): the tables' starts are others since.",
    ),
)
