"""Every method of every study asks its training for something that exists."""

from __future__ import annotations

from dataclasses import replace

import pytest

from visuomotor.bench.study import dense_methods, gplac_methods, han_methods
from visuomotor.bench.study.cell import Cell
from visuomotor.bench.study.filling import sim_of
from visuomotor.bench.study.pairs import expanded
from visuomotor.bench.study.plan import FIRST_SEEDS, Job, study_of
from visuomotor.bench.study.request import Request, read_plan
from visuomotor.ros.launch import share_folder
from visuomotor.sim import SimConfig
from visuomotor.training import read_config

FAMILIES = ("dense", "han", "gplac", "gti")


@pytest.fixture
def asked(monkeypatch):
    """The configurations that trainings are asked for; nothing is trained, drawn or recorded."""
    found = []

    def train(family, config_file, dataset, out, report, should_stop, device, **settings):
        found.append((family, dataset, replace(read_config(family, config_file), **settings)))

    for module in (dense_methods, han_methods, gplac_methods):
        monkeypatch.setattr(module, "train", train)
    rendered = []
    monkeypatch.setattr(gplac_methods, "render_weak", lambda *a: rendered.append(a))
    monkeypatch.setattr(gplac_methods, "demonstrations", lambda root, sim, first, n: root)
    return found


@pytest.mark.parametrize("task", study_of("gplac").tasks)
def test_weak_labels_differ_in_what_their_names_say(asked, tmp_path, task) -> None:
    study, found = study_of("gplac"), {}
    for name, method in study.methods.items():
        cell = Cell("gplac", name, task, "plain", "expert", 7, 3)
        method.train(Job(cell, tmp_path / "bags", tmp_path, tmp_path, print, lambda: False))
        family, dataset, config = asked.pop()
        assert not asked
        assert (family, config.episodes, config.seed, config.task) == ("gplac", 7, 3, task)
        assert (config.steps, config.batch) == (gplac_methods.STEPS, gplac_methods.BATCH)
        assert (config.target == "push_start") == (task == "push_mug")
        found[name] = (dataset.name, config)
    assert {n for n, (where, _) in found.items() if where != "bags"} == {"att_40", "cnn_40"}
    without = {"att_1", "att_1_augmented", "cnn_1", "att_40", "cnn_40", "att_po"}
    assert {n for n, (_, c) in found.items() if not c.weak} == without
    assert {n for n, (_, c) in found.items() if c.network == "plain"} == {
        *("cnn_1", "cnn_40", "cnn_c")
    }
    assert {n for n, (_, c) in found.items() if c.classifies} == {
        *(
            "gplac",
            "gplac_points",
            "gplac_moved",
            "gplac_80k",
            "gplac_800",
            "gplac_80",
            "gplac_da",
            "cnn_c",
        )
    }
    assert {n for n, (_, c) in found.items() if not c.peaks} == {
        *("gplac_points", "cnn_1", "cnn_40", "cnn_c")
    }
    assert {n for n, (_, c) in found.items() if c.task_share == 0} == {
        *("gplac", "gplac_80k", "gplac_800", "gplac_80")
    }
    assert {n for n, (_, c) in found.items() if c.weak_augmentation.off} == {"gplac_points"}
    assert {n for n, (_, c) in found.items() if not c.augmentation.off} == {"att_1_augmented"}
    assert {n for n, (_, c) in found.items() if c.pose_objects} == {"att_po"}
    assert found["att_po"][1].pose_dataset.endswith("weak_environments")


@pytest.mark.parametrize("family", FAMILIES)
def test_its_plan_and_its_regions_exist(family) -> None:
    study = study_of(family)
    blocks = read_plan(share_folder() / "benchmarks" / "plans" / f"{family}.yaml")
    wanted = Request(family, blocks).wanted()
    assert {w.cell.method for w in wanted} <= set(study.methods)
    for task in study.tasks:
        for region in {r for w in wanted if w.cell.task == task for r in w.rollouts}:
            variant = study.unseen_variant("plain") if region == "unseen" else "plain"
            SimConfig(task=task, variant=variant, cameras=study.cameras)
            assert region in FIRST_SEEDS or expanded(task, [region]) == (region,)
    named = [c.better for c in study.claims] + [c.worse for c in study.claims]
    named += [g for gap in study.gaps for g in (gap.method, gap.lower, gap.upper)]
    named += [f.method for f in study.paper]
    assert set(named) <= set(study.methods)


def test_methods_are_chosen_in_rooms_that_no_table_shows() -> None:
    study = study_of("gplac")
    cell = Cell("gplac", "gplac", "pusher", "plain", "expert", 400, 0)
    chosen = Request("gplac", first_seeds=tuple(study.development_seeds.items()))
    assert (chosen.development, Request("gplac").development) == (True, False)
    assert sim_of(study, cell, "unseen", chosen.development).variant == "validation_environments"
    assert sim_of(study, cell, "unseen").variant == "test_environments"


def test_the_papers_hand_eye_forms_have_no_noise_and_whole_expectations(asked, tmp_path) -> None:
    for name in ("han", "no_con", "mlp_atn", "no_roi", "ours"):
        cell = Cell("han", name, "lift", "plain", "expert", 7, 3)
        study_of("han").methods[name].train(
            Job(cell, tmp_path / "bags", tmp_path, tmp_path, print, lambda: False)
        )
        _, _, config = asked.pop()
        own = (config.noise_position_m, config.noise_rotation_rad, config.keypoint)
        assert (own == (0.0, 0.0, "mean")) == (name != "ours"), name
