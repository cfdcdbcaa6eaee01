"""Feature points in surroundings that were never seen: counted by where they lie, and drawn."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import torch

from visuomotor.bench.feature_points import NEAR_M, _near, find_points, picture, summary
from visuomotor.checkpoint import save_checkpoint
from visuomotor.cli import main
from visuomotor.errors import ConfigError
from visuomotor.observations import CameraSpec, ObservationSpec, observe
from visuomotor.policies.gplac import GplacConfig
from visuomotor.policies.gplac.network import GplacNetwork
from visuomotor.policies.heads import HeadConfig, Scales
from visuomotor.sim import SimConfig, SimWorld

SIZE = (60, 80)
SPEC = ObservationSpec((CameraSpec("front", *SIZE, depth=False),))
SIM = SimConfig(task="pusher", variant="test_environments", cameras=("front",))


def policy(folder, **changes):
    config = GplacConfig(
        channels=(8, 6), head=HeadConfig(hidden=(16,), dropout=0.0), classifier=(16,), **changes
    )
    torch.manual_seed(0)
    network = GplacNetwork(config, SIZE, classifies=False)
    n = network.shape
    scales = Scales(
        torch.zeros(n), torch.ones(n), torch.ones(6), torch.tensor([0, 0.08]), torch.ones(2)
    )
    tensors = network.state_dict()
    save_checkpoint(folder, "gplac", config, tensors, scales.tensors(), SPEC, "Random.\n")
    return folder


@pytest.mark.parametrize("seed", [0, 7])
def test_a_point_is_near_within_its_bound_at_the_objects_depth(seed) -> None:
    world = SimWorld(SIM)
    world.reset(seed)
    frame = world.frame()
    world.close()
    view = observe(frame, SPEC).views["front"]
    middle = frame.objects["mug"][:3, 3]

    def pixel(point):
        in_camera = (point - view.T_base_camera[:3, 3]) @ view.T_base_camera[:3, :3]
        return (view.K @ in_camera / in_camera[2])[:2]

    sideways = view.T_base_camera[:3, 0]  # keeps the depth
    points = [middle + s * NEAR_M * sideways for s in (0.0, 0.9, -0.9, 1.1, -1.1)]
    near = _near(view, np.array([pixel(p) for p in points]), middle)
    assert near.tolist() == [True, True, True, False, False]


def test_the_command_writes_a_row_per_policy(tmp_path, capsys) -> None:
    names = [str(policy(tmp_path / n)) for n in ("a", "b")]
    out = tmp_path / "out"
    command = ["feature-points", *names, "--images", "7", "--out", str(out)]
    assert main(command) == 0
    assert capsys.readouterr().out.count("of its points on the object") == 2
    image = cv2.imread(str(out / "pusher.png"))
    assert image.shape == (2 * 3 * SIZE[0], 6 * 3 * SIZE[1], 3)
    np.testing.assert_array_equal(*np.split(image, 2))  # the same weights, the same starts
    figures = json.loads((out / "pusher.json").read_text())["figures"]
    assert figures[names[0]] == figures[names[1]]
    assert figures[names[0]]["images"] == 7


def test_shares_are_those_of_the_images(tmp_path) -> None:
    (found,) = find_points([policy(tmp_path / "p")], SIM, range(3))
    assert [p.pixels.shape for p in found] == [(6, 2)] * 3
    share = np.mean([p.near for p in found])
    assert summary(found)["share_on_object"] == pytest.approx(share, abs=1e-4)
    assert picture([found], columns=2).shape == (3 * SIZE[0], 2 * 3 * SIZE[1], 3)


def test_a_policy_without_points_is_told(tmp_path) -> None:
    folder = policy(tmp_path / "p", network="plain")
    with pytest.raises(ConfigError, match="has no points in an image"):
        find_points([folder], SIM, range(1))
