"""`train skill` and `skill`: motions learned by reinforcement from what videos showed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from visuomotor.commands.progress import ProgressLine
from visuomotor.commands.training import stop_on_interrupt


def train_skill(
    out: Path,
    demonstration: tuple[Path, ...] = (),
    video: tuple[Path, ...] = (),
    action: str = "",
    config: Path | None = None,
    updates: int | None = None,
    combine: Literal["mean", "max"] | None = None,
    no_curriculum: bool = False,
    threads: int | None = None,
    seed: int | None = None,
) -> int:
    """Learn an action by reinforcement from a few demonstrations that were seen in videos.

    A hand without an arm practises with cylinders of all sizes in a simulated world, and is
    rewarded for moving hand and object as the demonstrations do. It starts close to the object and
    then from ever farther around. What it learns is relative to the object's place, and sees time
    and its own pose alone. Success from fixed starts is shown every 50 updates and kept in
    progress.csv. Ctrl-C saves; the same command goes on. It computes on the CPU, where its worlds
    are.

    More in docs/skills.md.

    Args:
        out: Folder of the checkpoint.
        demonstration: Files of aligned demonstrations (.npz), all of one action.
        video: Videos of the action instead, or beside them: folders of `video parse`, or videos
            that are parsed now; what hand and object do in them is estimated into OUT/videos.
        action: Of the videos, such as push_left_to_right.
        config: YAML file of the run; without it the defaults, the paper's.
        updates: Of the policy; fewer are faster, and the curriculum keeps pace.
        combine: How several demonstrations are one reward: their mean, or their maximum.
        no_curriculum: Starts are spread over all orientations from the first update on.
        threads: Of the physics.
        seed: Of weights, starts and actions; another one is another training.
    """
    from dataclasses import replace

    from visuomotor.commands.skill_videos import demonstrations_of
    from visuomotor.config import from_mapping, read_yaml
    from visuomotor.errors import ConfigError, Interrupted
    from visuomotor.training.progress import Progress
    from visuomotor.training.skill import train_skill as train
    from visuomotor.training.skill_config import SkillTrainingConfig
    from visuomotor.video.demonstration import load_demonstration

    if not demonstration and not video:
        raise ConfigError("got no --video and no --demonstration, expected one or more")
    if bool(video) != bool(action):
        raise ConfigError(
            "train skill: got --video without --action or the other way round, expected both: the "
            "action, such as push_left_to_right, that the videos show"
        )
    seen = demonstrations_of(video, action, out / "videos") if video else []
    shown = [load_demonstration(path) for path in (*demonstration, *seen)]
    values: dict[str, Any] = {"action": shown[0].action, **(read_yaml(config) if config else {})}
    run = from_mapping(SkillTrainingConfig, values, str(config or "train skill"))
    try:
        if updates is not None:
            run = replace(run, ppo=replace(run.ppo, updates=updates))
        if run.curriculum.at is None and run.ppo.updates < 1000:
            run = replace(run, curriculum=replace(run.curriculum, at=run.ppo.updates))
        if no_curriculum:
            run = replace(run, curriculum=replace(run.curriculum, fixed=True))
        if combine is not None:
            run = replace(run, reward=replace(run.reward, combine=combine))
        run = replace(
            run,
            threads=run.threads if threads is None else threads,
            seed=run.seed if seed is None else seed,
        )
    except ValueError as error:
        raise ConfigError(f"train skill: {error}") from error
    with stop_on_interrupt() as should_stop, ProgressLine("skill", 0, every_s=5.0) as line:

        def show(progress: Progress) -> None:
            text = ", ".join(f"{k} {v:.3g}" for k, v in progress.metrics.items())
            line.to(progress.step, f"{text}, left {progress.eta_s or 0:.0f} s", progress.total)

        try:
            train(run, shown, out, show, should_stop)
        except Interrupted as end:
            print(end)
            return 130
    print(f"checkpoint: {out}")
    return 0


def evaluate(
    checkpoint: Path,
    starts: str = "hard",
    number: int | None = None,
    seed: int = 0,
    threads: int = 2,
    out: Path | None = None,
) -> int:
    """Run a skill from a benchmark's start states and print how many it solves.

    Args:
        checkpoint: Folder of a trained skill.
        starts: `easy` or `hard`, 1000 starts that the paper's ranges give by a fixed seed; or a CSV
            file of starts (columns as `visuomotor skill starts` writes them).
        number: Only the first so many starts.
        seed: Of the table's friction.
        threads: Of the physics.
        out: Also write the figures to this JSON file.
    """
    from visuomotor.bench.skill_benchmark import benchmark_starts, evaluate_skill

    score = evaluate_skill(checkpoint, benchmark_starts(starts, number), seed, threads).summary()
    low, high = score["interval_95"]
    print(
        f"{score['action']}: {score['successes']} of {score['starts']} starts ({starts}), "
        f"{score['success']:.1%} (95%: {low:.1%} to {high:.1%})"
    )
    print(f"with the published code's signed azimuth: {score['success_signed_azimuth']:.1%}")
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps({"benchmark": starts, **score}, indent=2) + "\n")
    return 0


def starts(
    name: Literal["easy", "hard"], out: Path, number: int = 1000, seed: int | None = None
) -> int:
    """Write a benchmark's start states to a CSV file.

    Args:
        name: Which of the paper's ranges.
        out: The file.
        number: How many starts.
        seed: Without it the one that `skill eval` uses.
    """
    from visuomotor.bench.skill_benchmark import SEED
    from visuomotor.sim.gripper import draw_starts, write_starts

    write_starts(out, draw_starts(name, number, SEED if seed is None else seed))
    print(f"{number} starts: {out}")
    return 0


def example(action: str, out: Path, seed: int = 0) -> int:
    """Write a demonstration that nobody filmed, a plain path of an action, for trying.

    Args:
        action: Such as push_left_to_right; docs/skills.md lists them.
        out: The .npz file.
        seed: Of its small variations.
    """
    from visuomotor.video.demonstration import save_demonstration
    from visuomotor.video.examples import example_demonstration

    save_demonstration(out, example_demonstration(action, seed))
    print(f"demonstration: {out}")
    return 0


def replay(out: Path, demonstration: Path | None = None, action: str = "", seed: int = 0) -> int:
    """Make a policy of one demonstration: the arm does again what was seen, without learning.

    The open-loop baseline of a trained skill. It is a checkpoint like any other: `visuomotor skill
    arm`, `visuomotor up skill checkpoint:=OUT`.

    Args:
        out: Folder of the checkpoint.
        demonstration: The aligned demonstration (.npz); without it, an example that nobody filmed.
        action: Of that example, such as push_left_to_right.
        seed: Of that example's small variations.
    """
    from visuomotor.errors import ConfigError
    from visuomotor.policies.skill.replay import save_replay
    from visuomotor.video.demonstration import load_demonstration
    from visuomotor.video.examples import example_demonstration

    if (demonstration is None) == (not action):
        raise ConfigError(
            "skill replay: got both or neither of --demonstration and --action, expected one of "
            "them: a demonstration, or the action of an example"
        )
    if demonstration is not None:
        shown = load_demonstration(demonstration)
    else:
        shown = example_demonstration(action, seed)
    save_replay(out, shown)
    print(f"{shown.action}, replayed: {out}")
    return 0


def arm(
    checkpoint: Path,
    episodes: int = 20,
    first_seed: int = 300_000,
    region: Literal["interpolation", "extrapolation"] = "interpolation",
    settings: Path | None = None,
    graph: bool = False,
    out: Path | None = None,
) -> int:
    """Let the simulated arm do a skill with cylinders on the table, and judge it by its metric.

    In lockstep, without images; with --graph in real time through the ROS graph, from the same
    starts. The metric is the action's own, in the frame that the skill chose.

    Args:
        checkpoint: Folder of `train skill` or of `skill replay`.
        episodes: How many.
        first_seed: Seed of the first one; the same seeds give the same starts.
        region: Where cylinders stand and how high they are; extrapolation: as the hard starts.
        settings: YAML of scale, yaw, speeds and more (docs/skills.md, "Onto the arm").
        graph: Through the ROS graph in real time.
        out: Also write figures and episodes to this JSON file.
    """
    from dataclasses import asdict

    from visuomotor.bench.results import save_result
    from visuomotor.bench.skill_on_arm import (
        evaluate_in_graph,
        load_skill_policy,
        roll_out_on_arm,
        summary,
    )
    from visuomotor.errors import ConfigError

    if episodes < 1:
        raise ConfigError(f"--episodes: got {episodes}, expected 1 or more")
    policy, seeds = (
        load_skill_policy(checkpoint, settings),
        range(first_seed, first_seed + episodes),
    )
    rollouts = []
    with ProgressLine("arm", episodes) as line:

        def show(r: Any) -> None:
            what = "success" if r.success else "failure"
            line.step(f"seed {r.seed} {what}, frame turned by {r.yaw_deg:.0f}°, {r.seconds:.0f} s")

        if graph:
            from visuomotor.bench.in_graph import own_domain

            own_domain()
            rollouts = evaluate_in_graph(checkpoint, settings, seeds, region, show)
        else:
            for rollout in roll_out_on_arm(policy, seeds, region):
                show(rollout)
                rollouts.append(rollout)
    figures = summary(rollouts)
    low, high = figures["interval_95"]
    print(
        f"{policy.motion.action} on the arm{' through the graph' if graph else ''}: "
        f"{figures['successes']} of {episodes} ({region}), {figures['success']:.1%} "
        f"(95%: {low:.1%} to {high:.1%}); with bounds in full size {figures['unscaled']:.1%}"
    )
    for error in sorted({r.error for r in rollouts if r.error}):
        print(f"an episode: {error}")
    if out is not None:
        values = {"action": policy.motion.action, "region": region, "graph": graph, **figures}
        values["rollouts"] = [asdict(r) for r in rollouts]
        command = (
            f"visuomotor skill arm --checkpoint CHECKPOINT --episodes {episodes} "
            f"--first-seed {first_seed} --region {region}{' --graph' * graph}"
        )
        save_result(out, values, "one start each, objects' true poses are told", command, seeds)
    return 0
