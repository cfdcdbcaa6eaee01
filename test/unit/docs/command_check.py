"""What is wrong with a documented command, by the parsers and files that it would meet."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import importlib.metadata
import itertools
import os
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import tyro
from documented_commands import ROOT, readers_files

from visuomotor.cli import application
from visuomotor.commands.listing import CommandTree
from visuomotor.ros import topics
from visuomotor.ros.launch import read_launch_file
from visuomotor.ros.launch.supervisor import find_launch_file, parse_arguments

FOREIGN = {
    ".", "adb", "cd", "colcon", "docker", "echo", "eval", "export", "git", "lerobot-train", "ln",
    "mkdir", "python3", "rosdep", "rs-enumerate-devices", "source", "ssh", "sudo", "vcs",
}  # fmt: skip
"""Programs of others: that they are written rightly is not checked."""
PYTHON_LAUNCH = {"robot_crisp": {"bringup": "false"}, "gazebo": {"world": "false"}}
"""What leaves out the parts of these files that only `ros2 launch` can read."""
FOLDERS = ("launch", "config", "models", "docs", "benchmarks", "docker", "requirements", "scripts")
SERVICES = {v for k, v in vars(topics).items() if k.isupper() and isinstance(v, str)}
NODES = {p.stem for p in (ROOT / "src" / "visuomotor" / "nodes").glob("[a-z]*.py")}
TARGETS = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M))


PREFIX = tempfile.TemporaryDirectory(prefix="foreign-")  # removed when Python ends
TREE = application(CommandTree)


def leaf(words: Sequence[str]) -> tuple[Callable[..., Any] | None, list[str]]:
    """The function that `visuomotor WORDS` runs, None for a group, and the words left to it."""
    here: Any = TREE
    rest = list(words)
    while isinstance(here, CommandTree):
        if not rest or rest[0].startswith(("-", "[", "...")) or rest[0].isupper():
            return None, rest
        assert rest[0] in here.names, f"no command {rest[0]!r}, expected one of {[*here.names]}"
        here = here.names[rest.pop(0)]
    return here, rest


def parsed(function: Callable[..., Any], words: Sequence[str]) -> dict[str, Any]:
    """The arguments that a command would be run with."""

    @functools.wraps(function)
    def keep(*args: Any, **kwargs: Any) -> dict[str, Any]:
        return {**dict(enumerate(args)), **kwargs}

    try:
        return tyro.cli(keep, args=words, config=(tyro.conf.FlagCreatePairsOff,))
    except SystemExit as end:
        raise AssertionError(f"the command's parser ends with {end.code}, see above") from None


@functools.cache
def options_of(function: Callable[..., Any]) -> set[str]:
    """The names of a command's options, with their dashes."""
    from visuomotor.commands.training_run import OwnThreads, TrainingRun

    names = set[str]()
    for name, kind in function.__annotations__.items():
        shared = {"Run": TrainingRun, "ThreadedRun": OwnThreads}.get(str(kind))
        names |= {f.name for f in dataclasses.fields(shared)} if shared else {name}
    return {"--" + n.replace("_", "-") for n in names} | {"--help"}


def check(words: Sequence[str]) -> None:
    """Raises AssertionError, or our own error, that says what is wrong with a whole command."""
    program, rest = Path(words[0]).name or words[0], list(words[1:])
    for before, word in itertools.pairwise(words):
        for path in re.findall(rf"(?:^|[=:\s])((?:{'|'.join(FOLDERS)})/[\w./-]+)", word):
            assert before == "--out" or (ROOT / path).exists(), f"{path} does not exist"
    if program == "visuomotor":
        check_ours(rest)
    elif program == "make":
        targets = {w for w in rest if "=" not in w}
        assert targets <= TARGETS, f"no target {targets - TARGETS}"
    elif program == "ros2":
        check_ros2(rest)
    elif program in NODES:
        check_node(program, rest)
    elif program == "pip":
        known = set(importlib.metadata.metadata("visuomotor").get_all("Provides-Extra") or ())
        named = {e for w in rest for m in re.findall(r"\[(.*)\]", w) for e in m.split(",")}
        assert named <= known, f"no extra {named - known}, expected some of {known}"
    elif program == "python" and rest[0] == "-m":
        importlib.import_module(f"{rest[1]}.__main__").arguments(rest[2:])
    elif program == "python":
        assert rest[0] == "-c"
        compile(rest[1], "docs", "exec")
    elif program == "pytest":
        files = [w for w in rest if not w.startswith("-")]
        assert all((ROOT / f).exists() for f in files), files
    else:
        assert program in FOREIGN, f"unknown program {program!r}: is this block a command's output?"


def check_ours(words: Sequence[str]) -> None:
    """`visuomotor WORDS`: by the command's own parser, then what its arguments name."""
    from visuomotor.sim.tasks import TASKS

    function, rest = leaf(words)
    if function is None:
        assert rest[:1] in (["--help"], ["--tyro-write-completion"]), f"no command in {words}"
        return
    if function.__name__ == "slow":
        parsed(function, [rest[0], "--", *rest[1:]])
        check(rest[1:])
        return
    given = parsed(function, rest)
    if function.__name__ == "up":
        check_launch(str(given["file"]), given["arguments"])
    if function.__name__ == "call":
        assert given["service"] in SERVICES, f"no service {given['service']!r}"
    if words[0] in ("demos", "eval"):
        assert given["task"] in TASKS, f"no task {given['task']!r}"


def check_launch(file: str, arguments: Sequence[str]) -> None:
    """The launch file is read with these arguments, foreign programs taken for installed."""
    path = find_launch_file(file)
    words = {k: readers_file(v) for k, v in parse_arguments(list(arguments)).items()}
    given = {**PYTHON_LAUNCH.get(path.name.split(".")[0], {}), **words}
    assert read_launch_file(path, given, foreign_environment())


def readers_file(name: str) -> str:
    """The path of a file that a page has the reader write; any other value as it is."""
    text = readers_files().get(name)
    if text is None:
        return name
    path = Path(PREFIX.name) / name
    path.write_text(text)
    return str(path)


@functools.cache
def foreign_environment() -> dict[str, str]:
    """An environment with a program for every node of other packages, none of which is run."""
    prefix = Path(PREFIX.name)
    for file in (ROOT / "launch").glob("*.launch.xml"):
        for package, program in re.findall(r'<node pkg="(\w+)" exec="(\w+)"', file.read_text()):
            path = prefix / "lib" / package / program
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o755)
    return {**os.environ, "AMENT_PREFIX_PATH": str(prefix)}


def check_ros2(words: Sequence[str]) -> None:
    """`ros2 launch|run visuomotor`; its other verbs are ROS's own."""
    if list(words[:2]) == ["launch", "visuomotor"]:
        check_launch(words[2], words[3:])
    elif list(words[:2]) == ["run", "visuomotor"]:
        assert words[2] in NODES, f"no node {words[2]!r}, expected one of {sorted(NODES)}"
        check_node(words[2], words[3:])
    else:
        verbs = {"action", "bag", "control", "launch", "node", "param", "run", "service", "topic"}
        assert words[0] in verbs, f"unknown verb {words[0]!r}"


def check_node(node: str, words: Sequence[str]) -> None:
    """A node started by hand: its parameters are fields of its configuration."""
    given = {b.split(":=")[0] for a, b in itertools.pairwise(words) if a == "-p"}
    if given:
        config = importlib.import_module(f"visuomotor.nodes.{node}").Config
        known = {f.name for f in dataclasses.fields(config)}
        assert given <= known, f"{node} has no parameter {given - known}"
