"""Hand-eye action networks: regions, keypoints in space, what the network may know, the policy."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from visuomotor.checkpoint import save_checkpoint
from visuomotor.contracts import Observation
from visuomotor.descriptors.matching import Views
from visuomotor.errors import CheckpointError, ConfigError
from visuomotor.geometry import inverse, pose, pose_delta, transform_points
from visuomotor.networks.local import LocalBackbone
from visuomotor.observations import CameraSpec, ObservationSpec, observe
from visuomotor.policies import load_policy
from visuomotor.policies.han import HanConfig, HanPolicy
from visuomotor.policies.han.network import Hand, HanNetwork
from visuomotor.policies.han.regions import (
    cell_points,
    grid_corners,
    masks_of,
    near_peak,
    random_corners,
)
from visuomotor.policies.han.scales import Scales
from visuomotor.policies.han.sight import acting_corners, sight_of
from visuomotor.sim import SimConfig, SimWorld

CONFIG = HanConfig(windows=4, window_px=48, channels=(8, 8, 12, 12, 12), hidden=(16,), chunk=2)
SPEC = ObservationSpec((CameraSpec("front"), CameraSpec("side")))
DOWN = np.diag([1.0, -1.0, -1.0])
K = torch.tensor([[184.0, 0.0, 79.5], [0.0, 184.0, 59.5], [0.0, 0.0, 1.0]])


@pytest.fixture(scope="module")
def observation() -> Observation:
    world = SimWorld(SimConfig(cameras=("front", "side")))
    world.reset(3)
    seen = observe(world.frame(), SPEC)
    world.close()
    return seen


def views(observation: Observation, name: str) -> Views:
    v = observation.views[name]
    parts = (v.color, v.depth_m, v.K.astype(np.float32), v.T_base_camera.astype(np.float32))
    return Views(*(torch.from_numpy(np.asarray(p))[None] for p in parts))


def network(**changes: object) -> HanNetwork:
    torch.manual_seed(0)
    return HanNetwork(replace(CONFIG, **changes), 2).eval()  # type: ignore[arg-type]


def hand(*shift: float) -> Hand:
    position = torch.tensor([[0.45, 0.05, 0.2]]) + torch.tensor([shift or (0.0, 0.0, 0.0)])
    return Hand(position, torch.zeros(1, 3), torch.tensor([0.05]))


def write_policy(folder: Path, spec: ObservationSpec = SPEC, **changes: object) -> Path:
    config = replace(CONFIG, **changes)  # type: ignore[arg-type]
    torch.manual_seed(0)
    weights = HanNetwork(config, len(spec.cameras)).state_dict()
    scales = Scales(torch.tensor([0.0, 0.08]), torch.tensor([[0.02, 0.1]]).repeat(config.chunk, 1))
    save_checkpoint(folder, "han", config, weights, scales.tensors(), spec, "Random.\n")
    return folder


# --- the shared map and literal crops ---


def test_a_crop_has_the_features_that_it_has_within_the_image():
    torch.manual_seed(0)
    backbone = LocalBackbone((8, 8, 12, 12, 12)).eval()
    image = torch.rand(1, 3, 120, 160) * 2 - 1
    whole = backbone(image)
    crop = backbone(image[:, :, 24:88, 40:120])  # cells 6 to 22 and 10 to 30
    inside = (slice(None), slice(None), slice(5, -5), slice(5, -5))
    np.testing.assert_allclose(
        crop[inside].detach(), whole[:, :, 6:22, 10:30][inside].detach(), atol=1e-5
    )
    assert (crop - whole[:, :, 6:22, 10:30]).abs().max() > 1e-3  # at the border they differ


def test_replicated_borders_do_not_tell_where_they_are():
    image = torch.full((1, 3, 64, 64), 0.3)
    for padding, same in (("replicate", True), ("zeros", False)):
        torch.manual_seed(0)
        features = LocalBackbone((8, 8, 12, 12, 12), padding).eval()(image)
        spread = (features - features[:, :, 8:9, 8:9]).abs().max()
        assert (spread < 1e-4) == same


def test_windows_of_one_map_are_literal_crops_up_to_borders(observation: Observation):
    """Inside, where no crop's border reaches, both have the same softmax but for its total."""
    attention = network(window_px=80).attention
    corners = torch.tensor([[[0, 4], [3, 9], [6, 16]]])
    for name in SPEC.names:
        sight = sight_of(views(observation, name), corners)
        cells = attention.hand_cells(sight, hand().position)
        with torch.inference_mode():
            p, _, of_hand = attention.look(sight, cells, (30, 40))
            q, _, of_hand_crop = attention.look_literally(sight, cells, (30, 40))
        for i, (top, left) in enumerate(corners[0].tolist()):
            inner = (slice(top + 5, top + 15), slice(left + 5, left + 15))
            ratio = p[0, i].reshape(30, 40)[inner].log() - q[0, i].reshape(30, 40)[inner].log()
            assert ratio.max() - ratio.min() < 1e-3
            assert p[0, i].reshape(30, 40)[inner].log().std() > 0.1  # it is no constant map
        for r in (p, q):
            torch.testing.assert_close(r.sum(-1), torch.ones(1, 3))
            assert (r[0] > 0).sum(-1).tolist() == [400, 400, 400]
        torch.testing.assert_close(of_hand, of_hand_crop, atol=1e-3, rtol=0)


def test_random_regions_lie_within_the_map_and_fixed_ones_cover_it():
    generator = torch.Generator().manual_seed(0)
    corners = random_corners(500, (30, 40), 12, 2, generator)
    assert corners.shape == (2, 500, 2)
    assert corners.min() == 0
    assert corners[..., 0].max() == 18
    assert corners[..., 1].max() == 28
    fixed = grid_corners((30, 40), 12, 2)
    assert masks_of(fixed[None], 12, (30, 40)).any(1).all()
    assert fixed.max(0).values.tolist() == [18, 28]
    with pytest.raises(ConfigError, match="fits into the images"):
        grid_corners((10, 40), 12, 2)


# --- keypoints in space ---


def depth_of(plane_m: float = 0.8) -> torch.Tensor:
    return torch.full((1, 120, 160), plane_m)


def test_a_cell_shows_the_surface_at_its_own_pixel():
    depth = depth_of()
    depth[0, :, 80:] = 0.5  # an edge between two cells
    points, measured = cell_points(depth, K[None], torch.eye(4)[None], 4)
    assert measured.all()
    z = points[0, :, 2].reshape(30, 40)
    assert (z[:, :20] == 0.8).all()
    assert (z[:, 20:] == 0.5).all()  # nothing in mid-air
    u = points[0, :, 0] / points[0, :, 2] * 184 + 79.5
    assert (u.reshape(30, 40) - (4 * torch.arange(40) + 1.5)).abs().max() <= 0.5 + 1e-3


def test_holes_are_filled_from_the_same_cell_alone():
    depth = depth_of()
    depth[0, 41:43, 61:63] = 0.0  # the middle of cell (10, 15)
    depth[0, 80:84, 20:24] = float("nan")  # all of cell (20, 5)
    points, measured = cell_points(depth, K[None], torch.eye(4)[None], 4)
    assert measured.reshape(30, 40).sum() == 30 * 40 - 1
    assert not measured.reshape(30, 40)[20, 5]
    assert points[0].reshape(30, 40, 3)[10, 15, 2] == pytest.approx(0.8)
    assert points.isfinite().all()


def test_the_extrinsics_take_points_to_base():
    T = torch.tensor(pose(DOWN, (0.5, 0.1, 0.9)), dtype=torch.float32)[None]
    points, _ = cell_points(depth_of(0.9), K[None], T, 4)
    np.testing.assert_allclose(points[0, :, 2], 0.0, atol=1e-6)
    middle = points[0].reshape(30, 40, 3)[14:16, 19:21].mean((0, 1))
    np.testing.assert_allclose(middle[:2], (0.5, 0.1), atol=3e-3)  # half a pixel


def test_only_cells_about_the_peak_count():
    p = torch.zeros(1, 2, 30 * 40)
    p[0, 0, 5 * 40 + 7], p[0, 1, 0] = 0.9, 0.6
    near = near_peak(p, (30, 40)).reshape(1, 2, 30, 40)
    assert near[0, 0].sum() == 25
    assert near[0, 0, 3:8, 5:10].all()
    assert near[0, 1].sum() == 9  # a corner


def test_a_region_without_depth_is_never_followed(observation: Observation):
    seen = views(observation, "front")
    seen.depth_m[:, :, :80] = 0.0
    corners = torch.tensor([[[5, 2], [5, 24]]])
    with torch.inference_mode():
        sight = sight_of(seen, corners)
        output, found = HanNetwork(CONFIG, 1).eval()([sight], hand())
    assert found[0].measured[0].tolist() == [False, True]
    assert output.confidence[0].tolist() == [0.0, 1.0]
    torch.testing.assert_close(output.keypoint[0], found[0].points[0, 1])


# --- what the network may know ---


def run(net: HanNetwork, observation: Observation, move: tuple[float, float]) -> torch.Tensor:
    """The delta, with scene, cameras and hand moved along the table."""
    sights = []
    for name in SPEC.names:
        seen = views(observation, name)
        T = seen.T_base_camera.clone()
        T[:, :2, 3] += torch.tensor(move)
        corners = acting_corners(net.config, (120, 160))
        sights.append(sight_of(replace(seen, T_base_camera=T), corners))
    with torch.inference_mode():
        output, _ = net(sights, hand(*move, 0.0))
    return output.delta[0]


@pytest.mark.parametrize("target", ["constrained", "free", "direct"])
def test_relative_inputs_do_not_know_where_in_the_world_they_are(
    observation: Observation, target: str
):
    net = network(target=target)
    torch.testing.assert_close(
        run(net, observation, (0.0, 0.0)), run(net, observation, (0.7, -0.4)), atol=1e-5, rtol=0
    )
    absolute = network(target=target, inputs="absolute")
    apart = run(absolute, observation, (0.0, 0.0)) - run(absolute, observation, (0.7, -0.4))
    assert apart.abs().max() > 1e-5


@pytest.mark.parametrize("knows", [True, False])
def test_the_hands_height_is_known_where_it_is_asked_for(observation: Observation, knows: bool):
    net = network(height=knows)

    def delta(raised_m: float) -> torch.Tensor:
        sights = []
        for name in SPEC.names:
            seen = views(observation, name)
            T = seen.T_base_camera.clone()
            T[:, 2, 3] += raised_m
            corners = acting_corners(net.config, (120, 160))
            sights.append(sight_of(replace(seen, T_base_camera=T), corners))
        with torch.inference_mode():
            return net(sights, hand(0.0, 0.0, raised_m))[0].delta[0]

    assert ((delta(0.0) - delta(0.1)).abs().max() > 1e-5) == knows


def test_what_is_seen_is_dropped_out_in_training_alone():
    """The features of half of the samples are zero, of each sort by itself; 1 is never told."""
    net, ones = network(sight_dropout=0.5), torch.ones(1000, 5)
    assert torch.equal(net._dropped(ones), ones)
    net.train()
    dropped = net._dropped(ones)
    assert torch.equal(dropped, dropped[:, :1].expand(-1, 5))
    assert 0.4 < float(dropped.mean()) < 0.6
    assert not torch.equal(dropped, net._dropped(ones))
    never = network(sight_dropout=1.0)
    assert not never._dropped(ones).any()
    with pytest.raises(ValueError, match=r"got .* sight_dropout 1\.5; expected"):
        replace(CONFIG, sight_dropout=1.5)


def test_the_constrained_action_lies_between_hand_and_target(observation: Observation):
    net = network()
    for parameter in net.action.parameters():
        parameter.data *= 40  # far from what is trained
    sights = [
        sight_of(views(observation, name), acting_corners(net.config, (120, 160)))
        for name in SPEC.names
    ]
    with torch.inference_mode():
        output, _ = net(sights, hand())
    offset = output.target[0] - output.keypoint
    assert (offset.abs() <= net.config.offset_m + 1e-6).all()
    way = output.target[0] - hand().position
    gain = (output.delta[0] * way).sum(-1) / way.square().sum(-1)
    assert ((gain >= 0) & (gain <= 1)).all()
    torch.testing.assert_close(output.delta[0], gain[:, None] * way, atol=1e-5, rtol=0)


def test_every_variant_has_gradients_everywhere_that_are_finite(observation: Observation):
    for changes in (
        {"attention": "whole", "inputs": "absolute", "padding": "zeros", "context": False},
        {"target": "free", "rotation": True},
        {"target": "direct", "crops": "literal"},
        {"proprioception": False, "described": "all", "keypoint": "mean"},
    ):
        net = network(**changes).train()
        sights = []
        for name in SPEC.names:
            corners = torch.tensor([[[2, 3], [10, 20]]])
            if net.config.attention == "whole":
                corners = torch.zeros(1, 1, 2, dtype=torch.long)
            sights.append(sight_of(views(observation, name), corners))
        output, _ = net(sights, hand())
        turn = output.turn.sum() if net.config.rotation else 0.0
        (output.delta.square().sum() * 1e4 + output.width_logit.sum() + turn).backward()
        for name, parameter in net.named_parameters():
            assert parameter.grad is not None, (changes, name)
            assert parameter.grad.isfinite().all(), (changes, name)
            shifts_a_softmax = name in ("attention.to_logit.bias", "switch.2.bias")
            assert parameter.grad.abs().max() > 0 or shifts_a_softmax, (changes, name)


# --- the policy ---


def test_a_checkpoint_acts_as_what_was_saved_and_says_what_it_followed(
    tmp_path: Path, observation: Observation
):
    policy = load_policy(write_policy(tmp_path / "p", rotation=True))
    assert isinstance(policy, HanPolicy)
    chunk, again = policy.act(observation), policy.act(observation)
    np.testing.assert_array_equal(chunk.poses, again.poses)  # no random regions at run time
    assert len(chunk) == 2
    delta = pose_delta(observation.T_base_ee, chunk.poses)
    assert (np.linalg.norm(delta[:, :3], axis=1) <= 0.02 + 1e-9).all()
    assert (np.linalg.norm(delta[:, 3:], axis=1) <= 0.1 + 1e-6).all()
    info = chunk.info
    assert info["keypoints"].shape == (8, 3)
    assert (np.diff(info["confidence"]) <= 0).all()
    assert set(info["regions"][:, 0]) <= {0.0, 1.0}
    assert (info["regions"][:, 3] - info["regions"][:, 1] == 47).all()
    assert 0 <= info["entropy"][0] <= np.log(2 * 150)
    for (number, *box), corners in zip(info["regions"], info["region_corners"], strict=True):
        view = observation.views[SPEC.names[int(number)]]
        in_camera = transform_points(inverse(view.T_base_camera), corners)
        pixels = in_camera @ view.K.T
        pixels = pixels[:, :2] / pixels[:, 2:]
        np.testing.assert_allclose(pixels[[0, 2]].ravel(), box, atol=1e-6)
        assert np.ptp(in_camera[:, 2]) < 1e-9
    offset = np.abs(info["action_target"] - info["attended"])
    assert (offset <= CONFIG.offset_m + 1e-6).all()


def test_without_any_depth_it_holds(tmp_path: Path, observation: Observation):
    policy = load_policy(write_policy(tmp_path / "p"))
    width = policy.act(observation).widths_m[0]
    blind = replace(
        observation,
        views={
            n: replace(v, depth_m=np.zeros_like(v.depth_m)) for n, v in observation.views.items()
        },
    )
    held = policy.act(blind)
    np.testing.assert_array_equal(held.poses, np.repeat(observation.T_base_ee[None], 2, axis=0))
    assert (held.widths_m == width).all()


def test_bad_checkpoints_and_settings_are_told(tmp_path: Path):
    folder = write_policy(tmp_path / "p")
    text = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(text.replace("chunk: 2", "chunk: 3"))
    with pytest.raises(CheckpointError, match="the weights do not fit"):
        load_policy(folder)
    (folder / "config.yaml").write_text(text.replace("window_px: 48", "window_px: 50"))
    with pytest.raises((CheckpointError, ConfigError), match="multiples of 4"):
        load_policy(folder)
    with pytest.raises(ValueError, match="which has none to cut"):
        replace(CONFIG, attention="whole", crops="literal")
    with pytest.raises(ConfigError, match="got images of 82x60"):
        acting_corners(CONFIG, (60, 82))
