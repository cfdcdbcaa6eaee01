"""What a hand-eye policy looks at: the measure, its summary and its pictures."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from visuomotor.bench.attention.measure import Look, look_on, summary
from visuomotor.bench.attention.picture import snapshots, switch_plot
from visuomotor.checkpoint import save_checkpoint
from visuomotor.cli import main
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.policies.han import HanConfig
from visuomotor.policies.han.network import HanNetwork
from visuomotor.policies.han.scales import Scales
from visuomotor.ros.launch import share_folder
from visuomotor.sim import SimConfig
from visuomotor.sim.surface import surface_distance
from visuomotor.sim.world import SimWorld


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained policy."""
    folder = tmp_path_factory.mktemp("han")
    config = HanConfig(channels=(4, 4), hidden=(8,), window_px=24)
    torch.manual_seed(0)
    network = HanNetwork(config, 1)
    scales = Scales(torch.tensor([0.0, 0.08]), torch.tensor([[0.02, 0.1]]))
    spec = ObservationSpec((CameraSpec("front"),))
    tensors = network.state_dict()
    save_checkpoint(folder, "han", config, tensors, scales.tensors(), spec, "Random.\n")
    return folder


def look(success: bool, stages: str, cube: list[float], plate: list[float]) -> Look:
    names = {"c": "cube", "p": "plate"}
    distances = {"cube": cube, "plate": plate}
    return Look(7, success, [names[s] for s in stages], distances, [0.5] * len(stages))


def test_only_steps_of_successful_rollouts_count_and_each_for_its_stage() -> None:
    solved = look(True, "ccpp", [0.0, 0.02, 0.3, 0.3], [0.3, 0.3, 0.05, 0.029])
    failed = look(False, "cc", [0.5, 0.5], [0.0, 0.0])
    found = summary([solved, failed])
    assert (found["rollouts"], found["successes"], found["steps"]) == (2, 1, 4)
    assert found["share_near"] == 0.75
    assert found["stages"]["cube"] == {"steps": 2, "share_near": 1.0}
    assert found["stages"]["plate"] == {"steps": 2, "share_near": 0.5}
    assert summary([failed])["share_near"] is None


def test_the_plot_has_a_band_per_stage_and_a_line_per_object() -> None:
    svg = switch_plot(look(True, "ccpp", [0.0, 0.02, 0.3, 9.0], [0.3, 0.3, 0.05, 0.02]))
    root = ET.fromstring(svg)
    tags = [e.tag.rsplit("}", 1)[-1] for e in root.iter()]
    assert tags.count("polyline") == 2
    bands = [e for e in root.iter() if e.get("opacity") == "0.12"]
    assert len(bands) == 2
    texts = [e.text for e in root.iter() if e.tag.endswith("text")]
    assert {"cube", "plate"} <= set(texts)


def test_every_step_of_a_rollout_is_measured(checkpoint: Path, tmp_path: Path) -> None:
    sim = SimConfig(task="lift", cameras=("front",))
    (found,) = look_on(checkpoint, sim, [850_000], keep_frames=1)
    assert not found.success
    assert len(found.stages) == len(found.entropy) == len(found.frames) == 120
    world = SimWorld(sim)
    for i in (0, 60):
        frame, info = found.frames[i]
        distance = surface_distance(world.model, "cube", frame.objects["cube"], info["attended"][0])
        assert found.distances["cube"][i] == distance == found.of_the_stage()[i]
    world.close()
    image = snapshots(found, ("front",))
    assert image.shape == (242, 2 * 322, 3)
    assert (image == (230, 40, 40)).all(-1).sum() > 20  # the region's box


def test_the_command_writes_figures_and_pictures(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["attention", str(checkpoint), "--task", "lift", "--episodes", "1"]
    assert main([*words, "--out", str(tmp_path)]) == 0
    assert "lift, interpolation: 0 of 1 succeed; see" in capsys.readouterr().out
    figures = json.loads((tmp_path / "lift.json").read_text())["figures"]
    assert figures["rollouts"] == 1
    image = cv2.imread(str(tmp_path / "lift.png"))
    assert image is not None
    assert np.ptp(image) > 100
    ET.parse(tmp_path / "lift.svg")


def test_a_policy_that_attends_to_nothing_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    released = share_folder() / "models" / "checkpoints" / "lift_dense"
    assert main(["attention", str(released), "--task", "lift", "--episodes", "1"]) == 2
    assert "expected a policy of family han" in capsys.readouterr().err
