"""Training GTI's first stage on a made-up fork: what it learns, reports and goes on from."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fork_episodes import SPEC, STEP_M, forks, picture
from tiny_networks import after, files_of

from visuomotor.checkpoint import load_checkpoint
from visuomotor.cli import main
from visuomotor.config import from_mapping, read_yaml, save_yaml
from visuomotor.contracts import CameraView, Observation
from visuomotor.errors import ConfigError, Interrupted
from visuomotor.geometry import pose
from visuomotor.networks import Mixture
from visuomotor.observations import CameraSpec
from visuomotor.policies import load_policy
from visuomotor.policies.bc.config import EncoderConfig
from visuomotor.policies.gti import GtiPolicy
from visuomotor.ros.launch import share_folder
from visuomotor.training import Progress, train
from visuomotor.training.gti import METRICS, GtiTrainingConfig, fit_gti, modes_of

CONFIG = GtiTrainingConfig(
    encoder=EncoderConfig("plain", width=8, points=6),
    latent=3,
    modes=4,
    horizon=3,
    period=3,
    planner=(48,),
    drawn_px=6,
    units=32,
    cameras=SPEC.cameras,
    steps=12,
    batch=4,
    noise_position_m=0.002,
    learning_rate=5e-3,
)


def middle() -> Observation:
    """Where the ways part."""
    views = {
        "front": CameraView(picture(0.0), None, np.eye(3), np.eye(4)),
        "wrist": CameraView(np.full((16, 24, 3), 90, np.uint8), None, np.eye(3), np.eye(4)),
    }
    hand = pose(np.diag([1.0, -1.0, -1.0]), [0.5, 0.0, 0.1])
    return Observation(0, views, hand, 0.04, np.zeros(7))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Progress]]:
    torch.set_num_threads(1)
    out, events = tmp_path_factory.mktemp("fork") / "gti", list[Progress]()
    fit_gti(replace(CONFIG, steps=200, batch=10), forks(), out, events.append)
    return out, events


def test_it_learns_both_ways_and_says_which_it_takes(
    trained: tuple[Path, list[Progress]],
) -> None:
    """At the fork it goes either way; the decoded place of the hand is where the way leads."""
    policy = load_policy(trained[0])
    assert isinstance(policy, GtiPolicy)
    policy.seed(0)
    seen, told = [], []
    for _ in range(60):
        policy.reset()
        chunk = policy.act(middle())
        seen.append(chunk.poses[0, 1, 3])
        told.append(chunk.info["action_target"][0, 1])
    moves = np.array(seen)
    assert (moves > 0.4 * STEP_M).mean() > 0.2
    assert (moves < -0.4 * STEP_M).mean() > 0.2
    assert (np.abs(moves) > 0.4 * STEP_M).mean() > 0.8, "seldom between the two"
    assert np.corrcoef(moves, told)[0, 1] > 0.9


def test_it_reports_reconstruction_divergence_actions_and_modes(
    trained: tuple[Path, list[Progress]],
) -> None:
    first, last = trained[1][0].metrics, trained[1][-1].metrics
    assert set(METRICS) == set(last)
    for name in ("loss", "robot", "image", "posterior", "nearest", "prior"):
        assert last[name] < 0.6 * first[name], name
    assert last["posterior"] < last["prior"], "any sample may be of the other way"
    assert 1 <= last["modes"] <= CONFIG.modes


def test_modes_are_counted_by_their_mean_weights() -> None:
    def used(logits: list[list[float]]) -> float:
        weights = torch.tensor(logits)
        zeros = torch.zeros(*weights.shape, 2)
        return float(modes_of(Mixture(weights, zeros, zeros)))

    assert used([[0.0, 0.0, 0.0, 0.0]]) == pytest.approx(4)
    assert used([[50.0, 0.0, 0.0], [50.0, 0.0, 0.0]]) == pytest.approx(1)
    assert used([[50.0, 0.0, 0.0], [0.0, 50.0, 0.0]]) == pytest.approx(2)


def test_it_goes_on_to_the_same_weights_and_another_seed_to_others(tmp_path: Path) -> None:
    whole, parts, other = (tmp_path / name for name in ("whole", "parts", "other"))
    fit_gti(CONFIG, forks(), whole)
    with pytest.raises(Interrupted):
        fit_gti(CONFIG, forks(), parts, should_stop=after(5))
    assert not (parts / "config.yaml").exists()
    fit_gti(CONFIG, forks(), parts)
    assert files_of(parts) == files_of(whole)
    fit_gti(replace(CONFIG, seed=1), forks(), other)
    assert files_of(other) != files_of(whole)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_controller_may_be_given_one_sort_of_latents_alone(
    share: float, tmp_path: Path
) -> None:
    events: list[Progress] = []
    fit_gti(replace(CONFIG, near_share=share), forks(), tmp_path, events.append)
    missing = {"posterior"} if share else {"nearest"}
    assert set(METRICS) - set(events[-1].metrics) == missing


def test_the_command_trains_one_mode_as_the_baseline(demos: Path, tmp_path: Path) -> None:
    small = {"encoder": {"backbone": "plain", "width": 4, "points": 2}, "planner": [8]}
    cameras = [{"name": "front", "height": 24, "width": 32, "depth": False}]
    save_yaml(
        {**small, "cameras": cameras, "units": 8, "steps": 2, "batch": 2}, tmp_path / "c.yaml"
    )
    words = ["train", "gti", "--dataset", demos, "--out", tmp_path / "p", "--modes", 1]
    more = ["--config", tmp_path / "c.yaml", "--cameras", "front", "side", "--temperature", 0.5]
    assert main([*map(str, [*words, *more])]) == 0
    checkpoint = load_checkpoint(tmp_path / "p", "gti")
    assert checkpoint.spec.names == ("front", "side")
    assert {(c.height, c.width) for c in checkpoint.spec.cameras} == {(24, 32)}
    assert (checkpoint.config["modes"], checkpoint.config["temperature"]) == (1, 0.5)
    assert "1 modes" in (tmp_path / "p" / "card.md").read_text()


def test_settings_that_cannot_be_are_told(demos: Path, tmp_path: Path) -> None:
    for changes, said in (
        ({"cameras": (CameraSpec("front"),)}, "every one with `depth: false`"),
        ({"near_share": 1.5}, r"near_share 1\.5"),
        ({"noise_width_m": -1.0}, "expected 0 or more"),
        ({"steps": 0}, "expected positive"),
        ({"planner": ()}, "one layer at least"),
    ):
        with pytest.raises(ConfigError, match=said):
            train("gti", None, demos, tmp_path / "p", **changes)
    save_yaml({"horizont": 5}, tmp_path / "c.yaml")
    with pytest.raises(ConfigError, match="'horizont'; did you mean 'horizon'"):
        train("gti", tmp_path / "c.yaml", demos, tmp_path / "p")


def test_the_file_that_comes_with_it_is_valid() -> None:
    values = read_yaml(share_folder() / "config" / "train_gti.yaml")
    assert from_mapping(GtiTrainingConfig, values, "train_gti") == GtiTrainingConfig()
