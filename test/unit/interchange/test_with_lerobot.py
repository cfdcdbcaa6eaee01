"""LeRobot opens our export and trains on it; what it trained runs here (`make test-lerobot`)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from visuomotor.bench.dataset import synthetic_frames
from visuomotor.bench.study.lerobot_methods import ACT, DIFFUSION, publish
from visuomotor.bench.study.lerobot_training import (
    LeRobotTraining,
    train_lerobot,
    trained_steps,
)
from visuomotor.contracts import STEP_NS, SyncedFrame
from visuomotor.dataset import open_dataset
from visuomotor.errors import CheckpointError, DataError, Interrupted
from visuomotor.geometry import pose
from visuomotor.interchange.episodes import write_episodes
from visuomotor.interchange.lerobot_export import export_lerobot
from visuomotor.interchange.lerobot_import import read_lerobot
from visuomotor.observations import CameraSpec, ObservationSpec, observe
from visuomotor.policies import load_policy
from visuomotor.policies.lerobot.policy import inputs
from visuomotor.policies.runtime import PolicyRuntime
from visuomotor.recording import (
    EpisodeWriter,
    Sidecar,
    WriterConfig,
    find_episodes,
    load_sidecar,
    read_frames,
)
from visuomotor.training import Progress

pytest.importorskip("lerobot")
pytestmark = pytest.mark.lerobot
SPEC = ObservationSpec((CameraSpec("front", 64, 64, crop=(0.1, 0.0, 0.9, 1.0)),))
TINY = {"dim_model": 32, "dim_feedforward": 32, "n_heads": 2, "n_encoder_layers": 1}
TINY_ACT = {**ACT, **TINY, "n_vae_encoder_layers": 1, "chunk_size": 6, "n_action_steps": 3}
TINY_DIFFUSION = {**DIFFUSION, "crop_shape": [56, 56], "down_dims": [16, 32]}
DOWN = np.diag([1.0, -1.0, -1.0])


@pytest.fixture(scope="module")
def bags(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two episodes, the second without an action in its sixth step."""
    root = tmp_path_factory.mktemp("bags")
    for n, count in enumerate((12, 14)):
        frames = list(synthetic_frames(count, {"front": (72, 80)}))
        start_ns = frames[0].stamp_ns + n * 10**9
        sidecar = Sidecar("lift", operator="ada", seed=n)
        config = WriterConfig(color="png")
        with EpisodeWriter(root, sidecar, start_ns, config) as writer:
            for i, frame in enumerate(frames):
                writer.add_frame(moved(frame, i))
                if (n, i) != (1, 5):
                    target = pose(DOWN, [0.42 + 0.01 * i, 0, 0.2])
                    writer.add_action(frame.stamp_ns + STEP_NS // 2, target, 0.02)
            writer.close("success" if n else "failure")
    return root


def moved(frame: SyncedFrame, i: int) -> SyncedFrame:
    T = pose(DOWN, [0.4 + 0.01 * i, 0, 0.2])
    return replace(frame, robot=replace(frame.robot, T_base_ee=T, gripper_width_m=0.05))


@pytest.fixture(scope="module")
def exported(bags: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("lerobot") / "lift"
    done = export_lerobot(bags, out, SPEC, outcomes=("success", "failure"))
    assert (done.episodes, done.steps, done.left_out) == (3, 25, 1)
    return out


def opened(root: Path) -> Any:
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    return LeRobotDataset(f"x/{root.name}", root=root)


@pytest.fixture(scope="module")
def act(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ACT of a few steps, interrupted once."""
    folder = tmp_path_factory.mktemp("act")
    run, out = folder / "run", folder / "policy"
    long = LeRobotTraining("act", 400, 2, policy=TINY_ACT, log_every=1, save_every=2)
    told: list[int] = []

    def report(progress: Progress) -> None:
        told.append(progress.step)

    with pytest.raises(Interrupted, match=r"stopped after step \d+ of 400"):
        train_lerobot(long, exported, run, out, report, lambda: trained_steps(run) > 0)
    reached, seen = trained_steps(run), len(told)
    trained = train_lerobot(replace(long, steps=reached + 2), exported, run, out, report)
    assert told[:seen] == list(range(1, seen + 1))
    assert told[seen:] == [reached + 1, reached + 2]
    publish(trained, exported, folder / "policy")
    return folder / "policy"


@pytest.fixture(scope="module")
def diffusion(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("diffusion")
    training = LeRobotTraining("diffusion", 1, 2, policy=TINY_DIFFUSION, log_every=1, save_every=1)
    trained = train_lerobot(training, exported, folder / "run", folder / "policy")
    publish(trained, exported, folder / "policy")
    return folder / "policy"


def test_lerobot_gets_what_the_runtime_gives(bags: Path, exported: Path) -> None:
    """Bit by bit, cropped and resized by the same code: states, images, depth as grey."""
    dataset, row = opened(exported), 0
    assert (dataset.fps, dataset.num_episodes, dataset.meta.robot_type) == (20, 3, "franka_fr3")
    for path in find_episodes(bags):
        for i, frame in enumerate(read_frames(path)):
            if load_sidecar(path).outcome == "success" and i == 5:
                continue
            expected, item = inputs(observe(frame, SPEC), SPEC), dataset[row]
            assert item["task"] == "lift"
            for name, value in expected.items():
                torch.testing.assert_close(item[name], value, rtol=0, atol=0)
            row += 1
    assert row == len(dataset)


def test_outcomes_are_in_its_metadata(bags: Path, exported: Path) -> None:
    notes = json.loads((exported / "meta" / "visuomotor.json").read_text())["episodes"]
    names = [p.name for p in find_episodes(bags)]
    assert [n["source"] for n in notes] == [names[0], names[1], names[1]]
    assert [(n["outcome"], n["first_step"], n["steps"]) for n in notes] == [
        ("failure", 0, 12),
        ("success", 0, 5),
        ("success", 6, 8),
    ]
    dataset = opened(exported)
    solved = [bool(dataset[i]["next.success"]) for i in range(len(dataset))]
    assert np.flatnonzero(solved).tolist() == [24]


def test_its_statistics_divide_by_no_noise(exported: Path) -> None:
    stats = opened(exported).meta.stats
    for feature in ("observation.state", "action"):
        assert stats[feature]["std"].min() >= 0.005
        assert (stats[feature]["max"] - stats[feature]["min"]).min() >= 0.01 - 1e-9


def test_a_folder_that_exists_is_left_alone(bags: Path, exported: Path) -> None:
    with pytest.raises(DataError, match="there already"):
        export_lerobot(bags, exported, SPEC)


def test_videos_open_too(bags: Path, tmp_path: Path) -> None:
    spec = ObservationSpec((CameraSpec("front", 64, 64, depth=False),))
    export_lerobot(bags, tmp_path / "video", spec, outcomes=("success",), video=True)
    library = pytest.importorskip("lerobot.datasets.lerobot_dataset")
    dataset = library.LeRobotDataset("x/video", root=tmp_path / "video", video_backend="pyav")
    frames = list(read_frames(find_episodes(bags, outcomes=("success",))[0]))
    shown = dataset[0]["observation.images.front"].numpy().transpose(1, 2, 0)
    expected = observe(frames[0], spec).views["front"].color / 255
    assert np.abs(shown - expected).mean() < 0.1


def test_it_comes_back_as_bags(bags: Path, exported: Path, tmp_path: Path) -> None:
    list(write_episodes(read_lerobot(exported, {}), tmp_path, "lift", "lerobot"))
    spec = ObservationSpec((CameraSpec("front", 64, 64, depth=False),))
    back = open_dataset(tmp_path, spec, outcomes=("success", "failure"))
    whole = open_dataset(bags, SPEC, outcomes=("success", "failure"))
    parts = [(0, 0, 12), (1, 0, 5), (1, 6, 14)]
    for episode, (source, start, stop) in zip(back.episodes, parts, strict=True):
        other = whole.episodes[source]
        np.testing.assert_array_equal(episode.color["front"], other.color["front"][start:stop])
        for field in ("T_base_ee", "action_pose", "gripper_width_m", "action_width_m"):
            np.testing.assert_allclose(
                getattr(episode, field), getattr(other, field)[start:stop], atol=1e-6
            )
    assert [load_sidecar(p).outcome for p in find_episodes(tmp_path)] == [
        *("failure", "success", "success")
    ]


def played(folder: Path, bags: Path, seed: int) -> list[np.ndarray]:
    runtime = PolicyRuntime(load_policy(folder))
    runtime.reset(seed)
    frames = list(read_frames(find_episodes(bags)[0]))
    return [runtime.step(frame).T_base_ee for frame in frames]


@pytest.mark.parametrize("kind", ["act", "diffusion"])
def test_what_it_trained_runs_here(kind: str, bags: Path, request: Any) -> None:
    folder = request.getfixturevalue(kind)
    first, again = played(folder, bags, 1), played(folder, bags, 1)
    np.testing.assert_array_equal(first, again)
    other = played(folder, bags, 2)
    assert np.array_equal(first, other) == (kind == "act")  # which draws nothing when it acts


def test_act_answers_what_lerobot_answers(act: Path, bags: Path) -> None:
    """The same actions as LeRobot's own reader, processors and queue give, step by step."""
    from lerobot.policies.act.modeling_act import ACTPolicy
    from lerobot.policies.factory import make_pre_post_processors

    from visuomotor.policies.lerobot.features import poses

    theirs = ACTPolicy.from_pretrained(act)
    before, after = make_pre_post_processors(theirs.config, str(act))
    ours = load_policy(act)
    for frame in read_frames(find_episodes(bags)[0]):
        observation = observe(frame, ours.spec)
        expected = after(theirs.select_action(before(inputs(observation, ours.spec))))
        chunk = ours.act(observation)
        T, widths_m = poses(expected.numpy())
        np.testing.assert_allclose(chunk.poses[0], T[0], atol=1e-5)
        assert chunk.widths_m[0] == pytest.approx(widths_m[0], abs=1e-6)


def test_it_is_asked_every_few_steps(act: Path, bags: Path) -> None:
    policy = load_policy(act)
    frames = [observe(f, policy.spec) for f in read_frames(find_episodes(bags)[0])]
    lengths = [len(policy.act(o)) for o in frames[:7]]
    assert lengths == [6, 5, 4, 6, 5, 4, 6]
    lengths = [len(policy.act(o)) for o in (frames[8], frames[11])]  # sets were lost
    assert lengths == [4, 6]
    policy.reset()
    assert len(policy.act(frames[0])) == 6


def test_weights_of_another_shape_are_refused(act: Path, tmp_path: Path) -> None:
    for file in act.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "dim_model": 64}))
    with pytest.raises(CheckpointError, match="the weights do not fit"):
        load_policy(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({**config, "surprise": 1}))
    with pytest.raises(CheckpointError, match="not a configuration of LeRobot's act"):
        load_policy(tmp_path)


def test_a_training_that_fails_shows_its_log(exported: Path, tmp_path: Path) -> None:
    training = LeRobotTraining("act", 2, 2, policy={"dim_model": "many"}, log_every=1, save_every=1)
    with pytest.raises(DataError, match=r"(?s)training of act failed:.*dim_model"):
        train_lerobot(training, exported, tmp_path / "run", tmp_path / "policy")
