"""Distances to surfaces, and which object a task's stage is about."""

import numpy as np
import pytest
from blind import blind

from visuomotor.errors import ConfigError
from visuomotor.sim.rollout import Lockstep
from visuomotor.sim.surface import surface_distance


def test_a_cube_a_plate_and_a_ring():
    stack, tool = blind("stack"), blind("tool_use")
    for world in (stack, tool):
        world.reset(2)

    def distance(world, name, offset):
        T = world.object_poses()[name]
        return surface_distance(world.model, name, T, T[:3, 3] + T[:3, :3] @ np.array(offset))

    assert distance(stack, "cube", (0, 0, 0)) == 0
    assert distance(stack, "cube", (0.05, 0, 0)) == pytest.approx(0.03)
    assert distance(stack, "cube", (0.05, 0.06, 0)) == pytest.approx(0.05)
    assert distance(stack, "plate", (0.09, 0, 0)) == pytest.approx(0.04)
    assert distance(stack, "plate", (0.0, 0.02, 0.026)) == pytest.approx(0.02, abs=1e-3)
    assert distance(tool, "ring", (0, 0, 0)) == pytest.approx(0.040)  # its hole
    assert distance(tool, "tool", (0.2, 0.2, 0.0)) == pytest.approx(0.2 - 0.101)
    with pytest.raises(ConfigError, match="hook: has no geom"):
        distance(tool, "hook", (0, 0, 0))


@pytest.mark.parametrize(
    ("task", "stages"),
    [
        ("lift", ["cube"]),
        ("stack", ["cube", "plate"]),
        ("tool_use", ["tool", "cube", "ring"]),
        ("push_box", ["carton"]),
    ],
)
def test_an_expert_goes_through_the_stages_in_order(task, stages):
    world, seen = blind(task), []

    def look(_):
        seen.append(world.task.stage(world.robot_state(), world.object_poses()))

    assert Lockstep(world).demonstrate(603, look, lambda *_: None).success
    switches = [b for a, b in zip([None, *seen], seen, strict=False) if a != b]
    assert switches == stages
    assert set(stages) <= set(world.task.objects)
