"""Weakly labelled images: on disk as their readers expect, and what they show and lack."""

import hashlib

import cv2
import numpy as np
import pytest

from visuomotor.commands.weak_rendering import render
from visuomotor.errors import ConfigError, DataError
from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.tasks.variant import VARIANTS
from visuomotor.sim.weak_images import LABELS, _cut, render_weak
from visuomotor.sim.weak_scene import WeakScene


def digests(folder):
    files = sorted(folder.rglob("*.png"))
    return {str(p.relative_to(folder)): hashlib.sha1(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("weak")
    render_weak("pusher", "weak_environments", 40, out, first_seed=7)
    return out


def test_a_folder_per_label_holds_half_each_named_after_its_source(folder):
    assert sorted(p.name for p in folder.iterdir()) == sorted(LABELS)
    for label in LABELS:
        names = sorted(p.name for p in (folder / label).iterdir())
        assert len(names) == 20
        assert names[0] == "pusher-weak_environments-008-000007.png"
        assert len({n.split("-")[2] for n in names}) == 20  # environments


def test_sizes_and_aspects_differ(folder):
    shapes = [cv2.imread(str(p)).shape for p in folder.rglob("*.png")]
    assert len(set(shapes)) > 30
    assert max(s[0] for s in shapes) <= 120
    assert max(s[1] for s in shapes) <= 160
    assert min(s[0] for s in shapes) >= 102
    aspects = [s[1] / s[0] for s in shapes]
    assert max(aspects) / min(aspects) > 1.2


@pytest.mark.parametrize("task", ["pusher", "striker", "push_mug"])
def test_an_object_is_as_large_as_a_policy_sees_it(task):
    """A network with a small field of view would learn the parts of larger ones."""
    weak = WeakScene(task, "weak_environments", 160, 120)
    shares = []
    for seed in range(16):
        rng = np.random.default_rng(seed)
        _, seen = weak.draw(rng, seed, shown=True)
        part = _cut(rng, np.repeat(seen[..., None], 3, axis=2).astype(np.uint8), seen)
        shares.append(np.sqrt(part[..., 0].mean()))
    weak.close()
    world = SimWorld(SimConfig(task=task, variant="weak_environments", cameras=("front",)))
    geoms = world.model.geom_bodyid == world.model.body(world.task.interest).id
    sizes = []
    for seed in range(16):
        world.reset(seed)
        depth = world.frame().cameras["front"].depth_mm
        alpha = world.model.geom_rgba[geoms, 3].copy()
        world.model.geom_rgba[geoms, 3] = 0.0
        sizes.append(np.sqrt((world.frame().cameras["front"].depth_mm != depth).mean()))
        world.model.geom_rgba[geoms, 3] = alpha
    world.close()
    assert np.median(shares) == pytest.approx(np.median(sizes), rel=0.3)


def test_the_same_seeds_give_the_same_images_and_the_first_are_among_more(folder, tmp_path):
    render_weak("pusher", "weak_environments", 12, tmp_path, first_seed=7)
    few = digests(tmp_path)
    assert len(few) == 12
    assert few.items() <= digests(folder).items()


def test_an_interrupted_run_goes_on_and_keeps_what_is_there(tmp_path):
    def stop(path):
        if path.name.endswith("000002.png"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render_weak("striker", "test_environments", 8, tmp_path, progress=stop)
    there = digests(tmp_path)
    assert 0 < len(there) < 8
    mark = tmp_path / next(iter(there))
    mark.write_bytes(b"of someone else")
    done = render_weak("striker", "test_environments", 8, tmp_path)
    assert (done.written, done.kept) == (8 - len(there), len(there))
    assert mark.read_bytes() == b"of someone else"
    assert not list(tmp_path.rglob("*.partial"))


@pytest.mark.parametrize("task", ["pusher", "striker", "push_mug"])
def test_the_object_is_in_view_or_not_there_at_all(task):
    scene = WeakScene(task, "weak_environments", 160, 120)
    body = scene._model.body(scene._interest).id
    geoms = scene._model.geom_bodyid == body
    places = []
    for seed in range(12):
        _, seen = scene.draw(np.random.default_rng(seed), seed, shown=True)
        assert seen.sum() >= 48
        assert scene.environment(seed) == (1 + seed if seed else 0)
        v, u = np.nonzero(seen)
        places.append((u.mean(), v.mean()))
        _, seen = scene.draw(np.random.default_rng(seed), seed, shown=False)
        assert not seen.any()
        assert not scene._model.geom_rgba[geoms, 3].any()
    scene.close()
    assert np.std(places, axis=0).min() > 8  # px: anywhere, not in the middle


def test_no_robot_is_in_the_scene():
    scene = WeakScene("pusher", "plain", 160, 120)
    names = [scene._model.body(i).name for i in range(scene._model.nbody)]
    assert not [n for n in names if n.startswith("robot") or "fr3" in n]
    assert scene._model.nmesh == scene._model.nu == 0
    scene.close()


def test_the_command_writes_and_goes_on(tmp_path, capsys):
    assert render("push_mug", "validation_environments", 4, tmp_path, width=80, height=60) == 0
    assert "4 images written" in capsys.readouterr().out
    assert render("push_mug", "validation_environments", 6, tmp_path, width=80, height=60) == 0
    assert "2 images written" in capsys.readouterr().out
    assert len(digests(tmp_path)) == 6


def test_what_cannot_be_is_told(tmp_path):
    with pytest.raises(ConfigError, match=r"object of interest 'lift'.*pusher"):
        render_weak("lift", "plain", 4, tmp_path)
    with pytest.raises(ConfigError, match="got 1 images from seed 0, expected at least 2"):
        render_weak("pusher", "plain", 1, tmp_path)
    with pytest.raises(ConfigError, match="unknown variant of pusher"):
        render_weak("pusher", VARIANTS[1], 4, tmp_path)
    (tmp_path / "with").write_text("a file, not a folder")
    with pytest.raises(DataError, match="cannot be written"):
        render_weak("pusher", "plain", 4, tmp_path)
