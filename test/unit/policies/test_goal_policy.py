"""The goal-conditioned recurrent policy: goals, memory, and the way out of a deadlock."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from made_views import DOWN, SCALES, SPEC, observation
from torch import distributions as D
from torch.nn import functional as F

from visuomotor.checkpoint import save_checkpoint
from visuomotor.config import read_yaml, save_yaml
from visuomotor.contracts import STEP_NS
from visuomotor.errors import CheckpointError, DataError
from visuomotor.geometry import matrix_from_rotvec, pose
from visuomotor.policies import load_policy
from visuomotor.policies.bc.config import EncoderConfig
from visuomotor.policies.goal import GoalConfig, GoalPolicy, Recovery, RecoveryConfig
from visuomotor.policies.goal.action import MixtureHead
from visuomotor.policies.goal.network import GoalNetwork
from visuomotor.policies.goals import GoalConditioned
from visuomotor.policies.runtime import PolicyRuntime

CONFIG = GoalConfig(
    encoder=EncoderConfig("plain", width=4, points=3), units=8, window=4, modes=3, stuck_s=0.0
)
BLACK, WHITE = np.zeros((30, 40, 3), np.uint8), np.full((30, 40, 3), 255, np.uint8)


def write_goal(folder: Path, **changes: object) -> Path:
    torch.manual_seed(0)
    config = replace(CONFIG, **changes)  # type: ignore[arg-type]
    network = GoalNetwork(config, SPEC.names)
    tensors = network.state_dict()
    tensors["lstm.weight_ih_l0"] *= 3
    save_checkpoint(folder, "goal", config, tensors, SCALES.tensors(), SPEC, "Random.\n")
    return folder


def goal_policy(folder: Path, **changes: object) -> GoalPolicy:
    policy = load_policy(write_goal(folder, **changes))
    assert isinstance(policy, GoalPolicy)
    return policy


# --- goals ---


def test_it_asks_for_a_goal_and_keeps_it_over_episodes(tmp_path: Path) -> None:
    policy = goal_policy(tmp_path)
    assert isinstance(policy, GoalConditioned)
    with pytest.raises(DataError, match=r"no goal; expected an image of camera 'front'"):
        policy.act(observation())
    policy.set_goal(BLACK)
    black = policy.act(observation()).poses
    policy.reset()
    np.testing.assert_array_equal(policy.act(observation()).poses, black)
    policy.reset()
    scene = np.random.default_rng(1).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    policy.set_goal(scene, "front")
    assert not np.allclose(policy.act(observation()).poses, black, atol=1e-9)


def test_a_goal_of_any_size_is_seen_as_the_camera_sees(tmp_path: Path) -> None:
    """An image of the view's own size, and the same one twice as large."""
    policy = goal_policy(tmp_path)
    small = observation().views["front"].color
    actions = []
    for goal in (small, small.repeat(2, axis=0).repeat(2, axis=1)):
        policy.reset()
        policy.set_goal(goal)
        actions.append(policy.act(observation()).poses)
    np.testing.assert_array_equal(*actions)


@pytest.mark.parametrize(
    ("image", "camera", "said"),
    [
        (BLACK, "wrist", "camera 'wrist', expected 'front'"),
        (BLACK[..., 0], None, r"shape \(30, 40\)"),
        (BLACK / 255, None, "type float64"),
        (BLACK[:0], None, r"shape \(0, 40, 3\)"),
    ],
    ids=["camera", "grey", "float", "empty"],
)
def test_other_images_are_refused(
    tmp_path: Path, image: np.ndarray, camera: str | None, said: str
) -> None:
    with pytest.raises(DataError, match=said):
        goal_policy(tmp_path).set_goal(image, camera)


def test_the_runtime_passes_goals_on_or_says_that_there_are_none(tmp_path: Path) -> None:
    policy = goal_policy(tmp_path / "goal")
    runtime = PolicyRuntime(policy)
    assert runtime.goal_camera == "front"
    runtime.set_goal(WHITE)
    assert len(policy.act(observation())) == 1
    plain = load_policy(write_goal(tmp_path / "none", goal="none"))
    assert not isinstance(plain, GoalConditioned)
    assert len(plain.act(observation())) == 1
    runtime = PolicyRuntime(plain)
    assert runtime.goal_camera == ""
    with pytest.raises(DataError, match="this policy has none"):
        runtime.set_goal(WHITE)


# --- memory ---


@pytest.mark.parametrize("action", ["mixture", "deterministic"])
def test_memory_lasts_a_window(tmp_path: Path, action: str) -> None:
    policy = goal_policy(tmp_path, action=action)
    policy.set_goal(WHITE)
    widths = [policy.act(observation(t)).widths_m[0] for t in range(12)]
    np.testing.assert_array_equal(widths[:8], widths[4:])
    assert len(set(widths[:4])) == 4, "within it, it remembers"


def test_a_step_that_is_added_lasts_and_changes_the_next_time(tmp_path: Path) -> None:
    """Within the same seed's episode: at t = 10 to 12 one step, at 20 to 22 another."""
    changes = {"stuck_s": 0.5, "unstick_s": 0.15, "window": 1}
    quiet = goal_policy(tmp_path / "a", **changes, unstick_spread=0.0)
    loud = goal_policy(tmp_path / "b", **changes, unstick_spread=1.0)
    ways = []
    for policy in (quiet, loud):
        policy.set_goal(WHITE)
        ways.append(np.stack([policy.act(observation(t)).poses[0, :3, 3] for t in range(25)]))
    added = ways[1] - ways[0]
    assert not added[:10].any()
    assert np.abs(added[10:13]).max() > 0
    np.testing.assert_allclose(added[11:13], added[[10, 10]], atol=1e-9)
    np.testing.assert_allclose(added[13:20], 0, atol=1e-9)
    assert np.abs(added[20] - added[10]).max() > 1e-6


# --- the mixture ---


def test_an_action_mixtures_likelihood_counts_both_of_its_parts() -> None:
    torch.manual_seed(0)
    mixture = MixtureHead(6, 3, 0.05)(torch.randn(2, 5, 6))
    delta, share = torch.randn(2, 5, 6), torch.rand(2, 5)
    spread = (0.5 * mixture.delta.log_variances).exp()
    parts = D.Independent(D.Normal(mixture.delta.means, spread), 1).log_prob(delta[..., None, :])
    wide = share[..., None].expand(2, 5, 3)
    parts = parts - 0.5 * F.binary_cross_entropy_with_logits(
        mixture.width_logits, wide, reduction="none"
    )
    expected = torch.logsumexp(parts + mixture.delta.logits.log_softmax(-1), -1)
    torch.testing.assert_close(mixture.log_likelihood(delta, share, 0.5), expected)


def test_the_likeliest_action_and_a_drawn_one_are_of_one_component() -> None:
    torch.manual_seed(0)
    mixture = MixtureHead(6, 3, 0.05)(torch.randn(40, 6))
    best = mixture.delta.logits.argmax(-1)
    rows = torch.arange(40)
    likeliest = mixture.likeliest()
    torch.testing.assert_close(likeliest[:, :6], mixture.delta.means[rows, best])
    torch.testing.assert_close(likeliest[:, 6], mixture.width_logits[rows, best])
    drawn = mixture.sample(torch.Generator().manual_seed(0))
    assert bool(((drawn[:, 6:] == mixture.width_logits).sum(-1) == 1).all())
    assert float(mixture.delta.log_variances.detach().min()) >= 2 * np.log(0.05) - 1e-5


# --- recovery ---


def stuck_steps(
    config: RecoveryConfig, moved: tuple[float, float, float], steps: int = 200
) -> list[int]:
    """At which steps the arm is stuck that moves so far (m, rad, m of width) in every step."""
    recovery, found = Recovery(config), []
    for t in range(steps):
        turn = matrix_from_rotvec([0, 0, moved[1] * t]) @ DOWN
        hand = pose(turn, [0.4 + moved[0] * t, 0, 0.2])
        if recovery.update(t * STEP_NS, hand, moved[2] * t):
            found.append(t)
    assert recovery.count == len(found)
    return found


def test_an_arm_that_stands_still_is_stuck_again_and_again() -> None:
    assert stuck_steps(RecoveryConfig(), (0, 0, 0)) == [40, 80, 120, 160]
    assert stuck_steps(RecoveryConfig(stuck_s=1.0), (0, 0, 0), 65) == [20, 40, 60]
    assert stuck_steps(RecoveryConfig(stuck_s=0.0), (0, 0, 0)) == []


@pytest.mark.parametrize("part", range(3), ids=["place", "turn", "width"])
def test_any_motion_beyond_its_bound_in_time_is_none(part: int) -> None:
    """Of the hand's place, its turn and the gripper, each alone."""
    config = RecoveryConfig()
    bound = (config.stuck_m, config.stuck_rad, config.stuck_width_m)[part]
    for share, stuck in ((1.1, False), (0.5, True)):  # of the bound, within stuck_s
        moved = np.zeros(3)
        moved[part] = share * bound / (config.stuck_s * 1e9 / STEP_NS)
        assert bool(stuck_steps(config, tuple(moved))) == stuck


def test_a_new_episode_has_no_past() -> None:
    recovery = Recovery(RecoveryConfig())
    hand = pose(DOWN, [0.4, 0, 0.2])
    for t in range(41):
        recovery.update(t * STEP_NS, hand, 0.0)
    assert recovery.count == 1
    assert recovery.sampling(50 * STEP_NS)
    assert not recovery.sampling(60 * STEP_NS)
    recovery.reset()
    assert (recovery.count, recovery.sampling(50 * STEP_NS)) == (0, False)
    assert not recovery.update(45 * STEP_NS, hand, 0.0)


@pytest.mark.parametrize("action", ["mixture", "deterministic"])
def test_a_stuck_policy_draws_for_a_while_and_counts_it(tmp_path: Path, action: str) -> None:
    changes = {"stuck_s": 0.5, "unstick_s": 0.2}
    policy = goal_policy(tmp_path, action=action, **changes)
    policy.set_goal(WHITE)
    info = [policy.act(observation(t)).info for t in range(25)]
    assert [int(i["stuck"][0]) for i in info] == [0] * 10 + [1] * 10 + [2] * 5
    assert [t for t, i in enumerate(info) if i["sampled"][0]] == [*range(10, 14), *range(20, 24)]
    policy.reset()
    moving = [policy.act(observation(t, x_m=0.4 + 0.005 * t)).info for t in range(25)]
    assert not any(i["stuck"][0] or i["sampled"][0] for i in moving)


@pytest.mark.parametrize("action", ["mixture", "deterministic"])
def test_what_it_draws_follows_its_seed(tmp_path: Path, action: str) -> None:
    policy = goal_policy(tmp_path, action=action, stuck_s=0.1)
    runtime = PolicyRuntime(policy)
    runtime.set_goal(WHITE)

    def poses(seed: int) -> np.ndarray:
        runtime.reset(seed)
        return np.stack([policy.act(observation(t)).poses[0] for t in range(6)])

    first = poses(1)
    np.testing.assert_array_equal(poses(1), first)
    other = poses(2)
    np.testing.assert_array_equal(other[:2], first[:2])
    assert not np.allclose(other, first, atol=1e-9)


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    for changes, said in (
        ({"window": 0}, "window 0"),
        ({"stuck_m": 0.0}, "bounds > 0"),
        ({"least_spread": 0.0}, "least_spread 0.0"),
    ):
        with pytest.raises(ValueError, match=said):
            replace(CONFIG, **changes)  # type: ignore[arg-type]
    folder = write_goal(tmp_path)
    values = read_yaml(folder / "config.yaml")
    save_yaml({**values, "goal_camera": "side"}, folder / "config.yaml")
    with pytest.raises(CheckpointError, match=r"goal_camera 'side', expected one of .* front, wri"):
        load_policy(folder)
