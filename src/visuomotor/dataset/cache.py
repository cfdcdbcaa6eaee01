"""Decodes each episode once, through `observe`, into arrays that are keyed by content."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np

from visuomotor.config import to_mapping
from visuomotor.contracts import Float32, Float64, Observation, UInt16
from visuomotor.dataset.arrays import STEPS, EpisodeArrays, NpyWriter, episode_arrays, load_steps
from visuomotor.dataset.steps import align_actions, step_grid
from visuomotor.errors import DataError
from visuomotor.observations import ObservationSpec, check_cameras, observe
from visuomotor.recording import (
    Bag,
    load_sidecar,
    open_bag,
    read_actions,
    read_frames,
    read_gripper_commands,
)

FORMAT = 1
"""Raised when the meaning of the cached arrays changes; older caches are then not found."""


def cache_key(episode: Path, spec: ObservationSpec) -> str:
    """A hash over the bag's bytes, the trim and the spec: what the arrays are made from."""
    digest = hashlib.blake2b(digest_size=16)
    what = [FORMAT, load_sidecar(episode).trim_s, to_mapping(spec)]
    digest.update(json.dumps(what, sort_keys=True).encode())
    files = sorted([*episode.glob("*.mcap"), *episode.glob("*.db3")])
    for path in files:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def spec_key(spec: ObservationSpec) -> str:
    """A short name for what the arrays are of, apart from the bag and its trim."""
    text = json.dumps([FORMAT, to_mapping(spec)], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def cached_arrays(episode: Path, spec: ObservationSpec, cache: Path) -> EpisodeArrays:
    """The episode's arrays, from the cache or decoded into it; safe beside other processes."""
    folder = cache / f"{episode.name}-{cache_key(episode, spec)}"
    fill_cache(episode, spec, cache, folder)
    return episode_arrays(episode.name, str(folder), load_steps(folder), spec)


def fill_cache(episode: Path, spec: ObservationSpec, cache: Path, folder: Path) -> None:
    """Decodes the episode into `folder` of the cache, unless it is there."""
    if not folder.is_dir():
        try:
            cache.mkdir(parents=True, exist_ok=True)
            building = Path(tempfile.mkdtemp(prefix=f".{episode.name}-", dir=cache))
        except OSError as error:
            raise DataError(
                f"{cache}: no cache can be made here ({error}); set cache_dir"
            ) from error
        try:
            _decode(episode, spec, building)
            if not folder.name.endswith(cache_key(episode, spec)):
                raise DataError(
                    f"{episode}: it was changed (recorded, trimmed) while it was read; open the "
                    "dataset again"
                )
            with contextlib.suppress(OSError):  # another process was first: its arrays are equal
                os.replace(building, folder)
        except OSError as error:
            raise DataError(
                f"{cache}: cannot cache {episode.name}: {error}; free disk space or set cache_dir"
            ) from error
        finally:
            shutil.rmtree(building, ignore_errors=True)


def _decode(episode: Path, spec: ObservationSpec, folder: Path) -> None:
    """Writes the arrays of an episode; DataError names it and what is wrong with it."""
    with open_bag(episode) as bag:  # once: opening takes longer than reading a small topic
        _decode_bag(bag, spec, folder)


def _decode_bag(bag: Bag, spec: ObservationSpec, folder: Path) -> None:
    episode, where = bag.episode, str(bag.episode)
    check_cameras(bag.layout().cameras, spec, where)
    trim = load_sidecar(episode).trim_s
    stamps: list[int] = []
    small: dict[str, list[Float64]] = {"T_base_ee": [], "gripper_width_m": [], "q": []}
    K: dict[str, list[Float64]] = {n: [] for n in spec.names}
    extrinsics: dict[str, list[Float64]] = {n: [] for n in spec.names}
    objects: dict[str, list[Float64]] = {n: [] for n in spec.objects}
    measured = {c.name: False for c in spec.cameras if c.depth}
    sets = folder / "sets"
    sets.mkdir()
    with contextlib.ExitStack() as stack:
        color = {n: stack.enter_context(NpyWriter(sets / f"{n}.color.npy")) for n in spec.names}
        depth = {n: stack.enter_context(NpyWriter(sets / f"{n}.depth_mm.npy")) for n in measured}
        first_ns: int | None = None
        for frame in read_frames(bag, cameras=spec.names, objects=spec.objects):
            first_ns = frame.stamp_ns if first_ns is None else first_ns
            at_s = (frame.stamp_ns - first_ns) * 1e-9
            if trim is not None and not trim[0] <= at_s <= trim[1]:
                continue
            try:
                seen = observe(frame, spec)
            except DataError as error:
                raise DataError(f"{where}: {error}") from error
            _check_finite(seen, where)
            stamps.append(seen.stamp_ns)
            small["T_base_ee"].append(seen.T_base_ee)
            small["gripper_width_m"].append(np.float64(seen.gripper_width_m))
            small["q"].append(seen.q)
            for name, T_base_object in seen.objects.items():
                objects[name].append(T_base_object)
            for name, view in seen.views.items():
                color[name].append(view.color)
                K[name].append(view.K)
                extrinsics[name].append(view.T_base_camera)
                if view.depth_m is not None:
                    depth_mm = depth_mm_from_m(view.depth_m)
                    depth[name].append(depth_mm)
                    measured[name] = measured[name] or bool(depth_mm.any())
    grid = step_grid(np.array(stamps, np.int64), where)
    for name, any_depth in measured.items():
        if not any_depth:
            raise DataError(
                f"{where}: camera {name} measured no depth at all (every pixel of every set is 0); "
                "check the camera, or train with `depth: false` for it"
            )
    arrays: dict[str, np.ndarray] = {k: np.array(v)[grid.source] for k, v in small.items()}
    arrays |= {"stamps_ns": grid.stamps_ns, "valid": grid.valid}
    for name in spec.names:
        arrays[f"{name}/K"] = _constant(np.array(K[name]), f"{where}: intrinsics of {name}")
        T = np.array(extrinsics[name])
        arrays[f"{name}/T_base_camera"] = T[0] if (T[0] == T).all() else T[grid.source]
    for name, poses in objects.items():
        arrays[f"{name}/T_base_object"] = np.array(poses)[grid.source]
    arrays |= _actions(bag, arrays)
    for path in sorted(sets.iterdir()):
        _spread(path, folder / path.name, grid.source)
    sets.rmdir()
    np.savez(folder / STEPS, **arrays)  # type: ignore[arg-type]


def depth_mm_from_m(depth_m: Float32) -> UInt16:
    """The exact inverse of `observations.depth_m_from_mm`."""
    depth_mm: UInt16 = np.rint(depth_m * np.float32(1e3)).astype(np.uint16)
    return depth_mm


def _actions(bag: Bag, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    stamps, poses, _ = read_actions(bag)
    gripper = read_gripper_commands(bag)
    bad = ~np.isfinite(poses).all(axis=(1, 2))
    if bad.any() or not np.isfinite(gripper[1]).all():
        first = stamps[bad][:1]
        raise DataError(
            f"{bag.episode}: {int(bad.sum())} accepted targets are not finite (first at stamp "
            f"{first}) or a gripper command is not; discard the episode"
        )
    aligned = align_actions(
        arrays["stamps_ns"],
        arrays["T_base_ee"],
        arrays["gripper_width_m"],
        (stamps, poses),
        gripper,
    )
    return {
        "action_pose": aligned.pose,
        "action_width_m": aligned.width_m,
        "action_valid": aligned.valid & arrays["valid"],
    }


def _check_finite(seen: Observation, where: str) -> None:
    values = {
        "current_pose": seen.T_base_ee,
        "gripper width": np.asarray(seen.gripper_width_m),
        "joint positions": seen.q,
        **{f"extrinsics of {n}": v.T_base_camera for n, v in seen.views.items()},
    }
    for name, value in values.items():
        if not np.isfinite(value).all():
            raise DataError(
                f"{where}: {name} is not finite in set {seen.stamp_ns}; "
                "trim the episode before it, or discard it"
            )


def _constant(values: Float64, what: str) -> Float64:
    if not np.allclose(values, values[0], rtol=1e-9):
        raise DataError(f"{what} change within the episode; expected one calibration")
    first: Float64 = values[0]
    return first


def _spread(source: Path, target: Path, index: np.ndarray) -> None:
    """Repeats items over gaps; without a gap the file is only moved."""
    stored = np.load(source, mmap_mode="r")
    if np.array_equal(index, np.arange(len(stored))):
        os.replace(source, target)
        return
    with NpyWriter(target) as writer:
        for i in index:
            writer.append(stored[i])
    source.unlink()
