"""The reward: highest where the demonstration is, whatever the sizes, and each term for itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from visuomotor.errors import DataError
from visuomotor.geometry import matrix_from_rotvec
from visuomotor.sim.gripper import GripperState
from visuomotor.video.actions import ACTIONS
from visuomotor.video.demonstration import ACT, Demonstration
from visuomotor.video.examples import example_demonstration
from visuomotor.video.reward import ImitationReward, RewardConfig, Term

HALF_M = 0.035  # of the examples' objects


def imitated(action: str, steps: np.ndarray, height: float = 0.07, seed: int = 0) -> GripperState:
    """A world of these sizes that does exactly as the example does, at these steps."""
    d, two, n = example_demonstration(action, seed), ACTIONS[action].static, len(steps)
    up = np.array([0, 0, (height / 2 - HALF_M) + (height - 0.07 if action == "put_onto" else 0)])
    if action == "put_onto":  # the middle, wherever the example ends
        up -= d.object_position[np.flatnonzero(d.phase == ACT)[-1]] * [1, 1, 0]
    moved = d.object_position[steps] + up
    static = np.tile([0.0, 0.0, height / 2], (n, 1))
    return GripperState(
        steps / 12,
        d.hand_position[steps] + up,
        np.tile(np.eye(3), (n, 1, 1)),
        d.hand_azimuth[steps],
        d.hand_elevation[steps],
        np.full(n, 0.04),
        np.stack([static, moved], axis=1) if two else moved[:, None],
        np.tile(np.eye(3), (n, 1 + two, 1, 1)),
        np.full((n, 1 + two), height),
        np.full((n, 1 + two), 0.045),
    )


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("height", [0.04, 0.07, 0.1])
def test_exact_imitation_gets_the_sum_of_weights(action: str, height: float) -> None:
    steps = np.array([1, 40, 60, 80, 100, 120])
    reward = ImitationReward([example_demonstration(action)])
    got = reward(steps, imitated(action, steps, height)) * 120
    weights = 0.95 + 0.5 * ACTIONS[action].static
    touching = (steps > 36) & (steps <= 84)
    np.testing.assert_allclose(got, weights + 0.05 * touching, atol=1e-9)


@pytest.mark.parametrize(
    ("term", "change"),
    [
        ("object_position", lambda s: replace(s, objects=s.objects + np.array([0.1, 0, 0]))),
        ("hand_position", lambda s: replace(s, position=s.position + np.array([0, 0, 0.1]))),
        ("hand_angles", lambda s: replace(s, azimuth=s.azimuth + 0.4)),
        ("hand_angles", lambda s: replace(s, elevation=s.elevation - 0.4)),
        ("closing", lambda s: replace(s, opening=s.opening + 0.01)),
        (
            "object_rotation",
            lambda s: replace(s, rotations=s.rotations @ matrix_from_rotvec([0.3, 0, 0])),
        ),
    ],
)
def test_each_term_falls_alone(term: str, change) -> None:
    steps = np.array([60])
    state = imitated("push_left_to_right", steps)
    off = {
        "object_position": 0.1,
        "hand_position": 0.1,
        "hand_angles": 0.4,
        "closing": 0.01,
        "object_rotation": 0.3,
    }[term]
    config = RewardConfig()
    reward = ImitationReward([example_demonstration("push_left_to_right")], config)
    lost = 120 * (reward(steps, state) - reward(steps, change(state)))[0]
    share: Term = getattr(config, term)
    assert lost == pytest.approx(share.weight * (1 - np.exp(-share.sharpness / 2 * off**2)))


def test_azimuths_wrap() -> None:
    steps = np.array([30, 60])
    state = imitated("pull_left_to_right", steps)
    reward = ImitationReward([example_demonstration("pull_left_to_right")])
    turned = replace(state, azimuth=state.azimuth - 2 * np.pi)
    np.testing.assert_allclose(reward(steps, turned), reward(steps, state), atol=1e-12)


def test_closing_counts_only_while_the_demonstration_touches() -> None:
    reward = ImitationReward([example_demonstration("pick_up")])
    for step, counts in ((20, False), (60, True), (100, False)):
        steps = np.array([step])
        state = imitated("pick_up", steps)
        differs = reward(steps, state) != reward(steps, replace(state, opening=np.array([0.07])))
        assert differs[0] == counts


def test_a_cylinder_turned_about_its_axis_or_upside_down_is_the_same() -> None:
    steps = np.array([60])
    state = imitated("put_onto", steps)
    demos = [example_demonstration("put_onto")]
    for rotvec in ([0, 0, 2.0], [np.pi, 0, 0]):
        turned = replace(state, rotations=state.rotations @ matrix_from_rotvec(rotvec))
        same, every = ImitationReward(demos), ImitationReward(demos, RewardConfig(symmetric=False))
        assert same(steps, turned)[0] == pytest.approx(same(steps, state)[0])
        assert every(steps, turned)[0] < every(steps, state)[0]


def test_several_demonstrations_are_averaged_or_the_best_counts() -> None:
    steps = np.array([10, 60, 110])
    demos = [example_demonstration("push_left_to_right", s) for s in range(3)]
    state = imitated("push_left_to_right", steps, seed=1)
    alone = np.stack([ImitationReward([d])(steps, state) for d in demos])
    np.testing.assert_allclose(ImitationReward(demos)(steps, state), alone.mean(0))
    best = ImitationReward(demos, RewardConfig(combine="max"))(steps, state)
    np.testing.assert_allclose(best, alone.max(0))
    assert alone.max(0) == pytest.approx(alone[1])


def test_what_cannot_be_a_reward_is_refused() -> None:
    demo = example_demonstration("pick_up")
    with pytest.raises(DataError, match="got demonstrations of nothing"):
        ImitationReward([])
    with pytest.raises(DataError, match=r"\['pick_up', 'put_onto'\], expected one"):
        ImitationReward([demo, example_demonstration("put_onto")])
    with pytest.raises(DataError, match=r"at 10\.0 Hz, expected 12\.0 Hz"):
        ImitationReward([replace(demo, rate_hz=10.0)])
    with pytest.raises(ValueError, match="got weight -1"):
        Term(-1, 1)


def shifted(d: Demonstration, by: list[float], hand: list[float] | None = None) -> Demonstration:
    """The same elsewhere, and with the hand elsewhere in the object."""
    held = np.where((d.phase <= ACT)[:, None], hand or [0.0, 0, 0], 0.0)
    return replace(
        d, object_position=d.object_position + by, hand_position=d.hand_position + by + held
    )


def test_put_onto_ends_on_the_middle_however_wide_the_estimated_object_was() -> None:
    plain = example_demonstration("put_onto")
    reward = ImitationReward([shifted(plain, [-0.12, -0.14, 0.0])])
    steps = np.arange(1, 121, 9)
    state = imitated("put_onto", steps)
    np.testing.assert_allclose(reward(steps, state), ImitationReward([plain])(steps, state))
    np.testing.assert_allclose(reward.beginnings, ImitationReward([plain]).beginnings)
    beside = ImitationReward([shifted(example_demonstration("put_next_to"), [0.1, 0, 0])])
    assert beside.beginnings[0, 0] > 0.05  # beside it, where is what matters


@pytest.mark.parametrize("action", ["pick_up", "pull_left_to_right", "put_behind"])
def test_a_hand_that_holds_its_object_anywhere_is_led_by_the_middle(action: str) -> None:
    plain, steps = example_demonstration(action), np.arange(1, 121, 9)
    reward = ImitationReward([shifted(plain, [0.0, 0, 0], [0.1, 0.05, 0.0])])
    state = imitated(action, steps)
    acting = plain.phase[steps] <= ACT
    np.testing.assert_allclose(
        reward(steps, state)[acting], ImitationReward([plain])(steps, state)[acting]
    )


def test_a_hand_behind_what_it_pushes_stays_there() -> None:
    plain, steps = example_demonstration("push_left_to_right"), np.array([60])
    reward = ImitationReward([shifted(plain, [0.0, 0, 0], [-0.06, 0, 0])])
    state = imitated("push_left_to_right", steps)
    behind = replace(state, position=state.position + np.array([-0.06, 0, 0]))
    assert reward(steps, behind)[0] > reward(steps, state)[0] + 1e-4
