"""Every command in the documentation, by the command line, launch files and Makefile that exist."""

import shutil
from pathlib import Path

import pytest
import yaml
from command_check import ROOT, TARGETS, check, leaf, options_of
from documented_commands import (
    PAGES,
    SHELL,
    Block,
    blocks,
    commands_of,
    inline_commands,
    readers_files,
)

from visuomotor.cli import main
from visuomotor.config import from_mapping
from visuomotor.control.bridge_parameters import Config
from visuomotor.recording import find_episodes
from visuomotor.training.descriptor_config import DescriptorTrainingConfig

LANGUAGES = {*SHELL, "json", "python", "text", "xml", "yaml"}
SHELL_BLOCKS = [b for b in blocks() if b.language in SHELL]
RUN = [b for b in blocks() if b.mark == "run"]


@pytest.fixture(autouse=True)
def in_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("block", SHELL_BLOCKS, ids=str)
def test_commands_of_a_block_exist(block: Block) -> None:
    """By the real parsers; a block of anything but commands has another language, such as text."""
    commands = commands_of(block.text)
    assert commands
    for words in commands:
        try:
            check(words)
        except Exception as error:
            raise AssertionError(f"{block}: {' '.join(words)}\n{error}") from error


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_commands_within_the_text_exist(page: Path) -> None:
    """They may leave things out, but what they name is there."""
    for words in inline_commands(page):
        if words[0] == "make":
            assert words[1] in TARGETS, words
            continue
        function, rest = leaf(words[1:])
        if function is not None:
            options = {w for w in rest if w.startswith("--")}
            assert options <= options_of(function), f"{' '.join(words)}: {options}"


def test_all_pages_and_languages_are_read() -> None:
    """So that the tests above cannot pass for want of commands."""
    assert {b.language for b in blocks()} <= LANGUAGES
    assert sum(len(commands_of(b.text)) for b in SHELL_BLOCKS) > 120
    assert sum(len(inline_commands(p)) for p in PAGES) > 40
    assert {b.page for b in RUN} >= {
        f"docs/{n}.md" for n in ("quick_start", "tutorial", "api/index")
    }
    assert "docs/quick_start.md" in {b.page for b in blocks() if b.mark == "run: minutes"}


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["visuomotor", "tarin", "dense"], "no command 'tarin'"),
        (["visuomotor", "train", "dense", "--dataset", "d", "--uot", "o"], "parser ends with 2"),
        (["visuomotor", "eval", "--checkpoint", "c", "--episodes", "many"], "parser ends with 2"),
        (["visuomotor", "demos", "--task", "lfit"], "no task 'lfit'"),
        (["visuomotor", "up", "launch/sim.launch.xml", "tsk:=lift"], "unknown argument 'tsk'"),
        (["visuomotor", "up", "launch/demo.launch.xml"], "policy"),
        (["visuomotor", "up", "launch/smi.launch.xml"], "does not exist"),
        (["visuomotor", "call", "recorder/strat"], "no service"),
        (["ros2", "launch", "visuomotor", "smi.launch.xml"], "no launch file"),
        (["ros2", "run", "visuomotor", "sim", "--ros-args", "-p", "tsk:=lift"], "no parameter"),
        (["make", "tets"], "no target"),
        (["pip", "install", "visuomotor[lean]"], "no extra"),
        (["hand:", "seen", "in", "52", "frames"], "unknown program"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else "",
)
def test_a_wrong_command_is_found(words: list[str], error: str) -> None:
    with pytest.raises(Exception, match=error):
        check(words)


def test_files_that_a_reader_writes_are_accepted() -> None:
    """By who reads them: an unknown key, or a bound that is none, is an error."""
    bridge, lab = (yaml.safe_load(readers_files()[f"{n}.yaml"]) for n in ("bridge", "lab"))
    config = from_mapping(Config, bridge["/**"]["ros__parameters"], "bridge.yaml")
    assert config.max_speed < Config().max_speed
    assert from_mapping(DescriptorTrainingConfig, lab, "lab.yaml").cameras


def test_blocks_are_split_into_commands() -> None:
    text = """A=1 visuomotor demos --out a \\
      --episodes 3   # a comment
echo 'two
lines' | sudo tee x
"""
    assert commands_of(text) == [
        ["visuomotor", "demos", "--out", "a", "--episodes", "3"],
        ["echo", "two\nlines"],
        ["sudo", "tee", "x"],
    ]


@pytest.mark.parametrize("block", RUN, ids=str)
def test_marked_blocks_run(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder with the checkout's files and the sample as the dataset; long ones: test/docs.

    Of a shell block its `visuomotor` commands, in this process; the others are only checked above.
    """
    for name in ("launch", "config", "models"):
        (tmp_path / name).symlink_to(ROOT / name)
    for name in ("sample", "dataset"):
        shutil.copytree(ROOT / "sample", tmp_path / name, ignore=shutil.ignore_patterns(".cache"))
    episode = find_episodes(tmp_path / "sample")[0].name
    monkeypatch.chdir(tmp_path)
    if block.language == "python":
        exec(compile(block.text, str(block), "exec"), {"__name__": "docs"})
        return
    assert block.language in SHELL
    for words in commands_of(block.text):
        if words[0] == "visuomotor":
            arguments = [w.replace("EPISODE", episode) for w in words[1:]]
            assert main(arguments) == 0, f"{block}: {' '.join(words)}"
