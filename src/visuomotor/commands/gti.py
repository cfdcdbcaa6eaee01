"""`train gti` and `train goal`: from crossing demonstrations to a policy that is told its goal."""

from __future__ import annotations

from typing import Any

from visuomotor.commands.training import run_training
from visuomotor.commands.training_run import Run, TrainingRun


def train_gti(
    run: Run,
    cameras: tuple[str, ...] = (),
    modes: int | None = None,
    horizon: int | None = None,
    period: int | None = None,
    temperature: float | None = None,
    beta: float | None = None,
) -> int:
    """Learn diverse behaviour from demonstrations that meet: GTI's first stage.

    A planner learns what may be seen half a second later, as a mixture over subgoals, and a
    controller how to get there. Where demonstrations of several tasks meet, the policy goes on with
    any of them, so its rollouts join starts and goals that nobody showed together. `visuomotor
    generate` records such rollouts, and `train goal` learns from them to go where it is told.
    Progress and the time left are shown. Ctrl-C saves; the same command goes on.

    What the bags must have: colour images of the cameras, by default front and wrist, the hand's
    pose, and the accepted targets. No depth. More in docs/gti.md.

    Args:
        run: The options that all trainings share.
        cameras: Which it looks with, each as in the config; without any all of the config's.
        modes: Components of the mixture; 1 is the baseline that knows one way at a time.
        horizon: How many steps of 50 ms ahead a subgoal is.
        period: After how many steps the policy draws a new subgoal; without it as in the config.
        temperature: How far it strays from the middle of a component when it draws; 0: not at all.
        beta: How strongly subgoals must be such as can be told from the present.
    """
    given: dict[str, Any] = {
        "modes": modes,
        "horizon": horizon,
        "period": period,
        "temperature": temperature,
        "beta": beta,
        "cameras": _cameras("gti", run, cameras),
    }
    return run_training("gti", run, given)


def train_goal(
    run: Run,
    cameras: tuple[str, ...] = (),
    no_goal: bool = False,
    goal_camera: str | None = None,
    hindsight: float | None = None,
    mixture: bool = False,
) -> int:
    """Learn to reach what an image shows: GTI's second stage, and its baselines.

    A recurrent policy is cloned from episodes, each towards its own final image. On rollouts that
    `visuomotor generate` recorded it is GTI's second stage; on the demonstrations themselves
    it is goal-conditioned cloning; with --no-goal a recurrent policy without one (BC-RNN).
    Progress and the time left are shown. Ctrl-C saves; the same command goes on.

    What the bags must have: colour images of the cameras, by default front and wrist, the hand's
    pose, and the accepted targets. No depth. More in docs/gti.md.

    Args:
        run: The options that all trainings share.
        cameras: Which it looks with, each as in the config; without any all of the config's.
        no_goal: It is told nothing, and does what it saw.
        goal_camera: Of which of the cameras goal images are.
        hindsight: Share of what it learns whose goal is a later image of the episode instead of the
            final one.
        mixture: A mixture of several actions instead of one, as in BC-RNN-GMM.
    """
    given: dict[str, Any] = {
        "goal": "none" if no_goal else None,
        "goal_camera": goal_camera,
        "hindsight": hindsight,
        "action": "mixture" if mixture else None,
        "cameras": _cameras("goal", run, cameras),
    }
    return run_training("goal", run, given)


def _cameras(family: str, run: TrainingRun, names: tuple[str, ...]) -> Any:
    """The configuration's cameras of these names, others with the size of its first; None: all."""
    if not names:
        return None
    from dataclasses import replace

    from visuomotor.training import read_config

    known = {c.name: c for c in read_config(family, run.config).cameras}
    first = next(iter(known.values()))
    return tuple(known.get(name, replace(first, name=name)) for name in names)
