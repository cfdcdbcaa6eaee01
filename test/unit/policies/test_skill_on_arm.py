"""A skill as a policy on the simulated arm: its plan, its pace, its end, and its checkpoints."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from visuomotor.bench.skill_on_arm import roll_out_on_arm
from visuomotor.checkpoint import load_tensors, save_checkpoint, save_tensors
from visuomotor.cli import main
from visuomotor.config import save_yaml
from visuomotor.contracts import STEP_NS, Observation
from visuomotor.control.kinematics import HOME_Q, arm_state
from visuomotor.control.reach import Standing, reach
from visuomotor.errors import CheckpointError, ConfigError, RobotError
from visuomotor.geometry import matrix_from_rotvec, pose, pose_delta
from visuomotor.geometry.pointing import hand_angles, hand_rotation
from visuomotor.observations import ObservationSpec
from visuomotor.policies import load_policy
from visuomotor.policies.skill import SkillConfig, SkillNetwork
from visuomotor.policies.skill.arm_config import SkillArmConfig
from visuomotor.policies.skill.hand import Hand
from visuomotor.policies.skill.motion import SET_DOWN_M, Actor, Replay, Sizes, foreseen
from visuomotor.policies.skill.placement import OPENING_M, STEEP_RAD, placed
from visuomotor.policies.skill.policy import SkillPolicy
from visuomotor.policies.skill.replay import save_replay
from visuomotor.video.examples import example_demonstration

HOME = arm_state(HOME_Q[None]).hand[0]
SMALL = SkillConfig("push_left_to_right", (8, 8))


def replay(action: str = "push_left_to_right", **settings: object) -> SkillPolicy:
    return SkillPolicy(Replay(example_demonstration(action)), SkillArmConfig(**settings))


def seen(k: int = 0, T: np.ndarray = HOME, x: float = 0.5, y: float = 0.0) -> Observation:
    things = {"object": pose(position=(x, y, 0.018)), "static": pose(position=(0.5, -0.17, 0.02))}
    return Observation(10**9 + k * STEP_NS, {}, T, 0.08, HOME_Q, things)


def followed(policy: SkillPolicy, steps: int = 1200) -> list[np.ndarray]:
    """Targets of an arm that is always where it was told to be a set ago, until the end."""
    T, targets = HOME, []
    for k in range(steps):
        chunk = policy.act(seen(k, T))
        targets.append(chunk.poses[0])
        T = targets[-1]
        if policy.done:
            return targets
    raise AssertionError("the skill has no end")


def test_the_arm_does_what_was_demonstrated() -> None:
    """In the simulated world, judged by the action's metric; no target was refused."""
    (rollout,) = roll_out_on_arm(replay(), [5])
    assert rollout.success
    assert rollout.satisfied == ("push_left_to_right",)
    assert rollout.refusals == ()
    assert rollout.error == ""


def test_targets_keep_the_limits_and_the_skill_ends() -> None:
    policy = replay()
    limits, share = policy.config.limits, policy.config.speed_share
    targets = [HOME, *followed(policy)]
    deltas = np.array([pose_delta(a, b) for a, b in itertools.pairwise(targets)])
    assert np.linalg.norm(deltas[:, :3], axis=1).max() < 0.05 * share * limits.max_speed + 1e-4
    turned = np.linalg.norm(deltas[:, 3:], axis=1).max()
    assert turned < 0.05 * share * limits.max_angular_speed + 1e-4
    places = np.array(targets)[:, :3, 3]
    assert (places > limits.lower).all()
    assert (places < limits.upper).all()
    last = policy.act(seen(5000, targets[-1]))
    np.testing.assert_allclose(last.poses[0], targets[-1], atol=1e-9)
    assert last.info["done"][0] == 1


def test_the_demonstrations_way_is_the_way_of_the_hand() -> None:
    """In the frame and at the scale that were chosen, the object's way while it is touched."""
    policy, shown = replay(), example_demonstration("push_left_to_right")
    places = []
    for target in followed(policy):
        assert policy.plan is not None
        places.append(policy.plan.placement.hand(target)[0])
    for end in (shown.object_position[36], shown.object_position[84]):
        higher = np.array([0.0, 0.0, 0.036 - 0.035])  # this object's centre is higher
        assert np.linalg.norm(np.array(places) - end - higher, axis=1).min() < 0.006


def test_time_stands_still_while_the_arm_does() -> None:
    policy = replay()
    T = HOME
    for k in range(60):
        T = policy.act(seen(k, T)).poses[0]
    held = [policy.act(seen(60 + k, T)).poses[0] for k in range(60)]
    far = [np.linalg.norm(pose_delta(T, h)[:3]) for h in held]
    assert max(far) < policy.config.leash_m + 0.012
    np.testing.assert_array_equal(held[-1], held[-20])
    again = policy.act(seen(120, held[-1])).poses[0]  # the arm is back: on it goes
    after = policy.act(seen(121, again)).poses[0]
    assert not np.array_equal(after, held[-1])


def test_the_chosen_yaw_is_one_that_a_given_yaw_may_not_be() -> None:
    free = replay()
    free.act(seen())
    assert free.plan is not None
    fixed = replay(yaw_deg=float(np.degrees(free.plan.yaw_rad)))
    fixed.act(seen())
    assert fixed.plan is not None
    assert fixed.plan.margin == pytest.approx(free.plan.margin, rel=1e-3)
    backwards = replay(yaw_deg=180.0, raises_m=(0.0,))
    with pytest.raises(RobotError, match=r"none of 1 yaws.*yaw 180°, where .* move the object"):
        backwards.act(seen(x=0.7))


def test_what_is_out_of_reach_is_said_at_every_set_until_reset() -> None:
    policy = replay()
    for k in range(2):
        with pytest.raises(RobotError, match=r"at \(0\.74, 0\.44\) m in base: none of 24 yaws"):
            policy.act(seen(k, x=0.74, y=0.44))
    policy.reset()
    policy.act(seen(3))
    assert policy.plan is not None


def test_an_object_in_mid_air_is_refused() -> None:
    there = seen()
    high = {"object": pose(position=(0.5, 0.0, 0.6))}
    with pytest.raises(RobotError, match=r"centre is 0\.600 m above the table"):
        replay().act(replace(there, objects=high))


def test_a_place_may_be_told_instead_of_a_pose() -> None:
    policy = replay(place_m=(0.5, 0.0), height_m=0.036)
    assert policy.spec.objects == ()
    assert policy.spec.names == ("front",)
    policy.act(replace(seen(), objects={}))
    other = replay()
    other.act(seen())
    assert policy.plan is not None
    assert other.plan is not None
    np.testing.assert_allclose(
        policy.plan.placement.T_base_manipulation, other.plan.placement.T_base_manipulation
    )
    with pytest.raises(ConfigError, match="place_m without height_m"):
        replay(place_m=(0.5, 0.0))
    with pytest.raises(ConfigError, match="no moved_m"):
        replay("put_onto", place_m=(0.5, 0.0), height_m=0.03)


def test_in_the_puts_the_object_is_fetched_first() -> None:
    policy = replay("put_onto")
    policy.act(seen())
    assert policy.plan is not None
    grasps = [w for w in policy.plan.way if w.wait_s > 1.0]
    assert len(grasps) == 1
    np.testing.assert_allclose(grasps[0].T_base_ee[:3, 3], [0.5, 0.0, 0.018], atol=0.021)
    assert policy.plan.way[-1].width_m == 0.0


@pytest.mark.parametrize("settings", [{"scale": 0.0}, {"feedback": 2.0}, {"place_m": (1.0,)}])
def test_settings_are_checked(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        SkillArmConfig(**settings)


def actor(seed: int = 0) -> SkillNetwork:
    torch.manual_seed(seed)
    network = SkillNetwork(SMALL, 1).eval()
    with torch.no_grad():
        network.policy[-1].weight *= 0.1  # it moves gently, and so stays in reach
        network.policy[-1].bias[:] = 0.0
    return network


def test_an_actor_is_told_what_deviates() -> None:
    """That is how far the arm is off what it was told a lag ago, in the skill's own size."""
    policy = SkillPolicy(Actor(actor()), SkillArmConfig(lag_s=0.05))
    T = HOME
    for k in range(2000):
        T = policy.act(seen(k, T)).poses[0]
        hand = policy._hand
        if hand is not None and hand.time_s > 0.5:
            break
    assert policy._hand is not None
    exact = policy._seen(policy._hand, seen(k, policy._told_at(seen(k).stamp_ns - STEP_NS)))
    np.testing.assert_allclose(exact.position, policy._hand.position, atol=1e-9)
    off = np.array(policy._told_at(seen(k).stamp_ns - STEP_NS))
    off[0, 3] += 0.01
    moved = policy._seen(policy._hand, seen(k, off)).position - policy._hand.position
    assert np.linalg.norm(moved) == pytest.approx(0.01 / policy.config.scale)


def hands_at(*heights: float) -> list[Hand]:
    level = hand_rotation(0.0, 0.0)
    times = np.linspace(0, 7.0, len(heights))
    return [
        Hand(np.array([0, 0, z]), level, 0.05, float(t))
        for z, t in zip(heights, times, strict=True)
    ]


def test_who_knows_the_sizes_need_not_go_as_high_as_for_the_largest() -> None:
    pick = Actor(SkillNetwork(SkillConfig("pick_up", (8,)), 1))
    assert pick.rise(hands_at(0.15, 0.08, 0.09), Sizes(0.03)) == pytest.approx(-0.05)
    assert pick.rise(hands_at(0.15, 0.02, 0.09), Sizes(0.03)) == 0, "it comes lower anyway"
    later = [*hands_at(0.15, 0.08), Hand(np.zeros(3), np.eye(3), 0.05, 8.0)]
    assert pick.rise(later, Sizes(0.03)) == pytest.approx(-0.05), "what comes after does not count"
    assert Actor(actor()).rise(hands_at(0.15, 0.08), Sizes(0.03)) == 0, "a push comes down itself"
    onto = Actor(SkillNetwork(SkillConfig("put_onto", (8,)), 1))
    rise = onto.rise(hands_at(0.2, 0.18), Sizes(0.03, 0.04))
    assert 0.18 + rise == pytest.approx(2 * 0.04 + 0.03 + SET_DOWN_M)
    beside = Actor(SkillNetwork(SkillConfig("put_behind", (8,)), 1))
    rise = beside.rise(hands_at(0.2, 0.02), Sizes(0.03, 0.04))
    assert 0.02 + rise == pytest.approx(0.03 + SET_DOWN_M), "it must not be pressed into the table"
    assert Replay(example_demonstration("put_onto")).rise(hands_at(0.2), Sizes(0.03, 0.04)) == 0


def test_an_arms_hand_is_level_however_the_skills_is_rolled() -> None:
    placement = placed(0.5, 0.1, 0.0, 0.7, 0.5, True)
    level = hand_rotation(0.3, 0.2)
    rolled = level @ matrix_from_rotvec([0.0, 0.0, 0.6])
    place = np.array([0.1, 0.0, 0.05])
    np.testing.assert_allclose(placement.ee(place, rolled), placement.ee(place, level), atol=1e-12)
    there, turned = placement.hand(placement.ee(place, rolled))
    np.testing.assert_allclose(there, place, atol=1e-12)
    np.testing.assert_allclose(turned, level, atol=1e-12)


def test_a_pitched_placement_is_undone_exactly() -> None:
    placement = placed(0.5, 0.1, 0.0, 0.7, 0.5, True, pitch_rad=0.4)
    rotation, place = hand_rotation(0.3, 0.2), np.array([0.1, 0.0, 0.05])
    T = placement.ee(place, rotation)
    down = 0.2 + 0.4 * (1 - 0.2 / STEEP_RAD)
    steeper = placed(0.5, 0.1, 0.0, 0.7, 0.5, True).ee(place, hand_rotation(0.3, down))
    np.testing.assert_allclose(T, steeper, atol=1e-12)
    there, turned = placement.hand(T)
    np.testing.assert_allclose(there, place, atol=1e-12)
    np.testing.assert_allclose(turned, rotation, atol=1e-12)


@pytest.mark.parametrize("elevation", [-1.0, 0.0, 0.7, 1.2, 1.35, 1.5])
def test_a_hand_is_pitched_the_less_the_steeper_it_points(elevation: float) -> None:
    """So it never points backwards, and pushes and pulls keep their metric's 80°."""
    placement = placed(0.5, 0.1, 0.0, 0.7, 0.5, False, pitch_rad=np.deg2rad(45.0))
    rotation, place = hand_rotation(0.3, elevation), np.array([0.1, 0.0, 0.05])
    T = placement.ee(place, rotation)
    _, pitched = hand_angles(T[:3, :3])
    assert elevation - 1e-9 <= pitched <= max(elevation, STEEP_RAD) + 1e-9
    assert (pitched > elevation + 1e-3) == (elevation < STEEP_RAD - 1e-3)
    azimuth, _ = hand_angles(T[:3, :3])
    assert azimuth == pytest.approx(0.3 + 0.7)
    np.testing.assert_allclose(placement.hand(T)[1], rotation, atol=1e-9)


def told(action: str, position: tuple[float, float, float], at_s: float, climb: float) -> Hand:
    """What a hand there is told by an actor that goes up or down, with half-open fingers."""
    network = SkillNetwork(SkillConfig(action, (8,)), 1)
    with torch.no_grad():
        network.policy[-1].weight[:] = 0.0
        network.policy[-1].bias[:] = torch.tensor([0, 0, climb, 0, 0, 0, 0.0])
    hand = Hand(np.array(position), hand_rotation(np.pi, 0.3), 0.05, at_s)
    return Actor(network).tell(hand, hand, Sizes(0.03))


def test_a_hand_that_pushes_or_pulls_does_so_at_the_middle() -> None:
    """It comes down in its last second before that, and nothing lifts it while it acts."""
    for action in ("push_left_to_right", "pull_right_to_left"):
        assert told(action, (0, 0, 0.08), 1.5, 0.5).after[2] > 0, "on its way there"
        assert told(action, (0, 0, 0.08), 2.5, 0.5).after[2] == pytest.approx(-0.05 / 0.5)
        assert told(action, (0, 0, 0.03), 4.0, 0.5).after[2] == pytest.approx(0.0, abs=1e-9)
        assert told(action, (0, 0, 0.01), 4.0, -0.5).after[2] > 0
        assert told(action, (0, 0, 0.05), 7.5, 0.5).after[2] > 0, "and away"
        first = told(action, (0, 0, 0.08), 2.5, 0.5)
        assert first.meant is not None
        assert first.meant[0] > 0.08, "what it sees next is the height that it meant"
    assert told("pick_up", (0, 0, 0.05), 4.0, 0.5).after[2] > 0
    assert told("put_onto", (0, 0, 0.05), 4.0, 0.5).after[2] > 0
    assert told("put_onto", (0, 0, 0.05), 4.0, 0.5).meant is None


def test_a_hand_that_pulls_closes_about_the_thing() -> None:
    for action, way in (("pull_left_to_right", 1.0), ("pull_right_to_left", -1.0)):
        before, there = told(action, (-0.08 * way, 0, 0.05), 4.0, 0.0), (0.02 * way, 0, 0.05)
        assert before.opening == pytest.approx(OPENING_M)
        assert before.meant is not None
        assert before.meant[1] == pytest.approx(OPENING_M / 2), "which is what it sees next"
        assert told(action, there, 2.0, 0.0).opening == pytest.approx(OPENING_M), "it comes by"
        assert told(action, there, 4.0, 0.0).opening == 0
        assert told(action, there, 7.5, 0.0).opening == pytest.approx(OPENING_M)
        pull = Actor(SkillNetwork(SkillConfig(action, (8,)), 1))
        rows = [(0.0, 0.02), (2.0, -0.1), (3.5, -0.05), (4.0, 0.0), (5.0, 0.1)]
        hands = [Hand(np.array([way * x, 0, 0]), np.eye(3), 0.05, t) for t, x in rows]
        assert pull.taken(hands) == 3
    push = Actor(actor())
    assert told("push_left_to_right", (0.02, 0, 0.05), 4.0, 0.0).opening > 0
    assert push.taken(hands) is None


def test_what_is_to_be_taken_is_kept_clear_of_until_then() -> None:
    """By the palm: a way through it is none, but for what is gone when the hand comes there."""
    down = np.diag([1.0, -1.0, -1.0])
    ways = np.array([[pose(down, (x, 0.0, 0.05))] for x in np.linspace(0.4, 0.6, 20)])
    thing = Standing(0.5, 0.0, 0.03, 0.2)
    before = [HOME_Q, np.concatenate([np.array([[pose(down, (0.4, 0.0, 0.05))]] * 4), ways])]
    assert reach(*before, standing=[thing]).margin[0] < 0
    assert reach(*before, standing=[replace(thing, until=5)]).margin[0] > 0


def test_fingers_are_foreseen_around_what_they_hold() -> None:
    onto = Actor(SkillNetwork(SkillConfig("put_onto", (8,)), 1))
    start = onto.starts(Sizes(0.03, 0.03), SkillArmConfig())[0]
    openings: list[float] = []

    class Watched:
        action = "put_onto"

        def tell(self, hand: Hand, seen: Hand, sizes: Sizes) -> Hand:
            openings.append(seen.opening)
            return hand.told(np.zeros(6), 0.0)

    foreseen(Watched(), start, Sizes(0.03, 0.03))  # type: ignore[arg-type]
    assert min(openings) == max(openings) == pytest.approx(0.045)


def test_a_thing_is_taken_as_it_will_be_let_go() -> None:
    """So it is upright then, although the hand points down less than at the skill's start."""
    policy = replay("put_onto")
    policy.act(seen())
    assert policy.plan is not None
    (grasp,) = (w for w in policy.plan.way if w.wait_s > 1.0)
    hands = foreseen(policy.motion, policy.plan.start, policy._sizes)
    let_go = min(hands, key=lambda h: abs(h.time_s - 7.0))
    placement = policy.plan.placement
    T = placement.ee(let_go.position, let_go.rotation)
    assert grasp.T_base_ee[2, 2] == pytest.approx(T[2, 2], abs=1e-6)


def test_the_actors_way_is_the_gripper_worlds() -> None:
    """Without an arm, a network's hand goes where it goes in the world that it learned in."""
    from visuomotor.sim.gripper import OPENING_M, GripperWorlds, Starts

    network, config = actor(), SkillArmConfig(position_m=(0.0, 0.4, 0.6))
    (begun,) = Actor(network).starts(Sizes(0.035), replace(config, azimuths_deg=(20.0,)))
    hands = foreseen(Actor(network), begun, Sizes(0.035))
    world = GripperWorlds(1, 1, "open", threads=0)
    size = np.full((1, 2), 0.045)
    angles = np.deg2rad([20.0]), np.deg2rad([config.elevation_deg])
    world.reset(
        Starts(*angles, begun.position[None], np.zeros((1, 2)), size, size),
        np.random.default_rng(0),
    )
    state = world.state()
    assert state.opening[0] == pytest.approx(OPENING_M)
    for hand in hands[1:40]:
        with torch.no_grad():
            action = network.mean(torch.from_numpy(network.observe(state)))
        state = world.step(action.numpy())
        assert hand.meant is not None  # its height is not the arm's for long
        meant = [*hand.position[:2], hand.meant[0]]
        np.testing.assert_allclose(meant, state.position[0], atol=0.01)


def test_checkpoints_are_policies(tmp_path: Path) -> None:
    save_replay(tmp_path / "again", example_demonstration("pick_up", 3))
    policy = load_policy(tmp_path / "again")
    assert policy.spec == ObservationSpec(objects=("object",))
    one = policy.act(seen())
    direct = SkillPolicy(Replay(example_demonstration("pick_up", 3)))
    np.testing.assert_array_equal(one.poses, direct.act(seen()).poses)
    network = actor()
    spec = ObservationSpec(objects=("object",))
    save_checkpoint(tmp_path / "skill", "skill", SMALL, network.state_dict(), {}, spec, "")
    save_yaml({"scale": 0.3, "yaw_deg": 45.0}, tmp_path / "arm.yaml")
    learned = load_policy(tmp_path / "skill", tmp_path / "arm.yaml")
    assert isinstance(learned, SkillPolicy)
    assert learned.config.scale == 0.3
    assert learned.motion.action == "push_left_to_right"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("object_position", 1e38, "object_position reaches 1e"),
        ("hand_azimuth", -1e9, "hand_azimuth reaches 1e"),
        ("hand_position", torch.nan, "hand_position of step 0 not finite"),
        ("touch", None, "got no steps"),
    ],
)
def test_a_damaged_demonstration_is_refused(
    tmp_path: Path, name: str, value: float | None, said: str
) -> None:
    save_replay(tmp_path / "r", example_demonstration("pick_up"))
    weights = tmp_path / "r" / "weights.safetensors"
    tensors = load_tensors(weights)
    if value is None:
        tensors = {n: t[:0] for n, t in tensors.items()}
    else:
        tensors[name][0] = value
    save_tensors(tensors, weights)
    with pytest.raises(CheckpointError, match=said):
        load_policy(tmp_path / "r")


def test_a_motion_that_is_none_is_refused_before_it_is_planned() -> None:
    network = SkillNetwork(SMALL, 1)
    for parameter in network.parameters():
        parameter.data.fill_(torch.nan)
    with pytest.raises(CheckpointError, match="the skill's hand goes to what is no pose"):
        SkillPolicy(Actor(network), SkillArmConfig()).act(seen())


def test_settings_are_for_skills_alone(tmp_path: Path) -> None:
    (tmp_path / "arm.yaml").write_text("scal: 0.3\n")
    save_replay(tmp_path / "again", example_demonstration("pick_up"))
    with pytest.raises(ConfigError, match="unknown SkillArmConfig key 'scal'; did you mean"):
        load_policy(tmp_path / "again", tmp_path / "arm.yaml")
    spec = ObservationSpec(objects=("cube",))
    save_checkpoint(tmp_path / "bc", "bc", SMALL, actor().state_dict(), {}, spec, "")
    with pytest.raises(ConfigError, match="family bc takes none"):
        load_policy(tmp_path / "bc", tmp_path / "arm.yaml")


def test_the_command_judges_and_writes_what_it_saw(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_replay(tmp_path / "again", example_demonstration("push_left_to_right"))
    out = tmp_path / "arm.json"
    words = ["skill", "arm", "--checkpoint", str(tmp_path / "again"), "--episodes", "1"]
    assert main([*words, "--first-seed", "5", "--out", str(out)]) == 0
    assert "push_left_to_right on the arm: 1 of 1" in capsys.readouterr().out
    result = json.loads(out.read_text())
    assert result["figures"]["successes"] == 1
    assert result["figures"]["rollouts"][0]["seed"] == 5
    assert result["seeds"] == [5]
    assert result["commit"]
    assert str(tmp_path) not in out.read_text(), "no path of this machine"
