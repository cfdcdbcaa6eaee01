"""The cache of descriptor maps: the network's own, of this network, whoever made them."""

import contextlib
import multiprocessing
import resource
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_episodes import tiny_episode

from visuomotor.dataset import Dataset
from visuomotor.descriptors.config import DescriptorConfig
from visuomotor.descriptors.model import DescriptorModel
from visuomotor.descriptors.network import DescriptorNetwork
from visuomotor.errors import DataError, Interrupted
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.training.descriptor_cache import DescriptorCache
from visuomotor.training.progress import Progress

CONFIG = DescriptorConfig(dimensions=3, width=8, keypoints=4)


def make_dataset(depth: bool = True, lengths: tuple[int, ...] = (40, 7)) -> Dataset:
    spec = ObservationSpec((CameraSpec("front", 8, 8, depth=depth),))
    return Dataset(spec, [tiny_episode(f"e{n}", np.ones(n, bool)) for n in lengths])


def make_model(seed: int = 0) -> DescriptorModel:
    torch.manual_seed(seed)
    network = DescriptorNetwork(CONFIG)
    return DescriptorModel(CONFIG, network, torch.zeros(4, 3), make_dataset().spec)


def files(root: Path) -> list[Path]:
    return sorted(root.rglob("*.npy"))


def fill(cache: DescriptorCache) -> list[Progress]:
    reports: list[Progress] = []
    cache.fill(("front",), reports.append, lambda: None)
    return reports


def test_cached_maps_are_the_networks(tmp_path: Path) -> None:
    dataset, model = make_dataset(), make_model()
    rows = np.array([[0, 0], [1, 6], [0, 39], [0, 33]])
    color = np.stack([dataset.episodes[e].color["front"][t] for e, t in rows])
    with torch.no_grad():
        wanted = model.network.eval().describe(torch.from_numpy(color))
    for _ in range(2):  # made, then found
        got = DescriptorCache(tmp_path, model, dataset).at(rows, "front")
        assert got.dtype == torch.float32
        torch.testing.assert_close(got, wanted, atol=1e-3, rtol=1e-3)


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    dataset = make_dataset()
    reports = fill(DescriptorCache(tmp_path, make_model(), dataset))
    assert [(r.stage, r.step, r.total) for r in reports] == [
        ("describe_images", 1, 2),
        ("describe_images", 2, 2),
    ]
    made = {p: p.stat().st_mtime_ns for p in files(tmp_path)}
    assert len(made) == 2
    fill(DescriptorCache(tmp_path, make_model(), dataset))
    fill(DescriptorCache(tmp_path, make_model(), make_dataset(depth=False)))
    assert {p: p.stat().st_mtime_ns for p in files(tmp_path)} == made


def test_another_network_size_or_trim_has_maps_of_its_own(tmp_path: Path) -> None:
    dataset, model = make_dataset(), make_model()
    fill(DescriptorCache(tmp_path, model, dataset))
    fill(DescriptorCache(tmp_path, make_model(seed=1), dataset))
    assert len(files(tmp_path)) == 4
    with torch.no_grad():
        first = next(model.network.parameters())
        first.add_(1e-4)
    fill(DescriptorCache(tmp_path, model, dataset))
    assert len(files(tmp_path)) == 6
    wide = replace(dataset.spec, cameras=(replace(dataset.spec.cameras[0], crop=(0, 0, 1, 0.5)),))
    fill(DescriptorCache(tmp_path, model, replace(dataset, spec=wide)))
    assert len(files(tmp_path)) == 8
    shorter = replace(dataset.episodes[0], stamps_ns=dataset.episodes[0].stamps_ns[5:])
    cache = DescriptorCache(tmp_path, model, Dataset(dataset.spec, [shorter]))
    cache.maps(0, "front")
    assert len(files(tmp_path)) == 9


def test_it_can_be_stopped_between_episodes(tmp_path: Path) -> None:
    def stop() -> None:
        raise Interrupted("enough")

    with pytest.raises(Interrupted, match="enough"):
        DescriptorCache(tmp_path, make_model(), make_dataset()).fill(("front",), print, stop)
    assert len(files(tmp_path)) == 1


def _fill_beside(root: str, start: object) -> None:
    torch.set_num_threads(1)
    cache = DescriptorCache(Path(root), make_model(), make_dataset(lengths=(9, 8, 7, 6)))
    start.wait(30)  # type: ignore[attr-defined]
    fill(cache)


def test_two_processes_fill_one_cache(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    start = context.Barrier(2)
    both = [context.Process(target=_fill_beside, args=(str(tmp_path), start)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
    assert [p.exitcode for p in both] == [0, 0]
    assert sorted(np.load(p).shape[0] for p in files(tmp_path)) == [6, 7, 8, 9]
    assert [p for p in tmp_path.rglob("*") if p.is_file() and p.suffix != ".npy"] == []


@contextlib.contextmanager
def room_of(size: int) -> Iterator[None]:
    """No file of this process grows beyond so many bytes: writing on is an OSError."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_without_room_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    cache = DescriptorCache(tmp_path, make_model(), make_dataset())
    message = r"descriptors-.*: cannot cache descriptors: .*; free disk space \(an episode"
    with pytest.raises(DataError, match=message), room_of(500):
        fill(cache)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []
    fill(cache)
    assert len(files(tmp_path)) == 2


def test_a_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"cannot cache descriptors: .*Not a directory"):
        fill(DescriptorCache(tmp_path / "file", make_model(), make_dataset()))
