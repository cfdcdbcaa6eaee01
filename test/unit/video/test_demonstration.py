"""Demonstrations come back from their file as they were, and refuse what they cannot be."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from visuomotor.errors import ConfigError, DataError
from visuomotor.video.actions import ACTIONS, find_action
from visuomotor.video.demonstration import (
    Demonstration,
    load_demonstration,
    save_demonstration,
)


def made_up(steps: int = 7) -> Demonstration:
    rng = np.random.default_rng(0)
    return Demonstration(
        action="put_onto",
        rate_hz=12.0,
        hand_position=rng.normal(size=(steps, 3)),
        hand_azimuth=rng.normal(size=steps),
        hand_elevation=rng.normal(size=steps),
        touch=rng.uniform(size=steps),
        object_position=rng.normal(size=(steps, 3)),
        object_rotation=rng.normal(size=(steps, 3)),
        phase=np.minimum(np.arange(steps) // 3, 2),
    )


def test_a_demonstration_survives_its_file(tmp_path: Path) -> None:
    written = made_up()
    save_demonstration(tmp_path / "new" / "one.npz", written)
    read = load_demonstration(tmp_path / "new" / "one.npz")
    for field in dataclasses.fields(Demonstration):
        assert np.array_equal(getattr(read, field.name), getattr(written, field.name)), field.name


def test_wrong_shapes_and_values_are_named() -> None:
    with pytest.raises(DataError, match=r"hand_azimuth has shape \(6,\), expected \(7,\)"):
        dataclasses.replace(made_up(), hand_azimuth=np.zeros(6))
    broken = made_up().object_position
    broken[4, 1] = np.nan
    with pytest.raises(DataError, match="object_position of step 4"):
        dataclasses.replace(made_up(), object_position=broken)


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("not an archive")
    with pytest.raises(DataError, match="cannot be read as a demonstration"):
        load_demonstration(tmp_path / "text.npz")
    np.savez(tmp_path / "other.npz", touch=np.zeros(3))
    with pytest.raises(DataError, match="lacks action, rate_hz"):
        load_demonstration(tmp_path / "other.npz")


def test_actions_are_found_by_name_and_number() -> None:
    assert len({a.identifier for a in ACTIONS.values()}) == len(ACTIONS) == 9
    for action in ACTIONS.values():
        assert find_action(action.name) is find_action(action.identifier) is action
    with pytest.raises(ConfigError, match="did you mean 'pick_up'"):
        find_action("pick_upp")
