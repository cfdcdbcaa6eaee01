"""Dataclasses from mappings and YAML: what is refused, and how it is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visuomotor.config import from_mapping, load_yaml, read_yaml, save_yaml, to_mapping
from visuomotor.errors import ConfigError, unknown_name


@dataclass(frozen=True)
class Optimiser:
    learning_rate: float = 1e-3
    momentum: float | None = None


@dataclass(frozen=True)
class Run:
    name: str
    steps: int = 10
    cameras: tuple[str, ...] = ("front",)
    crop: tuple[float, float] = (0.0, 1.0)
    optimiser: Optimiser = field(default_factory=Optimiser)
    stages: tuple[Optimiser, ...] = ()
    mode: Literal["train", "test"] = "train"
    weights: dict[str, float] = field(default_factory=dict)
    folder: Path = Path("out")
    verbose: bool = False

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"got steps {self.steps}, expected at least 1")


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"name": "a", "stpes": 3}, "unknown Run key 'stpes'; did you mean 'steps'"),
        (
            {"name": "a", "optimiser": {"learning_rat": 1}},
            "Run.optimiser: unknown Optimiser key 'learning_rat'; did you mean 'learning_rate'",
        ),
        ({"name": "a", "zzz": 3}, "Known: cameras, crop, folder"),
        ({}, "Run lacks name"),
        ({"name": 3}, "Run.name: got 3, expected str"),
        ({"name": "a", "steps": 1.5}, "Run.steps: got 1.5, expected int"),
        ({"name": "a", "steps": True}, "Run.steps: got True, expected int"),
        ({"name": "a", "steps": "3"}, "Run.steps: got '3', expected int"),
        ({"name": "a", "verbose": 1}, "Run.verbose: got 1, expected bool"),
        ({"name": "a", "cameras": "front"}, "Run.cameras: got 'front', expected a list"),
        ({"name": "a", "cameras": ["front", 2]}, "Run.cameras[1]: got 2, expected str"),
        ({"name": "a", "crop": [0.1]}, "Run.crop: got 1 items, expected 2"),
        ({"name": "a", "optimiser": 3}, "Run.optimiser: got int, expected a mapping"),
        ({"name": "a", "optimiser": {"learning_rate": "x"}}, "learning_rate: got 'x', expected"),
        ({"name": "a", "stages": [{}, {"momentm": 1}]}, "Run.stages[1]: unknown Optimiser key"),
        ({"name": "a", "mode": "trian"}, "Run.mode: unknown value 'trian'; did you mean 'train'"),
        ({"name": "a", "weights": [1]}, "Run.weights: got [1], expected a mapping"),
        ({"name": "a", "steps": 0}, "got steps 0, expected at least 1"),
    ],
)
def test_errors_say_what_was_got_and_expected(values, text):
    with pytest.raises(ConfigError) as error:
        from_mapping(Run, values, "run.yaml")
    assert text in str(error.value)
    assert str(error.value).startswith("run.yaml")


runs = st.builds(
    Run,
    name=st.text(st.characters(codec="utf-8", exclude_categories=("C",)), max_size=8),
    steps=st.integers(1, 10**6),
    cameras=st.lists(st.sampled_from(["front", "side"]), max_size=3).map(tuple),
    crop=st.tuples(st.floats(-1e6, 1e6), st.floats(0, 1)),
    optimiser=st.builds(Optimiser, st.floats(1e-9, 1), st.none() | st.floats(0, 1)),
    stages=st.lists(st.builds(Optimiser, st.floats(0, 1)), max_size=2).map(tuple),
    mode=st.sampled_from(["train", "test"]),
    weights=st.dictionaries(st.sampled_from(["a", "b"]), st.floats(0, 9)),
    folder=st.sampled_from([Path("a/b"), Path("/tmp")]),
    verbose=st.booleans(),
)


@given(runs)
def test_yaml_gives_back_what_was_saved(tmp_path_factory, run):
    path = tmp_path_factory.getbasetemp() / "run.yaml"
    save_yaml(run, path)
    assert load_yaml(Run, path) == run
    assert from_mapping(Run, to_mapping(run)) == run


def test_integers_are_taken_for_floats_and_stay_out_of_bools():
    run = from_mapping(Run, {"name": "a", "optimiser": {"learning_rate": 1, "momentum": 0}})
    assert isinstance(run.optimiser.learning_rate, float)
    assert isinstance(run.optimiser.momentum, float)


def test_yaml_files_that_are_none(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: no such file"):
        read_yaml(tmp_path / "nowhere.yaml")
    cases = {"[1, 2]": "got list", "a: [": "not readable as YAML", "just words": "got str"}
    for text, message in cases.items():
        (tmp_path / "x.yaml").write_text(text)
        with pytest.raises(ConfigError, match=message):
            read_yaml(tmp_path / "x.yaml")
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\x00bad")
    with pytest.raises(ConfigError, match="not readable as YAML"):
        read_yaml(tmp_path / "x.yaml")
    (tmp_path / "empty.yaml").write_text("# only a comment\n")
    assert read_yaml(tmp_path / "empty.yaml") == {}


def test_unknown_names_come_with_those_that_exist():
    assert unknown_name("task", "lfit", ["stack", "lift"]) == (
        "unknown task 'lfit'; did you mean 'lift'? Known: lift, stack"
    )
    assert unknown_name("task", "x", []) == "unknown task 'x'. Known: none"


ALIASES = "\n".join(
    f"x{i}: &x{i} [{', '.join([f'*x{i - 1}'] * 9) if i else 'a'}]" for i in range(9)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(ALIASES, "more than 200000 values, aliases counted", id="aliases"),
        pytest.param("a: &a [*a]", "&a contains itself", id="itself"),
        pytest.param("a: " + "[" * 50_000, "more than 100 values within one another", id="depth"),
        pytest.param("- " * 50_000, "more than 100 values within one another", id="block"),
        pytest.param("a: !!python/object/apply:os.system ['true']", "constructor", id="code"),
        pytest.param("a: 2020-13-45", "month must be", id="date"),
        pytest.param("a: !!bool x", "not readable as YAML", id="bool"),
        pytest.param("a: !!timestamp x", "not readable as YAML", id="timestamp"),
        pytest.param("x: " + "a" * 4_000_000, "more than 4000000 bytes", id="large"),
    ],
)
def test_yaml_that_means_harm_is_one_error(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "harm.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said) as caught:
        read_yaml(path)
    assert len(str(caught.value)) < 1000


def test_aliases_that_stand_for_little_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("a: &a [1, 2]\nb: *a\nc: {d: *a}\n")
    assert read_yaml(path) == {"a": [1, 2], "b": [1, 2], "c": {"d": [1, 2]}}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"name": "a\0b"}, "without zero bytes"),
        ({"name": ["a" * 10_000]}, r"a \.\.\., expected str"),
        ({"name": "a", "steps": [16**5000]}, "a list .*, expected int"),
        ({"name": "a", "optimiser": {"learning_rate": 10**400}}, "expected a number"),
        ({"name": "a", "n" * 10_000: 1}, r"unknown Run key 'n+ \.\.\."),
    ],
)
def test_odd_values_are_told_in_few_words(values: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        from_mapping(Run, values)
    assert len(str(caught.value)) < 1000
