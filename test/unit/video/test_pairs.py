"""Two cuboids: apart or in one another, on or off, before or behind."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from visuomotor.video.camera import OrbitCamera
from visuomotor.video.pairs import over_the_edge, overlap_depth, seen_behind
from visuomotor.video.scene import Scene, Still, tilted, turned

SIDE = 0.1


def scene(x: float, y: float, z: float = SIDE / 2, yaw: float = 0.0) -> Scene:
    """One cube of 10 cm at a place; the camera looks from -y."""
    camera = OrbitCamera(
        torch.tensor([0.6]), torch.zeros(1), torch.tensor([0.5]), 443.0, (427, 240)
    )
    place = torch.tensor([[[x, y, z]]])
    line, row = torch.zeros(1, 1), torch.zeros(1, 3)
    return Scene(
        camera=camera,
        hand=place,
        azimuth=line,
        elevation=line,
        moved=place,
        moved_rotation=turned(torch.tensor([[yaw]])),
        moved_size=torch.full((1, 3), SIDE),
        held=place,
        grip=row,
        tilt=torch.zeros(1, 1, 2),
        touch=line > 0,
        static=None,
    )


def still(yaw: float = 0.0) -> Still:
    place = torch.tensor([[0.0, 0.0, SIDE / 2]])
    return Still(place, turned(torch.tensor([yaw])), torch.full((1, 3), SIDE))


@pytest.mark.parametrize("yaw", [0.0, math.pi / 2])
def test_the_depth_is_how_far_they_must_move_apart(yaw: float) -> None:
    assert float(overlap_depth(scene(0.08, 0, yaw=yaw), still())) == pytest.approx(0.02, abs=1e-6)
    assert float(overlap_depth(scene(0.13, 0, yaw=yaw), still())) == pytest.approx(-0.03, abs=1e-6)
    assert float(overlap_depth(scene(0, 0, z=0.149), still())) == pytest.approx(0.001, abs=1e-6)


def test_turned_cubes_touch_with_their_corners() -> None:
    reach = SIDE / 2 * (1 + math.sqrt(2))
    assert float(overlap_depth(scene(reach - 0.01, 0, yaw=math.pi / 4), still())) == pytest.approx(
        0.01, abs=1e-6
    )
    assert float(overlap_depth(scene(reach - 0.01, 0), still(math.pi / 4))) > 0
    assert float(overlap_depth(scene(reach + 0.01, 0), still(math.pi / 4))) < 0


def test_what_leans_over_the_edge_pays_for_it() -> None:
    assert float(over_the_edge(scene(0.03, -0.03, 0.15), still())) == 0
    assert float(over_the_edge(scene(0.05, 0, 0.15), still())) == pytest.approx(1, rel=1e-4)
    far = [float(over_the_edge(scene(0, y, 0.15), still())) for y in (0.2, 0.3)]
    assert far[1] - far[0] == pytest.approx(20, rel=1e-3)


def test_only_what_is_behind_pays_for_being_seen() -> None:
    def behind(at: Scene) -> float:
        middle = torch.tensor([[213.5, 80.0]])
        return float(seen_behind(at, still(), middle, torch.zeros(1, dtype=torch.long)))

    assert behind(scene(0, -0.15)) == 0
    assert behind(scene(0, 0.09)) > 1
    assert behind(scene(0.5, 0.2)) == 0  # its ray misses: the boxes tell, not the order
    place = torch.tensor([0.0, 0.09], requires_grad=True)
    height = torch.full((1,), SIDE / 2)
    moved = torch.cat((place, height))[None, None]
    at = dataclasses.replace(scene(0, 0.09), moved=moved)
    seen_behind(
        at, still(), torch.tensor([[213.5, 80.0]]), torch.zeros(1, dtype=torch.long)
    ).sum().backward()
    assert place.grad is not None
    assert place.grad[1] > 0


def test_tilts_are_rotations() -> None:
    turn = tilted(torch.tensor([[0.3, -0.2], [0.0, 0.0], [0.0, 1.2]]))
    assert torch.allclose(turn @ turn.transpose(1, 2), torch.eye(3).expand(3, 3, 3), atol=1e-6)
    assert torch.allclose(torch.linalg.det(turn), torch.ones(3), atol=1e-6)
    assert torch.allclose(turn[1], torch.eye(3), atol=1e-5)
    assert float(turn[2, 0, 2]) == pytest.approx(math.sin(1.2), abs=1e-6)
