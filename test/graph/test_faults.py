"""Every row of the table of faults: what fails, what the arm does, and how it goes on."""

from __future__ import annotations

import pytest

pytest.importorskip("rclpy")
pytest.importorskip("franky", reason="pip install franky-control")

from visuomotor.bench.control.cell import control_cell
from visuomotor.bench.control.faults import EVERYWHERE, OVER_LIBFRANKA, WITH_POLICY, Scene
from visuomotor.control import Limits
from visuomotor.ros.launch import share_folder

pytestmark = pytest.mark.alone

LIMIT = Limits().max_speed
CHECKPOINT = share_folder() / "models" / "checkpoints" / "lift_dense"
STATES = {
    "frozen_client": ("fault", "communication_constraints_violation"),
    "reflex": ("fault", "cartesian_reflex"),
    "push": ("fault", "external wrench"),
    "arm_silent": ("fault", "connection lost"),
    "operators_hold": ("hold", "operator"),
    "two_publishers": ("hold", "two nodes"),
}


# before the fixture below: both launch a whole cell under the same names
def test_a_policys_camera_that_dies_leaves_the_arm_holding(tmp_path) -> None:
    arguments = {"policy": CHECKPOINT, "source": "raw", "cameras": ["front", "side"]}
    with control_cell("mujoco", tmp_path / "launch.log", "demo", **arguments) as (made, launched):
        row = WITH_POLICY["camera_death"](Scene(made, launched.pid))
        assert row.state == "hold"
        check(row)


@pytest.fixture(scope="module")
def cell(tmp_path_factory):
    log = tmp_path_factory.mktemp("faults") / "launch.log"
    with control_cell("libfranka", log, require_enable="true") as (made, launched):
        yield made, launched


@pytest.mark.parametrize("name", [*EVERYWHERE, *OVER_LIBFRANKA])
def test_the_arm_over_libfranka_stops_within_its_limits_and_goes_on(cell, name) -> None:
    made, launched = cell
    row = {**EVERYWHERE, **OVER_LIBFRANKA}[name](Scene(made, launched.pid))
    state, reason = STATES.get(name, ("hold", ""))
    assert row.state == state, f"{row}, states {cell[0].states[-40:]}"
    assert reason in row.reason
    check(row)


def check(row) -> None:
    """Speeds are of stamped messages, which a busy machine delays: hence the tenth."""
    assert row.reference_speed <= 1.1 * LIMIT
    assert row.overshoot_mm < 20.0
    assert row.rest_after_s < 8.0
