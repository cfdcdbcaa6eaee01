"""The study of composing demonstrations: Mandlekar et al. 2020, whose figures are not public."""

from __future__ import annotations

from visuomotor.bench.study.gti_methods import (
    DEMONSTRATIONS,
    DEPARTURES,
    ROLLOUTS,
    SECOND,
    SIGHT,
    SOURCE,
    STEPS,
    WHOLE,
    both_stages,
    first_stage,
    from_demonstrations,
)
from visuomotor.bench.study.plan import Method, Study
from visuomotor.bench.study.reporting import Claim, Target

BOTH = "front and wrist camera, colour"
TOLD = f"{BOTH}, an image of the goal"
SEEN = {"cross": ("a>c", "b>d"), "bread": ("container>plate", "table>oven")}
UNSEEN = {"cross": ("a>d", "b>c"), "bread": ("container>oven", "table>plate")}
STARTS = {"cross": ("a>", "b>"), "bread": ("container>", "table>")}
FIRST_SEED, FIRST_BREAD_SEED = 530_000, 540_000
COMPOSED = tuple(pair for pairs in UNSEEN.values() for pair in pairs)

STUDY = Study(
    family="gti",
    methods={
        "stage1": Method("stage 1, ten modes, a new latent every 10 steps", first_stage(), BOTH),
        "stage1_unimodal": Method("the same with one mode", first_stage(modes=1), BOTH),
        "stage1_period_5": Method(
            "stage 1, a new latent every 5 steps", first_stage(period=5), BOTH
        ),
        "stage1_period_20": Method(
            "stage 1, a new latent every 20 steps", first_stage(period=20), BOTH
        ),
        "bc_rnn": Method(
            "the recurrent policy on the demonstrations, told nothing, with a mixture of actions",
            from_demonstrations(goal="none", action="mixture"),
            BOTH,
        ),
        "gcbc": Method(
            "goal-conditioned BC on the demonstrations, half of the goals any later image",
            from_demonstrations(hindsight=0.5),
            TOLD,
            ("pairs",),
        ),
        "raw": Method(
            "stage 2 on the demonstrations themselves", from_demonstrations(), TOLD, ("pairs",)
        ),
        "gti": Method("stage 2 on stage 1's own rollouts", both_stages(), TOLD, ("pairs",)),
    },
    tasks=("cross", "bread"),
    sources={"human_like": SOURCE},
    departures=DEPARTURES,
    demonstrations=(DEMONSTRATIONS,),
    cameras=tuple(c.name for c in SIGHT),
    regions=("starts",),
    row_fields=("generated",),
    claims=(
        *(Claim("gti", baseline, regions=COMPOSED) for baseline in ("gcbc", "raw")),
        Claim("stage1", "stage1_unimodal", regions=tuple(s for of in STARTS.values() for s in of)),
    ),
    targets=tuple(
        target
        for task in ("cross", "bread")
        for target in (
            Target("stage1", 0.85, (task,), STARTS[task]),
            Target("stage1", 0.20, (task,), (*SEEN[task], *UNSEEN[task])),
            Target("gti", 0.90, (task,), SEEN[task]),
            Target("gti", 0.85, (task,), UNSEEN[task]),
            Target(
                "gti",
                0.75,
                (task,),
                tuple(f"{p}:{d}" for d in ("held", "moved") for p in (*SEEN[task], *UNSEEN[task])),
            ),
        )
    ),
    demonstrated=tuple(pair for pairs in SEEN.values() for pair in pairs),
    notes=(
        f"{DEMONSTRATIONS} demonstrations, by turns of the two tasks that are shown (50 of each), "
        "by a script that curves, pauses and changes its pace like a person, whose hand slips a "
        "few times in an episode, and is led back. Stage 1 was rolled out "
        f"{ROLLOUTS['cross']} times (cross) and {ROLLOUTS['bread']} times (bread) to teach "
        "stage 2. Whoever is told a goal is shown the last image of one of ten demonstrations of "
        "that pair that no training saw, of other places than its own. Stage 1 takes "
        f"{STEPS['cross']} steps on cross and {STEPS['bread']} on bread, stage 2 {SECOND} times "
        f"that, a baseline {WHOLE} times. Of stage 1's rollouts stage 2 learns those that the "
        "simulation says reached a goal, each pair with the same weight. The article's own "
        "figures are not public.",
        "Stage 2 was changed after it had been seen on the starts from 510000 on (5 and 0 of 100 "
        "in two pairs, [why](../gti.md#why-a-goal-was-not-heard)), and given twice the steps and "
        "twice the rollouts on cross after it had been seen on those from 520000 on (87 of 100 in "
        "one; [what was tried](../gti.md#how-many-steps)). Its tables' starts are others since: "
        f"{FIRST_SEED} and on, which nothing was chosen on. On bread, stage 1 was seen on these "
        "(81 and 80 of 100), before its demonstrator pressed the tray home and unlikely components "
        "were left out ([why](../gti.md#what-bread-taught-us)): bread's tables are from "
        f"{FIRST_BREAD_SEED} on. Cells of cross that are older than bread's learned from "
        "demonstrations whose gripper hardly ever slipped.",
    ),
    first_seeds={"interpolation": FIRST_SEED},
    task_seeds={"bread": {"interpolation": FIRST_BREAD_SEED}},
)
