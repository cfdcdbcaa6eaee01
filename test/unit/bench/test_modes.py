"""What a stage 1 draws: its walks, their summary and their pictures."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from visuomotor.bench.modes.picture import components, subgoals, trajectories
from visuomotor.bench.modes.walks import Draw, Walk, summary, walk
from visuomotor.checkpoint import save_checkpoint
from visuomotor.cli import main
from visuomotor.contracts import MAX_GRIPPER_WIDTH_M
from visuomotor.errors import ConfigError
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.policies.bc import EncoderConfig
from visuomotor.policies.gti.config import GtiConfig
from visuomotor.policies.gti.network import GtiNetwork
from visuomotor.policies.heads import Scales
from visuomotor.ros.launch import share_folder
from visuomotor.sim import SimConfig

SPEC = ObservationSpec(tuple(CameraSpec(c, 24, 32, depth=False) for c in ("front", "wrist")))
MODES = 4


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained policy that moves little."""
    torch.manual_seed(0)
    small = EncoderConfig("plain", width=8, points=8)
    config = GtiConfig(small, modes=MODES, planner=(16,), drawn_px=4, units=16)
    folder, width = tmp_path_factory.mktemp("gti"), torch.tensor([0.0, MAX_GRIPPER_WIDTH_M])
    scales = Scales(
        torch.zeros(7), torch.full((7,), 0.2), torch.full((6,), 0.01), width, torch.full((2,), 0.02)
    )
    tensors = GtiNetwork(config, 2).state_dict()
    save_checkpoint(folder, "gti", config, tensors, scales.tensors(), SPEC, "Random.\n")
    return folder


def drawn(step: int, mode: int, seen: bool = False) -> Draw:
    rng = np.random.default_rng(step)
    images = (np.full((12, 16, 3), 90, np.uint8),) * 2 if seen else ()
    means = rng.normal(size=(MODES, 3))
    return Draw(
        step, mode, np.full(MODES, 1 / MODES), means, means[mode], np.ones((4, 8, 3)), images
    )


def made(seed: int, start: str, reached: str, modes: list[int], seen: bool = False) -> Walk:
    """A walk of ten steps under each of these modes."""
    hand = [np.array([0.3 + 0.01 * i, 0.1, 0.2]) for i in range(10 * len(modes))]
    draws = [drawn(10 * i, mode, seen) for i, mode in enumerate(modes)]
    return Walk(seed, start, reached, hand, [m for m in modes for _ in range(10)], draws)


def test_a_walk_notes_every_latent_once_and_the_mode_of_every_step(checkpoint: Path) -> None:
    sim = SimConfig(task="cross", cameras=("front", "wrist"), width=48, height=36, start="a")
    (one,) = walk(checkpoint, sim, range(1), keep_images=1)
    assert (one.seed, one.start) == (0, "a")
    assert len(one.hand_m) == len(one.modes) > 20
    assert [d.step for d in one.draws] == list(range(0, len(one.modes), 10))
    assert [one.modes[d.step] for d in one.draws] == [d.mode for d in one.draws]
    assert all(d.means.shape == (MODES, 16) for d in one.draws)
    assert all(d.weights.sum() == pytest.approx(1) for d in one.draws)
    assert [len(d.seen) for d in one.draws] == [2] * len(one.draws)


def test_a_policy_without_modes_is_named() -> None:
    dense = share_folder() / "models" / "checkpoints" / "lift_dense"
    with pytest.raises(ConfigError, match=r"lift_dense: says nothing on the modes.*family gti"):
        walk(dense, SimConfig(task="lift", cameras=("front", "side")), range(1))


def test_the_summary_counts_goals_and_draws() -> None:
    found = summary(
        [made(0, "a", "c", [1, 1, 2, 2]), made(1, "a", "", [1, 2]), made(2, "b", "c", [])]
    )
    assert found["goals"] == {"a>": {"": 1, "c": 1}, "b>": {"c": 1}}
    assert found["modes"] == {"1": 3, "2": 3}
    assert (found["draws"], found["modes_used"]) == (6, 2.0)


def test_pictures_show_starts_modes_and_subgoals() -> None:
    walks = [made(0, "a", "c", [0, 1, 1, 3], seen=True), made(1, "b", "", [2, 2])]
    paths, parts = trajectories(walks), components(walks)
    for svg in (paths, parts):
        ET.fromstring(svg)
        assert all(f"mode {m}" in svg for m in range(4))
    assert "from a: 1 of 1 in a goal" in paths
    assert "from b: 0 of 1 in a goal" in paths
    assert paths.count("<polyline") == 4, "one per stretch of a mode"
    assert parts.count("<circle") == MODES * 6
    image = subgoals(walks[0])
    assert image.shape == (2 * 102, 4 * 198, 3)
    assert (image[:, 3:195][106:201] == 255).all(), "the decoded subgoal of the first moment"


def test_the_command_writes_figures_and_pictures(checkpoint: Path, tmp_path: Path, capsys) -> None:
    words = ["--task", "cross", "--episodes", "1", "--out", str(tmp_path)]
    assert main(["modes", str(checkpoint), *words]) == 0
    assert f"see {tmp_path}" in capsys.readouterr().out
    figures = json.loads((tmp_path / "cross.json").read_text())["figures"]
    assert figures["rollouts"] == 1
    for kind in ("paths", "components"):
        ET.parse(tmp_path / f"cross_{kind}.svg")
    assert cv2.imread(str(tmp_path / "cross_subgoals.png")) is not None
    assert main(["modes", str(checkpoint), "--episodes", "0"]) == 2
