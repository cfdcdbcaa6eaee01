"""Heads: what they are given, what they remember, and how they act."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from visuomotor.contracts import STEP_NS, Float64, Observation
from visuomotor.errors import CheckpointError, ConfigError
from visuomotor.geometry import apply_delta, pose, pose_delta
from visuomotor.policies.heads import (
    POINTING_DOWN,
    HeadConfig,
    HeadRunner,
    PolicyHead,
    RobotInputs,
    Scales,
    robot_inputs,
)
from visuomotor.policies.heads.head import MIDDLE_WEIGHT, saturated

DOWN = POINTING_DOWN.numpy().astype(float)
POINTS, FEATURES = (5, 3), (6,)
SHIFT = torch.tensor([0.2, -0.1, 0.0])


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Layers this small run slower on more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def make_head(shape: tuple[int, ...], **config: object) -> PolicyHead:
    torch.manual_seed(0)
    values = {"hidden": (16, 16), "units": 12, **config}
    return PolicyHead(HeadConfig(**values), shape).eval()  # type: ignore[arg-type]


def make_scales(shape: tuple[int, ...]) -> Scales:
    return Scales(
        torch.full(shape, 0.4),
        torch.full(shape, 0.2),
        torch.tensor([0.005, 0.005, 0.005, 0.01, 0.01, 0.01]),
        torch.tensor([0.01, 0.07]),
        torch.tensor([0.1, 0.5]),
    )


def make_robot(n: int) -> RobotInputs:
    torch.manual_seed(1)
    return RobotInputs(torch.rand(n, 3), 0.1 * torch.rand(n, 3), torch.full((n,), 0.04))


def moved(robot: RobotInputs) -> RobotInputs:
    return RobotInputs(robot.position + SHIFT, robot.rotation, robot.width)


def inputs(head: PolicyHead, seen: torch.Tensor, robot: RobotInputs) -> torch.Tensor:
    return head.inputs(seen, robot, make_scales(head.shape))


@pytest.mark.parametrize("points_as", ["relative", "saturated"])
def test_the_action_moves_with_hand_and_points(points_as: str) -> None:
    """Positions are relative to the hand: what holds here holds 20 cm further, at equal height."""
    head, robot, points = make_head(POINTS, points=points_as), make_robot(4), torch.rand(4, 5, 3)
    here = inputs(head, points, robot)
    there = inputs(head, points + SHIFT, moved(robot))
    torch.testing.assert_close(here, there, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(head(here)[0], head(there)[0], atol=1e-4, rtol=1e-4)
    assert not torch.allclose(inputs(head, points + SHIFT, robot), here, atol=0.01)
    up = RobotInputs(robot.position + torch.tensor([0, 0, 0.1]), robot.rotation, robot.width)
    raised = inputs(head, points + torch.tensor([0, 0, 0.1]), up)
    assert not torch.allclose(raised, here, atol=0.1), "the height above the table counts"


def test_relative_points_are_in_units_of_ten_centimetres() -> None:
    head, robot = make_head(POINTS, points="relative"), make_robot(1)
    points = robot.position[:, None] + 0.1 * torch.eye(3)[[0, 1, 2, 0, 1]]
    torch.testing.assert_close(
        inputs(head, points, robot)[0, :15], torch.eye(3)[[0, 1, 2, 0, 1]].flatten()
    )


def test_saturated_points_from_afar_are_a_direction() -> None:
    """Near the hand the middle's offset itself; far away the same input at any distance."""
    head, robot = make_head(POINTS), make_robot(1)
    shape = 0.03 * torch.randn(5, 3)
    shape -= shape.mean(0)
    way = torch.tensor([0.6, 0.8, 0.0])

    def seen_at(distance_m: float) -> torch.Tensor:
        return inputs(head, (robot.position + distance_m * way)[:, None] + shape, robot)[0]

    near, far = seen_at(0.005)[:3] / MIDDLE_WEIGHT, seen_at(0.5)[:3] / MIDDLE_WEIGHT
    torch.testing.assert_close(near, 0.05 * way, atol=1e-4, rtol=0)
    torch.testing.assert_close(far, way, atol=2e-4, rtol=0)
    torch.testing.assert_close(seen_at(0.8), seen_at(0.5), atol=2e-3, rtol=0)
    assert (seen_at(0.1)[:3] - seen_at(0.15)[:3]).norm() > 0.1
    torch.testing.assert_close(seen_at(0.5)[3:18], (shape / 0.1).flatten(), atol=1e-5, rtol=0)
    assert seen_at(0.0).isfinite().all()


def test_saturation_has_a_gradient_at_the_hand() -> None:
    offset = torch.zeros(2, 3, requires_grad=True)
    saturated(offset).sum().backward()  # type: ignore[no-untyped-call]
    assert offset.grad is not None
    assert offset.grad.isfinite().all()


@pytest.mark.parametrize("points_as", ["relative", "saturated"])
def test_absolute_adds_the_place_and_nothing_else(points_as: str) -> None:
    relative = make_head(POINTS, points=points_as)
    absolute = make_head(POINTS, points=points_as, absolute=True)
    robot, points = make_robot(4), torch.rand(4, 5, 3)
    here, there = inputs(absolute, points, robot), inputs(absolute, points + SHIFT, moved(robot))
    assert here.shape[-1] == inputs(relative, points, robot).shape[-1] + 2
    changed = (here - there).abs().amax(0) > 1e-4
    x = 15 if points_as == "relative" else 18
    assert changed.nonzero().flatten().tolist() == [x, x + 1], "x and y of the hand"
    difference = there[:, x : x + 2] - here[:, x : x + 2]
    torch.testing.assert_close(difference, (SHIFT[:2] / 0.1).expand(4, 2))
    assert absolute(here)[0].shape == (4, 7)


def test_features_come_with_the_hands_place() -> None:
    """They have no place in space that a hand could be relative to."""
    head, robot, features = make_head(FEATURES), make_robot(4), torch.rand(4, 6)
    assert head.absolute
    here, there = inputs(head, features, robot), inputs(head, features, moved(robot))
    assert not torch.allclose(here, there, atol=0.1)
    torch.testing.assert_close(here[:, :6], (features - 0.4) / 0.2)
    again = inputs(make_head(FEATURES, absolute=True), features, robot)
    torch.testing.assert_close(again, here)


def test_pointing_down_is_the_zero_of_rotations() -> None:
    down = robot_inputs(pose(DOWN, [0.4, 0.1, 0.3])[None], np.array([0.05]))
    torch.testing.assert_close(down.rotation, torch.zeros(1, 3))
    torch.testing.assert_close(down.position, torch.tensor([[0.4, 0.1, 0.3]]))
    turned = apply_delta(pose(DOWN, [0.4, 0.1, 0.3]), [0, 0, 0, 0, 0, 0.3])
    torch.testing.assert_close(
        robot_inputs(turned[None], np.array([0.05])).rotation, torch.tensor([[0.0, 0.0, 0.3]])
    )


def test_a_point_is_filled_whole_and_a_feature_alone() -> None:
    hole = torch.rand(5, 3)
    hole[1, 2] = torch.nan
    filled = make_scales(POINTS).fill(hole)
    assert (filled[1] == 0.4).all()
    assert torch.equal(filled[[0, 2, 3, 4]], hole[[0, 2, 3, 4]])
    features = torch.tensor([0.1, torch.nan, torch.inf, 0.2, 0.3, 0.4])
    wanted = torch.tensor([0.1, 0.4, 0.4, 0.2, 0.3, 0.4])
    assert torch.equal(make_scales(FEATURES).fill(features), wanted)


def test_a_normaliser_survives_and_a_wrong_one_is_named() -> None:
    scales = make_scales(POINTS)
    again = Scales.from_tensors(scales.tensors(), POINTS, "here")
    assert all(torch.equal(again.tensors()[k], t) for k, t in scales.tensors().items())
    with pytest.raises(CheckpointError, match=r"here: the normaliser's seen is \(5, 3\), expected"):
        Scales.from_tensors(scales.tensors(), FEATURES, "here")
    without = {k: t for k, t in scales.tensors().items() if k != "spread"}
    with pytest.raises(CheckpointError, match="here: the normaliser lacks spread; train it again"):
        Scales.from_tensors(without, POINTS, "here")
    flat = {**scales.tensors(), "spread": torch.full(POINTS, 1e-45)}
    with pytest.raises(CheckpointError, match="here: the normaliser's spread is 1"):
        Scales.from_tensors(flat, POINTS, "here")


class Episode:
    """T sets of random points, hands and widths, and the head that sees them."""

    def __init__(self, length: int = 23, **config: object) -> None:
        self.head = make_head(POINTS, kind="lstm", **config)
        self.scales = make_scales(POINTS)
        rng = np.random.default_rng(2)
        self.seen = torch.from_numpy(rng.uniform(0.3, 0.6, (length, 5, 3)).astype(np.float32))
        self.hands = np.stack([pose(DOWN, p) for p in rng.uniform(0.2, 0.6, (length, 3))])
        self.widths = rng.uniform(0, 0.08, length)

    def runner(self) -> HeadRunner:
        return HeadRunner(self.head, self.scales)

    def act(self, runner: HeadRunner, t: int, first: int = 0) -> Float64:
        """The normalised delta (6,) at step t, whose stamp counts from step `first`."""
        stamp = 1_700_000_000_000_000_000 + (t - first) * STEP_NS
        set_ = Observation(stamp, {}, self.hands[t], float(self.widths[t]), np.zeros(7))
        action = runner.act(self.seen[t], set_)
        delta = pose_delta(self.hands[t], action.T_base_ee)
        normal: Float64 = delta / self.scales.delta.double().numpy()
        return normal

    def trained(self, chosen: list[int]) -> Float64:
        """What training's forward gives at these steps as one sequence, (T, 6)."""
        robot = robot_inputs(self.hands[chosen], self.widths[chosen])
        x = self.head.inputs(self.seen[chosen], robot, self.scales)
        with torch.no_grad():
            outputs, _ = self.head(x[None])
        normal: Float64 = outputs[0, :, :6].double().numpy()
        return normal


@pytest.mark.parametrize("every", [1, 3, 4])
def test_acting_step_by_step_is_what_training_saw(every: int) -> None:
    """Every n-th set is one sequence of its own, whichever it began with."""
    episode = Episode(every=every)
    runner = episode.runner()
    acted = np.stack([episode.act(runner, t) for t in range(23)])
    for phase in range(every):
        chosen = list(range(phase, 23, every))
        np.testing.assert_allclose(acted[chosen], episode.trained(chosen), atol=2e-5)
    alone = np.stack([episode.trained([t])[0] for t in range(23)])
    assert np.abs(acted[every:] - alone[every:]).max() > 1e-3, "it remembers"


def test_a_lost_set_skips_its_turn() -> None:
    episode = Episode(every=4)
    runner = episode.runner()
    lost = {5, 6, 13}
    there = [t for t in range(23) if t not in lost]
    acted = {t: episode.act(runner, t) for t in there}
    for phase in range(4):
        chosen = [t for t in there if t % 4 == phase]
        wanted = episode.trained(chosen)
        np.testing.assert_allclose(np.stack([acted[t] for t in chosen]), wanted, atol=2e-5)


def test_stamps_that_tremble_keep_their_turn() -> None:
    episode, rng = Episode(every=4), np.random.default_rng(0)
    steady, trembling = episode.runner(), episode.runner()
    for t in range(23):
        wanted = episode.act(steady, t)
        late_ns = int(rng.uniform(-0.4, 0.4) * STEP_NS) if t else 0
        stamp = 1_700_000_000_000_000_000 + t * STEP_NS + late_ns
        set_ = Observation(stamp, {}, episode.hands[t], float(episode.widths[t]), np.zeros(7))
        action = trembling.act(episode.seen[t], set_)
        got = pose_delta(episode.hands[t], action.T_base_ee) / episode.scales.delta.double().numpy()
        np.testing.assert_array_equal(got, wanted)


def test_reset_forgets() -> None:
    episode = Episode(every=2)
    runner, fresh = episode.runner(), episode.runner()
    before = [episode.act(runner, t) for t in range(6)]
    runner.reset()
    for t in range(6, 12):
        got, wanted = episode.act(runner, t), episode.act(fresh, t, first=3)
        np.testing.assert_array_equal(got, wanted)
    runner.reset()
    np.testing.assert_array_equal([episode.act(runner, t) for t in range(6)], before)


def test_widths_lie_between_the_extremes() -> None:
    scales = make_scales(POINTS)
    head = make_head(POINTS)
    observation = Observation(0, {}, pose(DOWN, [0.4, 0, 0.2]), 0.05, np.zeros(7))
    widths = []
    for bias in (-50.0, 0.0, 50.0):
        last = [m for m in head.net.modules() if isinstance(m, torch.nn.Linear)][-1]
        with torch.no_grad():
            last.weight[6] = 0
            last.bias[6] = bias
        widths.append(HeadRunner(head, scales).act(torch.rand(5, 3), observation).gripper_width_m)
    assert widths == pytest.approx([0.01, 0.04, 0.07], abs=1e-6)


def test_impossible_heads_are_refused() -> None:
    for values in ({"hidden": ()}, {"hidden": (0,)}, {"units": 0}, {"every": 0}):
        with pytest.raises(ValueError, match="expected positive sizes and steps"):
            HeadConfig(**values)
    for dropout in (-0.1, 1.0):
        with pytest.raises(ValueError, match="expected 0 <= dropout < 1"):
            HeadConfig(dropout=dropout)


def test_every_parameter_of_an_lstm_is_learned() -> None:
    episode = Episode(hidden=(16,))
    robot = robot_inputs(episode.hands, episode.widths)
    x = episode.head.inputs(episode.seen, robot, episode.scales)
    episode.head(x[None])[0].square().sum().backward()
    names = [n for n, p in episode.head.named_parameters() if p.grad is None or not p.grad.any()]
    assert names == []
    assert {n.split(".")[0] for n, _ in episode.head.named_parameters()} == {
        "before",
        "lstm",
        "net",
    }


def test_groups_of_points_have_middles_of_their_own():
    """Two objects far apart: moving one changes the inputs of that one alone."""
    head, robot = make_head((4, 3), groups=2), make_robot(1)
    scales = make_scales((4, 3))
    points = torch.rand(1, 4, 3)
    moved_one = points.clone()
    moved_one[:, 2:] += torch.tensor([0.3, 0.0, 0.0])
    change = head.inputs(points, robot, scales) - head.inputs(moved_one, robot, scales)
    assert change[0, :3].abs().max() == 0  # the first object's middle
    assert change[0, 3:6].abs().max() > 0
    assert change[0, 6:].abs().max() < 1e-6  # each object's form, and the robot
    with pytest.raises(ConfigError, match="4 points, expected a multiple of its 3 groups"):
        make_head((4, 3), groups=3)


def test_absolute_points_do_not_move_with_the_hand():
    head, robot = make_head((4, 3), points="absolute", absolute=True), make_robot(1)
    scales, points = make_scales((4, 3)), torch.rand(1, 4, 3)
    change = head.inputs(points, robot, scales) - head.inputs(points, moved(robot), scales)
    assert change[0, :12].abs().max() == 0
    assert change[0, 12:15].abs().max() > 0
