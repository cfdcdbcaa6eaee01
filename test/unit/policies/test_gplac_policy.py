"""The GPLAC network and policy: shapes, points and where they are, checkpoints, the first layer."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from visuomotor.checkpoint import load_tensors, save_checkpoint
from visuomotor.contracts import Observation
from visuomotor.errors import CheckpointError, ConfigError
from visuomotor.geometry import pose_delta
from visuomotor.observations import CameraSpec, ObservationSpec, observe
from visuomotor.policies import load_policy
from visuomotor.policies.gplac import GplacConfig, GplacPolicy, PushConfig
from visuomotor.policies.gplac.encoder import Convolutions, Encoder
from visuomotor.policies.gplac.first_layer import load_first_layer
from visuomotor.policies.gplac.network import GplacNetwork
from visuomotor.policies.heads import HeadConfig, Scales
from visuomotor.policies.runtime import PolicyRuntime
from visuomotor.sim import SimConfig, SimWorld

SIZE = (60, 80)
CONFIG = GplacConfig(
    channels=(8, 8, 6), head=HeadConfig(hidden=(16,), dropout=0.0), classifier=(16,)
)
SPEC = ObservationSpec((CameraSpec("front", *SIZE, depth=False),))


@pytest.fixture(scope="module")
def world():
    world = SimWorld(SimConfig(cameras=("front",), width=80, height=60))
    world.reset(3)
    yield world
    world.close()


@pytest.fixture(scope="module")
def observation(world: SimWorld) -> Observation:
    return observe(world.frame(), SPEC)


def write_policy(folder: Path, classifies: bool = False, **changes: object) -> Path:
    config = replace(CONFIG, **changes)  # type: ignore[arg-type]
    torch.manual_seed(0)
    network = GplacNetwork(config, SIZE, classifies)
    shape = network.shape
    scales = Scales(
        torch.zeros(shape),
        torch.full(shape, 0.3),
        torch.full((6,), 0.005),
        torch.tensor([0.0, 0.08]),
        torch.tensor([0.02, 0.1]),
    )
    save_checkpoint(
        folder, "gplac", config, network.state_dict(), scales.tensors(), SPEC, "Random.\n"
    )
    return folder


# --- the network ---


@pytest.mark.parametrize("norm", ["group", "batch", "cell"])
def test_the_papers_network_has_the_papers_shapes(norm: str) -> None:
    config = GplacConfig(norm=norm, evidence="features")  # type: ignore[arg-type]
    network = GplacNetwork(config, SIZE, classifies=True)
    convolutions = [m for m in network.encoder.modules() if isinstance(m, torch.nn.Conv2d)]
    assert [c.out_channels for c in convolutions] == [64, 64, 32, 32, 16]
    assert [c.stride[0] for c in convolutions] == [2, 1, 1, 1, 1]
    assert {c.kernel_size for c in convolutions} == {(3, 3)}
    images = torch.rand(3, 3, *SIZE) * 2 - 1
    assert network.encoder(images).shape == (3, 32)
    assert network.classify(images).shape == (3, 1)
    assert network.head.net[0].in_features == 32 + 3 + 3 + 1  # points; place, rotation, width
    hidden = [m.out_features for m in network.modules() if isinstance(m, torch.nn.Linear)]
    assert hidden == [400, 400, 7, 400, 400, 1]


@pytest.mark.parametrize("size", [(60, 80), (61, 83), (33, 33)])
def test_without_attention_the_whole_map_goes_on(size: tuple[int, int]) -> None:
    config = replace(CONFIG, network="plain")
    encoder = Encoder(config, size).eval()
    features = encoder(torch.rand(2, 3, *size))
    assert features.shape == (2, config.features(size))
    assert encoder.backbone.layers[0].stride == (4, 4)
    shared = replace(config, shared=(12,))
    assert Encoder(shared, size)(torch.rand(2, 3, *size)).shape == (2, 12)
    assert shared.features(size) == 12


@pytest.mark.parametrize("network", ["attentional", "plain"])
def test_a_cell_is_centred_on_the_pixel_that_the_grid_says(network: str) -> None:
    """The gradient of one cell's features, without norms over the map, is even about its pixel."""
    torch.manual_seed(0)
    config = replace(CONFIG, network=network, norm="cell", padding="zeros")
    backbone = Convolutions(config)
    for module in backbone.modules():  # all weights alike: every pixel of the field counts evenly
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.constant_(module.weight, 0.01)
    plain = torch.nn.Sequential(*(m for m in backbone.layers if isinstance(m, torch.nn.Conv2d)))
    images = torch.zeros(1, 3, 64, 64, requires_grad=True)
    plain(images)[0, 0, 7, 5].backward()
    weight = images.grad[0, 0]
    v, u = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    centre = [float((weight * x).sum() / weight.sum()) for x in (u, v)]
    stride, offset = backbone.grid.stride, backbone.grid.offset_px
    assert centre[0] == pytest.approx(stride * 5.5 - 0.5 + offset, abs=1e-3)
    assert centre[1] == pytest.approx(stride * 7.5 - 0.5 + offset, abs=1e-3)


def test_points_follow_what_they_look_at() -> None:
    """With a sharp softmax on brightness each point is where the white square is."""
    config = replace(CONFIG, channels=(4,), sharpness=1000.0)
    encoder = Encoder(config, SIZE).eval()
    torch.nn.init.constant_(encoder.backbone.first.weight, 0.1)
    images = torch.full((2, 3, *SIZE), -1.0)
    images[0, :, 20:23, 50:53] = 1.0
    images[1, :, 41:44, 11:14] = 1.0
    with torch.inference_mode():
        seen = encoder.seen(images)
    pixels = (seen.places + 1) / 2 * torch.tensor([80.0, 60.0]) - 0.5
    torch.testing.assert_close(pixels[0], torch.tensor([51.0, 21.0]).expand(4, 2), atol=1.1, rtol=0)
    torch.testing.assert_close(pixels[1], torch.tensor([12.0, 42.0]).expand(4, 2), atol=1.1, rtol=0)
    with torch.inference_mode():
        greatest = encoder.backbone(images).flatten(2).amax(-1)
    torch.testing.assert_close(seen.peaks, greatest, atol=1e-2, rtol=1e-2)


@pytest.mark.parametrize("change", [{"network": "plain"}, {"shared": (12,)}])
def test_without_points_the_features_are_the_evidence(change: dict[str, Any]) -> None:
    """And with them every point's peak is."""
    images = torch.rand(3, 3, *SIZE) * 2 - 1
    assert GplacNetwork(CONFIG, SIZE, classifies=True).classify(images).shape == (3, 6)
    other = GplacNetwork(replace(CONFIG, **change), SIZE, classifies=True)
    assert other.classify(images).shape == (3, 1)


def test_coordinates_are_dropped_out_in_training_alone() -> None:
    encoder = Encoder(replace(CONFIG, dropout=0.5), SIZE)
    images = torch.rand(64, 3, *SIZE)
    dropped = float((encoder.train()(images) == 0).float().mean())
    assert 0.35 < dropped < 0.65
    assert (encoder.eval()(images) != 0).all()


def test_the_robots_state_reaches_the_policys_head_alone(observation: Observation) -> None:
    """The classifier has the features and nothing else, as in the paper's figure 2."""
    network = GplacNetwork(replace(CONFIG, evidence="features"), SIZE, classifies=True)
    assert network.classifier is not None
    assert network.classifier.net[0].in_features == network.shape[0] == 12
    assert network.head.net[0].in_features == 12 + 7


# --- the policy ---


def test_a_checkpoint_acts_as_what_was_saved(
    tmp_path: Path, observation: Observation, world: SimWorld
) -> None:
    policy = load_policy(write_policy(tmp_path / "p", classifies=True))
    assert isinstance(policy, GplacPolicy)
    chunk = policy.act(observation)
    pixels = chunk.info["pixels"]
    assert pixels.shape == (6, 2)
    assert (pixels > -0.5).all()
    assert (pixels < [79.5, 59.5]).all()
    assert 0 < chunk.info["presence"][0] < 1
    delta = pose_delta(observation.T_base_ee, chunk.poses[0])
    assert np.linalg.norm(delta[:3]) <= 0.02 + 1e-9
    runtime = PolicyRuntime(policy)
    runtime.check(["front", "side"])
    runtime.reset()
    action = runtime.step(world.frame())  # without any depth
    np.testing.assert_array_equal(action.T_base_ee, chunk.poses[0])
    # what the network itself says of the same image
    torch.manual_seed(0)
    network = GplacNetwork(CONFIG, SIZE, classifies=True).eval()
    color = torch.from_numpy(observation.views["front"].color)[None]
    with torch.inference_mode():
        points = network.encoder.seen(color.permute(0, 3, 1, 2).float() / 127.5 - 1).places[0]
    expected = (points.double().numpy() + 1) / 2 * [80, 60] - 0.5
    np.testing.assert_allclose(pixels, expected, atol=1e-4)


def test_without_a_classifier_or_points_none_are_told(
    tmp_path: Path, observation: Observation
) -> None:
    assert set(load_policy(write_policy(tmp_path / "a")).act(observation).info) == {"pixels"}
    plain = load_policy(write_policy(tmp_path / "b", network="plain"))
    assert plain.act(observation).info == {}


def test_a_push_begins_where_the_first_image_says(tmp_path: Path, observation: Observation) -> None:
    push = PushConfig((1.0, 0.0), 0.1, 0.05, 0.06)
    folder = write_policy(tmp_path / "p", target="push_start", push=push)
    policy = load_policy(folder)
    first = policy.act(observation)
    begin = first.info["action_target"]
    assert begin.shape == (1, 3)
    assert begin[0, 2] == push.height_m
    reach = np.linalg.norm(first.poses[0][:3, 3] - observation.T_base_ee[:3, 3])
    assert reach <= push.lead_m + 1e-9
    other = replace(
        observation,
        views={n: replace(v, color=v.color[::-1].copy()) for n, v in observation.views.items()},
    )
    np.testing.assert_array_equal(policy.act(other).info["action_target"], begin)
    policy.reset()
    assert not np.array_equal(policy.act(other).info["action_target"], begin)
    config = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(config[: config.index("push:\n")] + "push: null\n")
    with pytest.raises(CheckpointError, match="got target push_start without `push`"):
        load_policy(folder)


def test_bad_checkpoints_and_settings_are_told(tmp_path: Path) -> None:
    folder = write_policy(tmp_path / "p")
    text = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(text.replace("network: attentional", "network: plain"))
    with pytest.raises(CheckpointError, match="the weights do not fit"):
        load_policy(folder)
    (folder / "config.yaml").write_text(text.replace("norm: group", "norm: grup"))
    with pytest.raises(ConfigError, match="did you mean 'group'"):
        load_policy(folder)
    with pytest.raises(ValueError, match=r"got dropout 1\.0"):
        GplacConfig(dropout=1.0)
    with pytest.raises(ValueError, match="got a head of kind 'lstm', expected mlp"):
        GplacConfig(head=HeadConfig("lstm"))
    with pytest.raises(ValueError, match="expected positive sizes"):
        GplacConfig(channels=())


# --- the first layer ---


@pytest.mark.parametrize("name", ["features.0", "conv1_1"])
def test_published_weights_see_what_they_expect(tmp_path: Path, name: str) -> None:
    """With ImageNet's mean and deviation folded in, the layer gives what the published one does."""
    torch.manual_seed(0)
    published = torch.nn.Conv2d(3, 64, 3, padding=1)
    tensors = {f"{name}.weight": published.weight.data, f"{name}.bias": published.bias.data}
    save_file({**tensors, "classifier.0.weight": torch.zeros(3)}, tmp_path / "vgg.safetensors")
    layer = Convolutions(GplacConfig()).first
    load_first_layer(layer, tmp_path / "vgg.safetensors")
    color = torch.rand(1, 3, 20, 20)
    mean, deviation = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[:, :, None, None]
    with torch.inference_mode():
        expected = published((color - mean) / deviation)[:, :, ::2, ::2]
        found = layer(2 * color - 1)
    torch.testing.assert_close(found[..., 1:, 1:], expected[..., 1:, 1:], atol=1e-4, rtol=1e-4)


def test_a_file_without_that_layer_is_refused(tmp_path: Path) -> None:
    layer = Convolutions(GplacConfig()).first
    save_file({"conv1.weight": torch.zeros(64, 3, 7, 7)}, tmp_path / "resnet.safetensors")
    with pytest.raises(CheckpointError, match="expected the first layer of VGG-16"):
        load_first_layer(layer, tmp_path / "resnet.safetensors")
    wrong = {"features.0.weight": torch.zeros(32, 3, 3, 3), "features.0.bias": torch.zeros(32)}
    save_file(wrong, tmp_path / "small.safetensors")
    with pytest.raises(CheckpointError, match=r"got a first layer of \(32, 3, 3, 3\)"):
        load_first_layer(layer, tmp_path / "small.safetensors")
    assert load_tensors(tmp_path / "small.safetensors")["features.0.bias"].shape == (32,)
