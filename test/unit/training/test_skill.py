"""A whole training of a skill, small: its files, its going on, what is judged of it."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from visuomotor.bench.skill_benchmark import benchmark_starts, evaluate_skill
from visuomotor.errors import CheckpointError, DataError, Interrupted
from visuomotor.policies.skill import load_skill
from visuomotor.sim.gripper import draw_starts
from visuomotor.training.ppo_config import PpoConfig
from visuomotor.training.skill import METRICS, Collector, train_skill
from visuomotor.training.skill_config import SkillTrainingConfig
from visuomotor.training.skill_rollouts import roll_out
from visuomotor.video.examples import example_demonstration
from visuomotor.video.reward import ImitationReward

SMALL = SkillTrainingConfig(
    action="put_onto",
    hidden=(16, 16),
    ppo=PpoConfig(updates=3, worlds=4, steps=20, epochs=2, minibatches=2),
    threads=0,
    check_every=5,
    check_starts=1,
    save_every=1,
)
DEMOS = [example_demonstration("put_onto", s) for s in range(2)]


def test_a_stopped_training_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    train_skill(SMALL, DEMOS, tmp_path / "whole")
    parts = replace(SMALL, threads=2, check_starts=0)
    calls = iter([False, True])
    with pytest.raises(Interrupted, match="stopped after update 2 of 3"):
        train_skill(parts, DEMOS, tmp_path / "parts", should_stop=lambda: next(calls))
    with pytest.raises(CheckpointError, match="unfinished"):
        load_skill(tmp_path / "parts")
    train_skill(parts, DEMOS, tmp_path / "parts")
    one, other = load_skill(tmp_path / "whole"), load_skill(tmp_path / "parts")
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name]), name
    rows = [
        list(csv.DictReader((tmp_path / d / "progress.csv").open())) for d in ("whole", "parts")
    ]
    assert [r["return"] for r in rows[0]] == [r["return"] for r in rows[1]]
    assert list(rows[0][0]) == ["step", *METRICS]
    assert [bool(r["success_hard"]) for r in rows[0]] == [False, False, True]
    assert not (tmp_path / "parts" / "state").exists()
    card = (tmp_path / "whole" / "card.md").read_text()
    assert "put_onto" in card
    assert "2 demonstrations" in card


def test_episodes_end_by_faults_or_time_and_begin_again() -> None:
    config = replace(SMALL, action="push_left_to_right", ppo=replace(SMALL.ppo, steps=120))
    reward = ImitationReward([example_demonstration("push_left_to_right")])
    collector = Collector(config, reward)
    torch.manual_seed(1)
    from visuomotor.policies.skill import SkillNetwork

    network = SkillNetwork(config, 1)
    experience, figures = collector.collect(network, 0)
    assert experience.seen.shape == (121, 4, network.seen + 8)
    assert experience.ended[-1].any() or experience.ended.any()
    assert figures["length"] <= 120
    time = experience.seen[..., 0] * 10
    for n in range(4):
        for t in range(119):
            begun = experience.ended[t, n]
            assert time[t + 1, n] == pytest.approx(0.0 if begun else time[t, n] + 1 / 12, abs=1e-4)
    assert (experience.rewards >= 0).all()
    assert experience.rewards.max() <= 1 / 120


def test_demonstrations_of_another_action_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="of put_onto, expected pick_up"):
        train_skill(replace(SMALL, action="pick_up"), DEMOS, tmp_path)


def test_a_skill_is_judged_by_its_rollouts(tmp_path: Path) -> None:
    config = replace(SMALL, ppo=replace(SMALL.ppo, updates=1), check_starts=0)
    train_skill(config, DEMOS, tmp_path)
    starts = draw_starts("easy", 3, 5)
    score = evaluate_skill(tmp_path, starts, threads=0)
    rollouts = roll_out(load_skill(tmp_path), starts, 0, 0, ImitationReward(DEMOS))
    assert score.success.tolist() == rollouts.success.tolist()
    assert (rollouts.returns > 0).all()
    assert [len(t.moved) for t in rollouts.trajectories] == [121] * 3
    summary = score.summary()
    assert summary["starts"] == 3
    assert summary["satisfied"]["put_onto"] == summary["successes"]
    assert len(benchmark_starts("hard", 4)) == 4
    with pytest.raises(DataError, match=r"unknown benchmark .*hrd.*; nor is it a file"):
        benchmark_starts(str(tmp_path / "hrd"))
