"""Correspondence on simulated bags: the truth fits what the cameras measured, and errors speak."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from visuomotor.bench.correspondence.evaluate import (
    LIMITS,
    EvaluationSettings,
    evaluate_correspondence,
)
from visuomotor.bench.correspondence.measure import KINDS, measure
from visuomotor.bench.correspondence.scenes import open_scenes
from visuomotor.bench.correspondence.table import page
from visuomotor.bench.results import save_result
from visuomotor.checkpoint import save_checkpoint
from visuomotor.cli import main
from visuomotor.descriptors.config import DescriptorConfig
from visuomotor.descriptors.ground_truth import OCCLUDED, OUT_OF_VIEW, UNCLEAR, VISIBLE
from visuomotor.descriptors.model import FAMILY, DescriptorModel, load_descriptors
from visuomotor.descriptors.network import DescriptorNetwork
from visuomotor.errors import DataError
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.recording import WriterConfig, find_episodes, load_sidecar
from visuomotor.recording.sidecar import save_sidecar
from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.demos import write_demos

SPEC = ObservationSpec((CameraSpec("front"), CameraSpec("side")))
SEEDS = range(840_009, 840_012)  # the first and the last show the same carton


@pytest.fixture(scope="module")
def bags(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three scenes: two of one carton, one of another."""
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("scenes")
    world = SimWorld(SimConfig("reach_tr", variant="class_general", cameras=SPEC.names))
    write_demos(world, root, SEEDS, WriterConfig(color="png"))
    world.close()
    return root


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    config = DescriptorConfig(width=8, keypoints=4)
    network = DescriptorNetwork(config).eval()
    model = DescriptorModel(config, network, torch.zeros(4, 16), SPEC)
    out = tmp_path_factory.mktemp("descriptors")
    card = "# Untrained\nNever trained at all.\n"
    save_checkpoint(out, FAMILY, config, model.tensors(), {}, SPEC, card)
    return out


def test_true_places_lie_on_the_surface_that_is_measured_there(bags: Path, untrained: Path) -> None:
    """Poses, shapes, calibration and depth agree, or points would float or sink: unclear."""
    scenes = open_scenes(bags, SPEC, instants=1)
    assert all(s.shapes is not None and s.shapes.names == ("carton",) for s in scenes)
    instances = [s.shapes.instance for s in scenes if s.shapes is not None]
    assert len(set(instances)) == 2
    found = measure(load_descriptors(untrained), scenes, points=100)
    for kind, points in found.items():
        visibility = points.column("visibility")
        assert len(points) >= 200
        assert (visibility == VISIBLE).mean() > 0.5
        assert (visibility == UNCLEAR).mean() < 0.15
        assert (visibility == OCCLUDED).any() or kind not in KINDS
        assert not (visibility == OUT_OF_VIEW).any()
    for kind, same in (("across_scenes", True), ("across_instances", False)):
        pairs = zip(found[kind].column("scene"), found[kind].column("partner"), strict=True)
        assert all((instances[int(a)] == instances[int(b)]) == same for a, b in pairs)


def test_a_bag_that_its_seed_does_not_explain_is_refused(bags: Path, tmp_path: Path) -> None:
    shutil.copytree(find_episodes(bags)[0], tmp_path / "reach_tr" / "one")
    (episode,) = find_episodes(tmp_path)
    save_sidecar(replace(load_sidecar(episode), seed=SEEDS[-1]), episode)
    with pytest.raises(DataError, match=r"carton starts .* mm from .* record it anew"):
        open_scenes(tmp_path, SPEC)
    save_sidecar(replace(load_sidecar(episode), seed=None), episode)
    (scene,) = open_scenes(tmp_path, SPEC, instants=1)
    assert scene.shapes is None


def test_without_any_truth_views_are_compared_by_depth_alone(
    bags: Path, untrained: Path, tmp_path: Path
) -> None:
    shutil.copytree(find_episodes(bags / "reach_tr")[0], tmp_path / "reach_tr" / "one")
    (episode,) = find_episodes(tmp_path)
    save_sidecar(replace(load_sidecar(episode), seed=None), episode)
    model = load_descriptors(untrained)
    found = measure(model, open_scenes(tmp_path, SPEC, instants=1), points=100)
    views = found.pop("across_views")
    assert not any(len(points) for points in found.values())
    assert (views.column("visibility") == VISIBLE).sum() > 50
    known = measure(model, open_scenes(bags, SPEC, count=1, instants=1), points=100)
    size_m = known["across_views"].column("size_m")[0]
    assert 0.75 * size_m < views.column("size_m")[0] < 1.05 * size_m


def test_ranges_that_the_dataset_does_not_have_are_refused(bags: Path) -> None:
    assert [s.number for s in open_scenes(bags, SPEC, first=1)] == [1, 2]
    for wrong in ({"first": 3}, {"first": -1}, {"count": 4}):
        with pytest.raises(DataError, match="got 3 episodes, expected at least"):
            open_scenes(bags, SPEC, **wrong)


def test_figures_of_a_checkpoint_and_their_page(
    bags: Path, untrained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = EvaluationSettings(instants=1, points=30)
    figures, seeds = evaluate_correspondence(untrained, bags, settings)
    again, _ = evaluate_correspondence(untrained, bags, settings)
    assert figures == again
    assert seeds == list(SEEDS)
    methods = figures["across_views"]["methods"]
    assert methods["nearest_pixel"]["median_mm"][0] < 4 < methods["argmax"]["median_mm"][0]
    assert 30 < methods["centroid"]["median_mm"][0] < 80
    together = figures["across_instances"]["all_cameras"]
    assert together["points"] > 50
    assert together["median_mm"][0] > 10
    result = tmp_path / "results" / "reach_tr.json"
    save_result(result, figures, LIMITS, "visuomotor descriptors evaluate", seeds)
    assert (
        main(
            [
                "descriptors",
                "table",
                "--results",
                str(result.parent),
                "--out",
                str(tmp_path / "p.md"),
            ]
        )
        == 0
    )
    text = (tmp_path / "p.md").read_text()
    assert text == page([result])
    assert "![" not in text
    assert "(p.png)" in page([result], "p.png")
    assert "Never trained at all." in text
    assert f"{methods['argmax']['median_px'][0]:.2f}" in text
    assert f"of {together['points']} points that a camera sees" in text
    result.write_text("{}")
    with pytest.raises(DataError, match=r"reach_tr\.json: .* write it anew"):
        page([result])
    words = ["--descriptors", str(untrained), "--dataset", str(bags), "--json"]
    capsys.readouterr()
    assert main(["descriptors", "evaluate", *words, "--instants", "1", "--points", "30"]) == 0
    printed = capsys.readouterr().out
    assert json.loads(printed[printed.index("{") :]) == figures
