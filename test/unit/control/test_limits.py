"""Limits refuse bounds that cannot protect anything."""

from __future__ import annotations

import pytest

from visuomotor.config import from_mapping
from visuomotor.control import BridgeConfig, Limits
from visuomotor.errors import ConfigError


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"max_speed": 0.0}, "max_speed"),
        ({"max_acceleration": float("nan")}, "max_acceleration"),
        ({"max_angular_speed": -1.0}, "max_angular_speed"),
        ({"stale_s": float("inf")}, "stale_s"),
        ({"brake_fraction": 1.5}, "at most 1"),
        ({"max_jump_rad": 3.1}, "max_jump_rad"),
        ({"workspace_min": (0.9, 0.0, 0.0)}, "workspace"),
        ({"workspace_max": (0.7, 0.4, float("nan"))}, "workspace"),
        ({"table_z_m": 2.0}, "table and clearance"),
    ],
)
def test_bounds_that_bound_nothing_are_refused(values, text) -> None:
    with pytest.raises(ValueError, match=text):
        Limits(**values)
    with pytest.raises(ConfigError, match=text):
        from_mapping(BridgeConfig, values)


def test_the_table_raises_the_floor_of_the_workspace() -> None:
    assert Limits(table_z_m=0.1, table_clearance_m=0.02).lower[2] == pytest.approx(0.12)
    assert Limits(workspace_min=(0.2, -0.4, 0.3)).lower[2] == pytest.approx(0.3)


def test_the_bridge_checks_its_own_bounds() -> None:
    with pytest.raises(ValueError, match="enable_timeout_s"):
        BridgeConfig(enable_timeout_s=0.0)
