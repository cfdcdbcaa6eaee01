"""Cylinders for skills: their sizes, and that a Franka hand takes them."""

from __future__ import annotations

import numpy as np
import pytest
from blind import blind, demonstrate

from visuomotor.errors import ConfigError
from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.tasks import make_task
from visuomotor.sim.tasks.cylinders import HEIGHT_M, RADIUS_M, SCALE


@pytest.mark.parametrize("task", ["cylinder", "cylinders"])
def test_the_expert_solves_it(task: str) -> None:
    rollouts, refused = demonstrate(blind(task), (2, 3))
    assert [r.success for r in rollouts] == [True, True]
    assert refused == 0


@pytest.mark.parametrize("region", ["interpolation", "extrapolation"])
def test_sizes_are_half_of_the_skills_and_fit_between_the_fingers(region: str) -> None:
    world = SimWorld(SimConfig(task="cylinders", region=region, cameras=()))
    heights = []
    for seed in range(12):
        world.reset(seed)
        objects = world.object_poses()
        for name in ("object", "static"):
            radius, half = world.model.geom(name).size[:2]
            assert 0.04 * SCALE <= radius <= 0.05 * SCALE < 0.035
            assert RADIUS_M[0] <= radius <= RADIUS_M[1]
            assert objects[name][2, 3] == pytest.approx(half)  # it stands on the table
            heights.append(2 * half)
        top = objects["object_top"][2, 3] - objects["object"][2, 3]
        assert top == pytest.approx(world.model.geom("object").size[1])
        apart = np.linalg.norm((objects["object"] - objects["static"])[:2, 3])
        assert apart > 0.14
    low, high = HEIGHT_M[region == "extrapolation"]
    assert low <= min(heights) < max(heights) <= high
    assert max(heights) - min(heights) > 0.5 * (high - low)


def test_there_are_no_variants() -> None:
    with pytest.raises(ConfigError, match="unknown variant of cylinder"):
        make_task("cylinder", "class_general")
