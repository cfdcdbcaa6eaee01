"""EE-PointBC on simulated sets: its cloud, its frame, and what it does without a point."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from visuomotor.checkpoint import save_checkpoint
from visuomotor.contracts import CameraView, Observation
from visuomotor.descriptors.config import Workspace
from visuomotor.descriptors.masks import above_table, points_in_base
from visuomotor.descriptors.model import views_of
from visuomotor.errors import CheckpointError, ConfigError, DataError
from visuomotor.geometry import apply_delta, is_pose, matrix_from_rotvec, pose
from visuomotor.observations import CameraSpec, ObservationSpec, observe
from visuomotor.policies import load_policy
from visuomotor.policies.pointbc import CloudConfig, PointBCConfig, PointBCPolicy
from visuomotor.policies.pointbc.cloud import Cloud, crop_clouds, spread_choice
from visuomotor.policies.pointbc.network import PointBCNetwork, Scales
from visuomotor.policies.pointbc.policy import SHOWN, deltas_to, targets_from
from visuomotor.sim import SimConfig, SimWorld

CONFIG = PointBCConfig(points=200, layers=(16, 32), hidden=(16,), chunk=3)
SPEC = ObservationSpec((CameraSpec("front", 60, 80), CameraSpec("side", 60, 80)))
DOWN = np.diag([1.0, -1.0, -1.0])


def write_policy(folder: Path, config: PointBCConfig = CONFIG) -> Path:
    """A policy with random weights; deltas are of some millimetres."""
    torch.manual_seed(0)
    scales = Scales(
        torch.tensor([0.005, 0.005, 0.005, 0.01, 0.01, 0.01]).repeat(config.chunk, 1),
        torch.tensor([0.01, 0.07]),
        torch.tensor([0.1, 0.5]).repeat(config.chunk, 1),
    )
    weights = PointBCNetwork(config).state_dict()
    save_checkpoint(folder, "pointbc", config, weights, scales.tensors(), SPEC, "Random.\n")
    return folder


@pytest.fixture
def policy(tmp_path: Path) -> PointBCPolicy:
    loaded = load_policy(write_policy(tmp_path / "p"))
    assert isinstance(loaded, PointBCPolicy)
    return loaded


@pytest.fixture(scope="module")
def world() -> Iterator[SimWorld]:
    world = SimWorld(SimConfig("reach_tr", cameras=("front", "side"), width=80, height=60))
    yield world
    world.close()


@pytest.fixture(scope="module")
def observation(world: SimWorld) -> Observation:
    world.reset(3)
    return observe(world.frame(), SPEC)


def blind(view: CameraView) -> CameraView:
    assert view.depth_m is not None
    return replace(view, depth_m=np.zeros_like(view.depth_m))


def blinded(observation: Observation, *cameras: str) -> Observation:
    views = {n: blind(v) if n in cameras else v for n, v in observation.views.items()}
    return replace(observation, views=views)


def cloud_of(observation: Observation, config: CloudConfig) -> Cloud:
    cameras = [views_of([v]) for v in observation.views.values()]
    width = np.array([observation.gripper_width_m])
    return crop_clouds(cameras, observation.T_base_ee[None], width, config)[0]


def moved(observation: Observation, T: np.ndarray) -> Observation:
    """The whole scene with its cameras and the hand, carried by T."""
    views = {n: replace(v, T_base_camera=T @ v.T_base_camera) for n, v in observation.views.items()}
    return replace(observation, views=views, T_base_ee=T @ observation.T_base_ee)


def test_a_set_becomes_a_finite_chunk(policy: PointBCPolicy, observation: Observation) -> None:
    chunk = policy.act(observation)
    assert len(chunk) == 3
    assert chunk.stamp_ns == observation.stamp_ns
    assert all(is_pose(T) for T in chunk.poses)
    assert ((chunk.widths_m >= 0.01) & (chunk.widths_m <= 0.07)).all()
    assert 0 < np.abs(deltas_to(observation.T_base_ee, chunk.poses, False)).max() < 0.05
    again = policy.act(observation)
    np.testing.assert_array_equal(chunk.poses, again.poses)
    np.testing.assert_array_equal(chunk.widths_m, again.widths_m)


def test_what_is_drawn_are_points_of_the_cloud(
    policy: PointBCPolicy, observation: Observation
) -> None:
    info = policy.act(observation).info
    assert 3 < len(info["keypoints"]) <= SHOWN
    cloud = cloud_of(observation, CONFIG.cloud).points.astype(np.float64)
    apart = np.linalg.norm(info["keypoints"][:, None] - cloud, axis=-1).min(1)
    assert apart.max() == 0
    assert info["confidence"][0] == 1
    assert (np.diff(info["confidence"]) <= 0).all()
    assert info["confidence"][-1] > 0


def test_a_cloud_lies_in_the_workspace_above_the_table(observation: Observation) -> None:
    workspace = Workspace((0.5, -0.1, -0.02), (0.7, 0.3, 0.2))
    points = cloud_of(observation, CloudConfig(workspace)).points
    assert len(points) > 50
    assert (points >= workspace.low).all()
    assert (points <= workspace.high).all()
    assert points[:, 2].min() > workspace.clearance_m
    assert len(points) < len(cloud_of(observation, CloudConfig()))


def test_no_pixel_on_an_object_is_missed(observation: Observation) -> None:
    """Heights alone decide first; every pixel, deprojected, gives the same points."""
    config = CloudConfig(robot=True)
    expected = []
    for view in observation.views.values():
        views = views_of([view])
        points, valid = points_in_base(views.depth_m, views.K, views.T_base_camera)
        expected.append(points[above_table(points, valid, config.workspace)].numpy())
    got = cloud_of(observation, config).points
    np.testing.assert_allclose(got, np.concatenate(expected), atol=1e-6)


def test_pixels_without_a_measurement_make_no_point(observation: Observation) -> None:
    whole = cloud_of(observation, CloudConfig())
    views = {}
    for name, view in observation.views.items():
        assert view.depth_m is not None
        depth_m = view.depth_m.copy()
        depth_m[::3], depth_m[1::3, ::2], depth_m[1::3, 1::2] = 0.0, np.nan, np.inf
        views[name] = replace(view, depth_m=depth_m)
    holey = cloud_of(replace(observation, views=views), CloudConfig())
    assert 0.2 < len(holey) / len(whole) < 0.5
    assert {tuple(p) for p in holey.points.tolist()} <= {tuple(p) for p in whole.points.tolist()}


@pytest.fixture(scope="module")
def low_world() -> Iterator[SimWorld]:
    """Hands begin low enough for the cameras."""
    world = SimWorld(SimConfig("push_plate", cameras=("front", "side"), width=80, height=60))
    yield world
    world.close()


@pytest.mark.parametrize("width_m", [0.0, 0.08])
def test_the_robot_is_left_out_and_the_plate_stays(low_world: SimWorld, width_m: float) -> None:
    for seed in range(3):
        low_world.reset(seed)
        low_world.set_gripper(width_m)
        low_world.advance(2.0)
        observation = observe(low_world.frame(), SPEC)
        assert abs(observation.gripper_width_m - width_m) < 0.005
        whole = cloud_of(observation, CloudConfig(robot=True)).points
        assert (whole[:, 2] > 0.06).sum() > 50, "the robot is in view"
        left = cloud_of(observation, CloudConfig()).points
        np.testing.assert_array_equal(left, whole[whole[:, 2] < 0.06])


def test_points_have_the_color_of_their_pixel(observation: Observation) -> None:
    painted = {
        n: replace(v, color=np.full_like(v.color, 40 * i))
        for i, (n, v) in enumerate(observation.views.items(), 1)
    }
    cloud = cloud_of(replace(observation, views=painted), CloudConfig())
    cameras = [(cloud.color == 40 * i).all(1) for i in (1, 2)]
    assert (cameras[0] ^ cameras[1]).all()
    for name, mine in zip(observation.views, cameras, strict=True):
        others = [n for n in observation.views if n != name]
        alone = cloud_of(blinded(observation, *others), CloudConfig())
        np.testing.assert_array_equal(cloud.points[mine], alone.points)


def test_a_batch_is_cropped_set_by_set(observation: Observation) -> None:
    hands = np.stack([apply_delta(observation.T_base_ee, [0, 0, d, 0, 0, 0]) for d in (0, 0.1)])
    twice = crop_clouds(
        [views_of([v, v]) for v in observation.views.values()],
        hands,
        np.full(2, observation.gripper_width_m),
        CloudConfig(),
    )
    for hand, cloud in zip(hands, twice, strict=True):
        alone = cloud_of(replace(observation, T_base_ee=hand), CloudConfig())
        np.testing.assert_array_equal(cloud.points, alone.points)
    assert len(twice[0]) != len(twice[1])


@pytest.mark.parametrize(("count", "wanted"), [(0, 5), (3, 5), (5, 5), (6, 5), (1700, 512)])
def test_a_spread_choice_takes_different_points_evenly(count: int, wanted: int) -> None:
    index = spread_choice(count, wanted)
    assert len(index) == min(count, wanted)
    assert len(np.unique(index)) == len(index)
    if len(index):
        assert index[0] >= 0
        assert index[-1] < count
        assert np.ptp(np.diff(index, append=count)) <= 1


def test_the_action_turns_and_moves_with_the_scene(
    tmp_path: Path, observation: Observation
) -> None:
    """What holds here holds elsewhere, at equal height; with `absolute` it does not."""
    wide = CloudConfig(Workspace((-2, -2, -0.02), (2, 2, 0.6)))
    T = pose(matrix_from_rotvec([0, 0, 0.7]), [0.15, -0.2, 0.0])
    for absolute in (False, True):
        config = replace(CONFIG, cloud=wide, points=10_000, absolute=absolute)
        policy = load_policy(write_policy(tmp_path / str(absolute), config))
        here, there = policy.act(observation), policy.act(moved(observation, T))
        same = np.allclose(T @ here.poses, there.poses, atol=1e-5)
        assert same != absolute


def test_the_order_of_points_and_their_repetition_do_not_matter() -> None:
    torch.manual_seed(0)
    network = PointBCNetwork(CONFIG).eval()
    points, color = torch.rand(2, 50, 3), torch.randint(0, 256, (2, 50, 3), dtype=torch.uint8)
    hands = torch.eye(4).repeat(2, 1, 1)
    index = torch.cat([torch.randperm(50), torch.arange(20)])
    with torch.no_grad():
        one = network(points, color, hands, torch.zeros(2))
        other = network(points[:, index], color[:, index], hands, torch.zeros(2))
    torch.testing.assert_close(one[0], other[0])
    torch.testing.assert_close(one[1], other[1])


def test_gradients_through_the_winners_are_those_of_the_whole_cloud() -> None:
    torch.manual_seed(0)
    network = PointBCNetwork(CONFIG).double()
    x = torch.rand(4, 300, 6, dtype=torch.float64)
    gradients = []
    for training in (True, False):
        network.train(training)
        network.zero_grad()
        values, winners = network._pool(x)
        (values * torch.arange(32)).sum().backward()
        gradients.append(
            [p.grad.clone() for p in network.points.parameters() if p.grad is not None]
        )
        assert winners.shape == (4, 32)
    assert len(gradients[0]) == 4
    for fast, plain in zip(*gradients, strict=True):
        torch.testing.assert_close(fast, plain)


def test_one_blind_camera_leaves_the_other_one_to_see(
    policy: PointBCPolicy, observation: Observation
) -> None:
    chunk = policy.act(blinded(observation, "front"))
    assert len(chunk.info["keypoints"]) > 0
    assert all(is_pose(T) for T in chunk.poses)


def test_without_a_point_it_holds_pose_and_width(
    policy: PointBCPolicy, observation: Observation
) -> None:
    nothing = blinded(observation, "front", "side")
    chunk = policy.act(nothing)
    np.testing.assert_array_equal(chunk.poses, np.repeat(observation.T_base_ee[None], 3, 0))
    np.testing.assert_array_equal(chunk.widths_m, np.full(3, observation.gripper_width_m))
    seen = policy.act(observation)
    assert seen.widths_m[0] != observation.gripper_width_m
    np.testing.assert_array_equal(policy.act(nothing).widths_m, np.full(3, seen.widths_m[0]))
    policy.reset()
    assert policy.act(nothing).widths_m[0] == observation.gripper_width_m


def test_a_view_without_depth_is_refused(policy: PointBCPolicy, observation: Observation) -> None:
    flat = replace(observation.views["side"], depth_m=None)
    with pytest.raises(DataError, match="need depth; set `depth: true`"):
        policy.act(replace(observation, views={**observation.views, "side": flat}))


@pytest.mark.parametrize("absolute", [False, True])
def test_deltas_lead_to_their_targets(absolute: bool) -> None:
    rng = np.random.default_rng(0)
    hands = apply_delta(pose(DOWN, [0.4, 0.1, 0.3]), rng.normal(0, 0.3, (20, 1, 6)))
    deltas = rng.normal(0, 0.3, (20, 4, 6))
    targets = targets_from(hands, deltas, absolute)
    np.testing.assert_allclose(deltas_to(hands, targets, absolute), deltas, atol=1e-9)


def test_deltas_are_along_the_hands_axes_or_bases() -> None:
    hand = pose(matrix_from_rotvec([0, 0, np.pi / 2]) @ DOWN, [0.4, 0.1, 0.3])
    delta = np.array([0.01, 0, 0, 0.2, 0, 0])
    for absolute, place, axis in ((False, [0.4, 0.11, 0.3], 1), (True, [0.41, 0.1, 0.3], 0)):
        target = targets_from(hand, delta, absolute)
        np.testing.assert_allclose(target[:3, 3], place)
        turn = target[:3, :3] @ hand[:3, :3].T
        np.testing.assert_allclose(turn, matrix_from_rotvec(0.2 * np.eye(3)[axis]), atol=1e-9)


def test_a_checkpoint_whose_parts_do_not_fit_is_refused(tmp_path: Path) -> None:
    folder = write_policy(tmp_path / "p")
    path = folder / "normaliser.safetensors"
    whole = load_file(str(path))
    save_file({"width": whole["width"]}, str(path))
    with pytest.raises(CheckpointError, match="normaliser lacks delta"):
        load_policy(folder)
    save_file({**whole, "delta": torch.zeros(8, 6)}, str(path))
    with pytest.raises(CheckpointError, match=r"delta is \(8, 6\), expected \(3, 6\)"):
        load_policy(folder)
    save_file(whole, str(path))
    text = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(text.replace("absolute: false", "absolute: true"))
    with pytest.raises(CheckpointError, match=r"head\.0\.weight is \(16, 36\), expected \(16, 41"):
        load_policy(folder)
    (folder / "config.yaml").write_text(text.replace("chunk", "chunks"))
    with pytest.raises(ConfigError, match="'chunks'; did you mean 'chunk'"):
        load_policy(folder)


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ValueError, match=r"points 0.*expected positive sizes"):
        PointBCConfig(points=0)
