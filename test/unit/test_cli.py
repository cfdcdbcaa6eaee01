"""The command line: help at once, one line per error, its exit codes."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor

from visuomotor.cli import main
from visuomotor.commands.benchmarks import figures_table
from visuomotor.commands.dependencies import explain_missing
from visuomotor.commands.progress import ProgressLine
from visuomotor.commands.training import stop_on_interrupt
from visuomotor.errors import DataError, MissingDependencyError
from visuomotor.recording import find_episodes, load_sidecar
from visuomotor.ros.services import trigger

HEAVY = ("numpy", "torch", "rclpy", "mujoco", "cv2", "rosbags", "tqdm")
COMMANDS = (
    "up",
    "call",
    "demo",
    "demos",
    "episodes",
    "calibrate",
    "train",
    "descriptors",
    "eval",
    "export",
    "import",
    "bench",
    "study",
    "weak",
    "slow",
    "doctor",
)
EPISODES = (
    "list",
    "info",
    "play",
    "trim",
    "label",
    "discard",
    "restore",
    "repair",
    "export-video",
)


def test_it_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    package = (Path(__file__).parents[2] / "package.xml").read_text()
    assert main(["--version"]) == 0
    version = capsys.readouterr().out.strip().removeprefix("visuomotor ")
    assert f"<version>{version}</version>" in package, "both say the same"


@pytest.mark.parametrize(
    "words", [[], ["train", "dense"], ["train", "bc"], ["train", "gti"]], ids=" ".join
)
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    code = (
        "import sys\nfrom visuomotor.cli import main\n"
        f"try: main({[*words, '--help']!r})\nexcept SystemExit: pass\n"
        f"print('HEAVY', [m for m in {HEAVY!r} if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "HEAVY []"
    for command in () if words else COMMANDS:
        assert command in run.stdout


@pytest.mark.parametrize(
    "words",
    [[c] for c in COMMANDS]
    + [["episodes", e] for e in EPISODES]
    + [["train", t] for t in ("descriptors", "dense", "bc", "pointbc", "autoencoder", "policy")]
    + [["train", t] for t in ("han", "gplac", "gti", "goal")]
    + [["calibrate", c] for c in ("board", "extrinsics", "latency", "rehearse")]
    + [["study", s] for s in ("run", "table")]
    + [["descriptors", d] for d in ("evaluate", "table", "view")]
    + [["export", "lerobot"], ["import", "lerobot"], ["import", "robomimic"]]
    + [["weak", w] for w in ("label", "capture", "check")]
    + [["video", v] for v in ("parse", "estimate", "show", "replay", "phases", "example")]
    + [["skill", s] for s in ("eval", "starts", "example", "page", "replay", "arm")],
    ids=" ".join,
)
def test_every_command_explains_itself(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main([*words, "--help"])
    assert end.value.code == 0
    assert f"usage: visuomotor {' '.join(words)}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["episodes", "list", "/nowhere"], "/nowhere: no such folder"),
        (["episodes", "trim", "/nowhere", "--start-s", "1"], "metadata.yaml is missing"),
        (["up", "/nowhere.launch.xml"], "no launch file '/nowhere.launch.xml'"),
        (["demos", "--task", "lfit"], "did you mean 'lift'"),
        (["demos", "--episodes", "0"], "--episodes: got 0"),
        (["study", "run", "dens"], "did you mean 'dense'"),
        (["eval", "--checkpoint", "/nowhere"], "/nowhere: no config.yaml"),
        (
            ["train", "bc", "--dataset", "d", "--out", "o", "--truth", "3d"],
            "got --truth without --object",
        ),
        (
            ["train", "bc", "--dataset", "d", "--out", "o", "--frozen"],
            "got frozen without encoder_from",
        ),
        (
            ["train", "dense", "--dataset", "/nowhere", "--out", "o"],
            "/nowhere: no such folder",
        ),
        (
            [
                *("train", "dense", "--dataset", "d", "--out", "o"),
                *("--descriptors", "x", "--descriptors-config", "y.yaml"),
            ],
            "leave one out",
        ),
        (
            ["train", "policy", "--dataset", "d", "--out", "o", "--family", "dens"],
            "did you mean 'dense'",
        ),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else "",
)
def test_a_users_error_is_one_line_and_exit_code_2(
    words: list[str],
    expected: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert expected in error
    assert len(error.splitlines()) == 1


def test_ctrl_c_is_130(tmp_path: Path) -> None:
    """A demonstration run that is interrupted after its first episode."""
    command = [sys.executable, "-u", "-m", "visuomotor.cli", "demos", "--episodes", "500"]
    size = ["--width", "32", "--height", "24", "--cameras", "front", "--out", str(tmp_path)]
    run = subprocess.Popen(
        command + size, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert run.stdout is not None
        assert run.stdout.readline().startswith("demos 1/500: seed 1000 ")
        run.send_signal(signal.SIGINT)
        _, error = run.communicate(timeout=20)
    finally:
        run.kill()
    assert run.returncode == 130
    assert error.splitlines()[-1] == "interrupted"


def test_demos_and_the_catalogue(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Writes two episodes, then labels, trims, discards, restores and exports one."""
    size = ["--width", "32", "--height", "24", "--cameras", "front"]
    assert (
        main(["demos", "--episodes", "2", "--first-seed", "7", "--out", str(tmp_path), *size]) == 0
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("demos 1/2: seed 7 success")
    assert lines[1].startswith("demos 2/2: seed 8 success")
    first, second = find_episodes(tmp_path)

    assert main(["episodes", "list", str(tmp_path)]) == 0
    listed = capsys.readouterr().out
    assert first.name in listed
    assert second.name in listed
    assert main(["episodes", "info", str(first)]) == 0
    assert "/command/target_pose" in capsys.readouterr().out

    label = ["--outcome", "failure", "--tag", "slow", "blurred", "--operator", "me"]
    assert main(["episodes", "label", str(first), *label]) == 0
    assert main(["episodes", "trim", str(first), "--start-s", "0.5", "--end-s", "1.5"]) == 0
    sidecar = load_sidecar(first)
    assert (sidecar.outcome, sidecar.operator, sidecar.trim_s) == ("failure", "me", (0.5, 1.5))
    assert {"slow", "blurred"} <= set(sidecar.tags)
    assert main(["episodes", "list", str(tmp_path)]) == 0
    told = capsys.readouterr().out.splitlines()[-1]
    assert told == "1 of 2 labelled episodes succeeded, 0.500 (95% interval 0.095 to 0.905)"
    assert main(["episodes", "label", str(second), "--outcome", "unknown"]) == 0
    assert main(["episodes", "list", str(tmp_path)]) == 0
    assert "0 of 1 labelled episodes succeeded, 0.000" in capsys.readouterr().out

    assert main(["episodes", "discard", str(first), str(second)]) == 0
    assert find_episodes(tmp_path) == []
    capsys.readouterr()
    assert main(["episodes", "list", str(tmp_path), "--trash"]) == 0
    for path in capsys.readouterr().out.split():
        assert main(["episodes", "restore", path]) == 0
    assert find_episodes(tmp_path) == [first, second]

    video = tmp_path / "first.avi"
    assert main(["episodes", "export-video", str(first), "--out", str(video)]) == 0
    assert video.stat().st_size > 1000
    capsys.readouterr()
    assert main(["episodes", "repair", str(tmp_path)]) == 0
    assert "nothing to repair" in capsys.readouterr().out


def test_call_asks_a_node_and_prints_its_answer() -> None:
    """A node in this process offers two services; the command runs in one of its own."""
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("recorder", context=context)

    def refuse() -> str:
        raise DataError("nothing is being recorded")

    trigger(node, "recorder/start", lambda: "recording lift/1")
    trigger(node, "recorder/stop", refuse)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    thread = threading.Thread(target=executor.spin, daemon=True)
    thread.start()

    def call(name: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "visuomotor.cli", "call", name, "--timeout-s", "10"]
        return subprocess.run(command, capture_output=True, text=True, timeout=40)

    try:
        started, stopped = call("recorder/start"), call("recorder/stop")
    finally:
        executor.shutdown()
        thread.join(5.0)
        node.destroy_node()
        rclpy.try_shutdown(context=context)
    assert (started.returncode, started.stdout) == (0, "recording lift/1\n")
    assert stopped.returncode == 2
    assert "refused: nothing is being recorded" in stopped.stderr


def test_progress_without_a_terminal_is_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressLine("train", 3, every_s=3600.0) as line:
        line.to(1, "loss 2")
        line.to(2, "loss 1")
        line.to(3, "loss 0")
    assert capsys.readouterr().out.splitlines() == ["train 1/3: loss 2", "train 3/3: loss 0"]


def test_the_first_interrupt_asks_and_the_second_ends() -> None:
    with stop_on_interrupt() as stopped:
        assert not stopped()
        os.kill(os.getpid(), signal.SIGINT)
        assert stopped()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_a_missing_library_names_its_extra() -> None:
    with pytest.raises(MissingDependencyError, match=r"visuomotor\[robot\]"), explain_missing():
        raise ModuleNotFoundError("No module named 'franky'", name="franky")
    with pytest.raises(ModuleNotFoundError), explain_missing():
        raise ModuleNotFoundError("No module named 'visuomotor.x'", name="visuomotor.x")


def test_figures_are_listed_with_their_limit() -> None:
    result = {
        "name": "loop",
        "figures": {"rate_hz": 20.0, "ms": {"p50": 31.25, "all": [1.0, 2.5]}},
        "limited_by": "us",
    }
    lines = [line.split() for line in figures_table(result).splitlines()]
    assert lines == [
        ["loop"],
        ["rate_hz", "20"],
        ["ms.p50", "31.25"],
        ["ms.all", "1,", "2.5"],
        ["limited", "by:", "us"],
    ]
