"""Training the goal-conditioned policy on a made-up fork, where the goal decides."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fork_episodes import SPEC, STEP_M, fork, forks, picture
from tiny_networks import after, files_of

from visuomotor.checkpoint import load_checkpoint
from visuomotor.cli import main
from visuomotor.config import from_mapping, read_yaml, save_yaml
from visuomotor.contracts import CameraView, Observation
from visuomotor.dataset import Dataset
from visuomotor.errors import ConfigError, Interrupted
from visuomotor.geometry import pose
from visuomotor.policies import load_policy
from visuomotor.policies.bc.config import EncoderConfig
from visuomotor.policies.goal import GoalPolicy
from visuomotor.ros.launch import share_folder
from visuomotor.training import Progress, train
from visuomotor.training.goal import GoalTrainingConfig, fit_goal, goal_images, pair_weights
from visuomotor.training.sequences import SequenceSource

CONFIG = GoalTrainingConfig(
    encoder=EncoderConfig("plain", width=8, points=6),
    units=32,
    window=4,
    modes=3,
    cameras=SPEC.cameras[:1],
    steps=12,
    batch=4,
    noise_position_m=0.002,
    learning_rate=5e-3,
)
ENDS = {-1: picture(-7 * STEP_M), 1: picture(7 * STEP_M)}


def at(y_m: float) -> Observation:
    view = CameraView(picture(y_m), None, np.eye(3), np.eye(4))
    hand = pose(np.diag([1.0, -1.0, -1.0]), [0.5, y_m, 0.1])
    return Observation(0, {"front": view}, hand, 0.04, np.zeros(7))


def move(policy: GoalPolicy, y_m: float) -> float:
    """How far to the right it goes from there, in steps of the demonstrations."""
    policy.reset()
    return float((policy.act(at(y_m)).poses[0, 1, 3] - y_m) / STEP_M)


def test_the_goal_decides_the_way(tmp_path: Path) -> None:
    events: list[Progress] = []
    fit_goal(replace(CONFIG, steps=150, batch=8), forks(cameras=1), tmp_path, events.append)
    policy = load_policy(tmp_path)
    assert isinstance(policy, GoalPolicy)
    for side, image in ENDS.items():
        policy.set_goal(image)
        assert 0.3 < side * move(policy, 0.0) < 1.5
        assert 0.3 < side * move(policy, side * 2 * STEP_M) < 1.5
    assert events[-1].metrics["delta"] < 0.5 * events[0].metrics["delta"]


def test_without_a_goal_it_is_told_nothing(tmp_path: Path) -> None:
    """The same fork: it knows its way once it is on it, and at the fork it cannot."""
    config = replace(CONFIG, goal="none", steps=150, batch=8)
    fit_goal(config, forks(cameras=1), tmp_path)
    policy = load_policy(tmp_path)
    for side in (-1, 1):
        policy.reset()
        y = side * 3 * STEP_M
        assert side * (policy.act(at(y)).poses[0, 1, 3] - y) > 0.4 * STEP_M
    policy.reset()
    assert abs(policy.act(at(0.0)).poses[0, 1, 3]) < 0.6 * STEP_M, "the mean of both ways"


def test_goals_are_final_images_or_in_hindsight_later_ones() -> None:
    dataset = forks(1, cameras=1)
    source = SequenceSource(dataset, CONFIG.window)
    rng = np.random.default_rng(0)
    batch = source.draw(100, rng)
    final = goal_images(source, batch, CONFIG, rng)
    for image, episode in zip(final, batch.episode, strict=True):
        np.testing.assert_array_equal(image, dataset.episodes[episode].color["front"][-1])
    earlier = 0
    later = goal_images(source, batch, replace(CONFIG, hindsight=1.0), rng)
    for image, episode, first in zip(later, batch.episode, batch.first, strict=True):
        images = dataset.episodes[episode].color["front"]
        step = int(np.flatnonzero((images == image).all((1, 2, 3)))[-1])
        assert step >= min(first + CONFIG.window - 1, 7)
        earlier += step < 7
    assert earlier > 10


def test_every_start_and_goal_has_the_same_weight() -> None:
    """However often the first stage went that way, and however long it took."""
    long, short = fork(1, steps=9), fork(1, steps=3)
    tags = [("start a", "goal c", "dusk"), ("goal d", "start a"), ("goal c", "start a")]
    dataset = Dataset(SPEC, [long, short, short], tuple(tags))
    weights = pair_weights(dataset)
    steps = [len(e) * w for e, w in zip(dataset.episodes, weights, strict=True)]
    assert steps[0] + steps[2] == pytest.approx(steps[1])
    assert sum(steps) == pytest.approx(dataset.steps)
    assert pair_weights(Dataset(SPEC, [long, short], (("goal c",), ("dusk",)))) == [1.0, 1.0]
    assert pair_weights(Dataset(SPEC, [long, short])) == [1.0, 1.0]


def test_sequences_are_drawn_by_weight() -> None:
    dataset = forks(1, cameras=1)
    source = SequenceSource(dataset, CONFIG.window, [3.0, 1.0])
    drawn = source.draw(4000, np.random.default_rng(0))
    assert np.mean(drawn.episode == 0) == pytest.approx(0.75, abs=0.03)
    firsts = np.bincount(drawn.first[drawn.episode == 1])
    assert firsts.min() > 0.6 * firsts.mean(), "all of an episode's sequences alike"


def test_it_goes_on_to_the_same_weights_and_another_seed_to_others(tmp_path: Path) -> None:
    whole, parts, other = (tmp_path / name for name in ("whole", "parts", "other"))
    config = replace(CONFIG, hindsight=0.5)
    fit_goal(config, forks(cameras=1), whole)
    with pytest.raises(Interrupted):
        fit_goal(config, forks(cameras=1), parts, should_stop=after(5))
    fit_goal(config, forks(cameras=1), parts)
    assert files_of(parts) == files_of(whole)
    fit_goal(replace(config, seed=1), forks(cameras=1), other)
    assert files_of(other) != files_of(whole)
    assert torch.isfinite(load_checkpoint(whole, "goal").normaliser["delta"]).all()


def test_the_command_trains_the_baseline(demos: Path, tmp_path: Path) -> None:
    small = {"encoder": {"backbone": "plain", "width": 4, "points": 2}, "units": 8}
    cameras = [{"name": n, "height": 24, "width": 32, "depth": False} for n in ("front", "side")]
    save_yaml({**small, "cameras": cameras, "steps": 2, "batch": 2}, tmp_path / "c.yaml")
    words = ["train", "goal", "--dataset", demos, "--config", tmp_path / "c.yaml"]
    assert main([*map(str, [*words, "--out", tmp_path / "p", "--no-goal", "--mixture"])]) == 0
    config = load_checkpoint(tmp_path / "p", "goal").config
    assert (config["goal"], config["action"]) == ("none", "mixture")
    told = ["--out", tmp_path / "q", "--goal-camera", "side", "--hindsight", 0.5]
    assert main([*map(str, [*words, *told])]) == 0
    policy = load_policy(tmp_path / "q")
    assert isinstance(policy, GoalPolicy)
    assert policy.goal_camera == "side"
    assert "goal: image" in (tmp_path / "q" / "card.md").read_text()


def test_settings_that_cannot_be_are_told(demos: Path, tmp_path: Path) -> None:
    for changes, said in (
        ({"goal_camera": "side"}, "goal_camera 'side', expected one of the policy's cameras: fro"),
        ({"hindsight": -0.1}, r"hindsight -0\.1"),
        ({"batch": 0}, "batch 0"),
        ({"stuck_s": -1.0}, r"stuck_s -1\.0"),
    ):
        with pytest.raises(ConfigError, match=said):
            train("goal", None, demos, tmp_path / "p", **changes)


def test_the_file_that_comes_with_it_is_valid() -> None:
    values = read_yaml(share_folder() / "config" / "train_goal.yaml")
    assert from_mapping(GoalTrainingConfig, values, "train_goal") == GoalTrainingConfig()
