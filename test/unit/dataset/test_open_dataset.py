"""Bags -> arrays -> windows: equal to `observe`, cached by content, masked where nothing was."""

import dataclasses
import multiprocessing
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from visuomotor.bench.dataset import synthetic_frames, write_synthetic
from visuomotor.contracts import STEP_NS, SyncedFrame
from visuomotor.dataset import cache, open_dataset
from visuomotor.dataset.cache import depth_mm_from_m
from visuomotor.errors import DataError
from visuomotor.observations import CameraSpec, ObservationSpec, depth_m_from_mm, observe
from visuomotor.recording import (
    EpisodeWriter,
    Sidecar,
    WriterConfig,
    find_episodes,
    label,
    read_frames,
    trim,
)
from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.demos import write_demos

SIZES = {"front": (48, 64), "wrist": (60, 80)}
SPEC = ObservationSpec(
    (CameraSpec("front", 48, 64), CameraSpec("wrist", 24, 32, crop=(0.1, 0.1, 0.8, 0.8)))
)


def record(root: Path, frames: list[SyncedFrame], actions: bool = True) -> Path:
    with EpisodeWriter(
        root, Sidecar("lift"), frames[0].stamp_ns, WriterConfig(color="png")
    ) as writer:
        for f in frames:
            writer.add_frame(f)
            if actions:
                writer.add_action(f.stamp_ns + STEP_NS // 2, f.robot.T_base_ee, 0.03)
        return writer.close("success")


def test_a_lossless_bag_gives_what_observe_gives(tmp_path: Path) -> None:
    frames = list(synthetic_frames(12, SIZES))
    episode = record(tmp_path, frames)
    dataset = open_dataset(tmp_path, SPEC)
    (arrays,) = dataset.episodes
    assert len(arrays) == dataset.steps == 12
    assert arrays.valid.all()
    assert arrays.action_valid.all()
    windows = dataset.windows(1)
    for i, frame in enumerate(read_frames(episode)):
        seen, batch = observe(frame, SPEC), windows.batch(i)
        for name, view in seen.views.items():
            np.testing.assert_array_equal(batch[f"{name}/color"][0, 0], view.color)
            np.testing.assert_array_equal(batch[f"{name}/depth_m"][0, 0], view.depth_m)
            np.testing.assert_array_equal(batch[f"{name}/K"][0], view.K)
            np.testing.assert_array_equal(batch[f"{name}/T_base_camera"][0, 0], view.T_base_camera)
        np.testing.assert_array_equal(batch["T_base_ee"][0, 0], seen.T_base_ee)
        np.testing.assert_array_equal(batch["q"][0, 0], seen.q)
        assert batch["gripper_width_m"][0, 0] == seen.gripper_width_m
    np.testing.assert_array_equal(arrays.action_pose, arrays.T_base_ee)
    np.testing.assert_array_equal(arrays.action_width_m, 0.03)


def test_depth_survives_the_way_through_metres() -> None:
    every = np.arange(65536, dtype=np.uint16)
    np.testing.assert_array_equal(depth_mm_from_m(depth_m_from_mm(every)), every)


def test_gaps_are_masks_that_repeat_the_set_before(tmp_path: Path) -> None:
    frames = list(synthetic_frames(20, SIZES))
    record(tmp_path, frames[:8] + frames[11:])
    (arrays,) = open_dataset(tmp_path, SPEC).episodes
    assert np.flatnonzero(~arrays.valid).tolist() == [8, 9, 10]
    assert not arrays.action_valid[8:11].any()
    assert (np.diff(arrays.stamps_ns) == STEP_NS).all()
    for missing in (8, 9, 10):
        for values in (arrays.color["front"], arrays.depth_mm["wrist"], arrays.T_base_ee):
            np.testing.assert_array_equal(values[missing], values[7])
    batch = open_dataset(tmp_path, SPEC).windows(5).batch([6])
    assert batch["mask"].tolist() == [[True, True, False, False, False]]


def test_trims_and_outcomes_are_applied(tmp_path: Path) -> None:
    first = record(tmp_path, list(synthetic_frames(20, SIZES)))
    second = record(tmp_path, list(synthetic_frames(20, SIZES, seed=1, start_ns=10**18)))
    trim(first, 0.2, 0.5)
    assert sorted(len(e) for e in open_dataset(tmp_path, SPEC).episodes) == [7, 20]
    label(second, "failure")
    assert [e.name for e in open_dataset(tmp_path, SPEC).episodes] == [first.name]
    everything = open_dataset(tmp_path, SPEC, outcomes=("success", "failure"))
    assert len(everything) == 2
    one = open_dataset(tmp_path, SPEC, outcomes=("success", "failure"), episodes=1)
    assert [e.name for e in one.episodes] == [min(first.name, second.name)]
    with pytest.raises(DataError, match="got 1 episodes, expected at least the 2 asked for"):
        open_dataset(tmp_path, SPEC, episodes=2)
    with pytest.raises(DataError, match="no episode of task 'stack'"):
        open_dataset(tmp_path, SPEC, task="stack")
    train, held = everything.split(0.5)
    assert {e.name for e in (*train.episodes, *held.episodes)} == {first.name, second.name}


def test_the_cache_is_keyed_by_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    episode = record(tmp_path, list(synthetic_frames(6, SIZES)))
    decoded = []
    real = cache._decode

    def counting(path: Path, spec: ObservationSpec, folder: Path) -> None:
        decoded.append(path)
        real(path, spec, folder)

    monkeypatch.setattr(cache, "_decode", counting)
    open_dataset(tmp_path, SPEC)
    open_dataset(tmp_path, SPEC)
    assert len(decoded) == 1, "the second time nothing is decoded"
    label(episode, add_tags=["x"])
    open_dataset(tmp_path, SPEC)
    assert len(decoded) == 1, "a label changes no array"
    trim(episode, 0.0, 0.1)
    assert len(open_dataset(tmp_path, SPEC).episodes[0]) == 3
    trim(episode, None, None)
    assert len(open_dataset(tmp_path, SPEC).episodes[0]) == 6
    assert len(decoded) == 2, "the untrimmed arrays were still there"
    open_dataset(tmp_path, ObservationSpec((CameraSpec("front", 24, 32),)))
    assert len(decoded) == 3
    bag = episode / f"{episode.name}.mcap"
    stat = bag.stat()
    other = record(tmp_path / "a" / "b", list(synthetic_frames(6, SIZES, seed=9)))
    shutil.copy(other / f"{other.name}.mcap", bag)
    os.utime(bag, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    open_dataset(tmp_path, SPEC, task="lift")
    assert len(decoded) == 4, "another bag of the same age at the same place is another episode"


def _open(root: Path) -> None:
    assert len(open_dataset(root, SPEC).episodes[0]) == 30


def test_two_processes_may_decode_at_once(tmp_path: Path) -> None:
    record(tmp_path, list(synthetic_frames(30, SIZES)))
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=_open, args=(tmp_path,)) for _ in range(2)]
    for p in processes:
        p.start()
    for p in processes:
        p.join(60)
    assert [p.exitcode for p in processes] == [0, 0]
    made = list((tmp_path / ".cache").iterdir())
    assert len([p for p in made if p.is_dir()]) == 1
    assert not [p for p in made if p.name.startswith(".")], "nothing half-made stays"


def test_a_missing_camera_names_the_episode(tmp_path: Path) -> None:
    record(tmp_path, list(synthetic_frames(6, SIZES)))
    poor = record(tmp_path, list(synthetic_frames(6, {"front": (48, 64)})))
    with pytest.raises(DataError, match=rf"{poor.name}: unknown camera 'wrist'"):
        open_dataset(tmp_path, SPEC)
    assert len(open_dataset(tmp_path, ObservationSpec((CameraSpec("front"),)))) == 2


def test_missing_and_empty_depth_name_the_episode(tmp_path: Path) -> None:
    frames = list(synthetic_frames(6, SIZES))
    for f in frames:
        front = f.cameras["front"]
        f.cameras["front"] = dataclasses.replace(front, depth_mm=None)  # type: ignore[index]
        wrist = f.cameras["wrist"]
        assert wrist.depth_mm is not None
        wrist.depth_mm[:] = 0
    episode = record(tmp_path, frames)
    with pytest.raises(DataError, match=rf"{episode.name}: camera front: no depth in this set"):
        open_dataset(tmp_path, SPEC)
    only_wrist = ObservationSpec((CameraSpec("wrist"),))
    with pytest.raises(DataError, match=rf"{episode.name}: camera wrist measured no depth at all"):
        open_dataset(tmp_path, only_wrist)
    color = ObservationSpec((CameraSpec("front", depth=False), CameraSpec("wrist", depth=False)))
    batch = open_dataset(tmp_path, color).windows(2).batch([0, 1])
    assert not any(k.endswith("depth_m") for k in batch)


@pytest.mark.parametrize("what", ["pose", "joints", "action"])
def test_values_that_are_not_finite_name_the_episode(tmp_path: Path, what: str) -> None:
    frames = list(synthetic_frames(6, SIZES))
    if what == "pose":
        frames[3].robot.T_base_ee[0, 3] = np.nan
    if what == "joints":
        frames[3].robot.q[2] = np.inf
    with EpisodeWriter(tmp_path, Sidecar("lift"), 0) as writer:
        for i, f in enumerate(frames):
            writer.add_frame(f)
            T = f.robot.T_base_ee.copy()
            T[0, 3] = np.nan if what == "action" and i == 2 else 0.4
            writer.add_action(f.stamp_ns + 1, T, 0.03)
        episode = writer.close()
    with pytest.raises(DataError, match=rf"{episode.name}: .*not finite"):
        open_dataset(tmp_path, SPEC)
    assert [p for p in (tmp_path / ".cache").iterdir()] == [], "a failed decode leaves nothing"


def test_windows_pad_mask_and_leave_out(tmp_path: Path) -> None:
    record(tmp_path, list(synthetic_frames(10, SIZES)))
    record(tmp_path, list(synthetic_frames(3, SIZES, seed=1)))
    dataset = open_dataset(tmp_path, SPEC)
    lengths = [len(e) for e in dataset.episodes]
    assert len(dataset.windows(4)) == 7, "the short episode has no whole window"
    padded = dataset.windows(4, pad_before=3, pad_after=3)
    assert len(padded) == 13 + 6
    batch = padded.batch(np.arange(len(padded)))
    for row, (episode, first) in enumerate(padded.index):
        steps = np.arange(first, first + 4)
        inside = (steps >= 0) & (steps < lengths[episode])
        np.testing.assert_array_equal(batch["mask"][row], inside)
        stamps = dataset.episodes[episode].stamps_ns
        np.testing.assert_array_equal(
            batch["stamps_ns"][row], stamps[np.clip(steps, 0, lengths[episode] - 1)]
        )
        color = dataset.episodes[episode].color["wrist"]
        np.testing.assert_array_equal(
            batch["wrist/color"][row], color[np.clip(steps, 0, lengths[episode] - 1)]
        )
    assert len(dataset.windows(1, stride=5)) == 2 + 1
    with pytest.raises(DataError, match="unknown camera 'frnt'; did you mean 'front'"):
        dataset.windows(1, cameras=["frnt"])
    with pytest.raises(DataError, match="pads in"):
        dataset.windows(2, pad_before=2)


def test_an_episode_without_actions_has_no_windows(tmp_path: Path) -> None:
    record(tmp_path, list(synthetic_frames(6, SIZES)), actions=False)
    dataset = open_dataset(tmp_path, SPEC)
    assert not dataset.episodes[0].action_valid.any()
    assert np.isfinite(dataset.episodes[0].action_pose).all()
    assert len(dataset.windows(2)) == 0


def test_a_moving_camera_has_a_pose_per_step(tmp_path: Path) -> None:
    frames = list(synthetic_frames(5, SIZES))
    for i, f in enumerate(frames):
        f.cameras["wrist"].T_base_camera[0, 3] = 0.1 * i
    record(tmp_path, frames)
    dataset = open_dataset(tmp_path, SPEC)
    assert dataset.episodes[0].T_base_camera["front"].shape == (4, 4)
    assert dataset.episodes[0].T_base_camera["wrist"].shape == (5, 4, 4)
    batch = dataset.windows(3).batch([1])
    assert batch["front/T_base_camera"].shape == (1, 3, 4, 4)
    np.testing.assert_allclose(batch["wrist/T_base_camera"][0, :, 0, 3], [0.1, 0.2, 0.3])


def test_torch_batches_and_the_images_stay_on_disk(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    write_synthetic(tmp_path, 1, 8, sizes=SIZES)
    dataset = open_dataset(tmp_path, SPEC)
    base = dataset.episodes[0].color["front"].base
    assert isinstance(base, np.memmap)
    batch = dataset.windows(3).torch_batch([0, 2])
    assert batch["front/color"].shape == (2, 3, 48, 64, 3)
    assert batch["front/color"].dtype == torch.uint8
    assert batch["front/depth_m"].dtype == batch["action_pose"].dtype == torch.float32
    assert batch["action_mask"].dtype == torch.bool


def test_reading_windows_is_far_faster_than_decoding(tmp_path: Path) -> None:
    (episode,) = write_synthetic(tmp_path, 1, 40, sizes={"front": (240, 320)})
    windows = open_dataset(tmp_path, ObservationSpec((CameraSpec("front"),))).windows(8)
    start = time.perf_counter()
    assert len(list(read_frames(episode))) == 40
    decode_s = (time.perf_counter() - start) / 40 * 8
    start = time.perf_counter()
    for i in range(20):
        windows.batch([i])
    assert (time.perf_counter() - start) / 20 < decode_s
    assert find_episodes(tmp_path) == [episode]


def test_true_poses_of_objects_come_with_the_steps(tmp_path: Path) -> None:
    sim = SimConfig(task="reach_t", cameras=("front",), width=32, height=24)
    world = SimWorld(sim)
    try:
        write_demos(world, tmp_path, range(5, 6))
        world.reset(5)
        first = world.object_poses()
    finally:
        world.close()
    (episode,) = open_dataset(tmp_path, ObservationSpec((), ("carton", "goal"))).episodes
    assert episode.color == {}
    assert episode.T_base_object["goal"].shape == (len(episode), 4, 4)
    np.testing.assert_allclose(episode.T_base_object["carton"][0], first["carton"], atol=1e-9)
    with pytest.raises(DataError, match="unknown object 'cartoon'; did you mean 'carton'"):
        open_dataset(tmp_path, ObservationSpec((), ("cartoon",)))
    with pytest.raises(ValueError, match="no camera and no object"):
        ObservationSpec()
