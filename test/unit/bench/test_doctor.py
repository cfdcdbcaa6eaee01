"""The doctor finds what is there, says how to get what is not, and never crashes."""

import subprocess
import sys
from pathlib import Path

import pytest

from visuomotor.bench import doctor, machine_checks, software_checks
from visuomotor.bench.diagnosis import Check, missing, ok, warning

BLOCK = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocked())
import importlib.metadata as metadata
real = metadata.version
def version(name):
    if name in {gone!r}:
        raise metadata.PackageNotFoundError(name)
    return real(name)
metadata.version = version
from visuomotor.cli import main
sys.exit(main(["doctor", "--out", {out!r}]))
"""


def test_this_machine_has_what_is_required(tmp_path: Path) -> None:
    checks = {c.name: c for c in doctor.diagnose(tmp_path)}
    for name in ("Python", "core libraries", "ROS 2", "middleware", "MuJoCo", "EGL", "torch"):
        assert checks[name].status in ("ok", "warning"), checks[name]
    assert "frame in" in checks["EGL"].found
    assert "MB/s" in checks["disk"].found
    assert not any("could not be checked" in c.found for c in checks.values())
    assert list(tmp_path.iterdir()) == []


def test_it_works_without_anything_optional(tmp_path: Path) -> None:
    blocked = {"torch", "mujoco", "franky", "franky_sim", "rclpy"}
    gone = {"torch", "mujoco", "franky-control", "franky-sim"}
    code = BLOCK.format(blocked=blocked, gone=gone, out=str(tmp_path))
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert run.returncode == 1, run.stderr
    rows = {line[:15].strip(): line for line in run.stdout.splitlines() if line[:1].strip()}
    for name in ("MuJoCo", "torch", "franky-control", "franky-sim", "ROS 2"):
        assert "missing" in rows[name]
    assert "pip install 'visuomotor[sim]'" in run.stdout
    assert "required and missing: ROS 2" in run.stdout


def test_a_check_that_raises_becomes_a_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken() -> list[Check]:
        raise RuntimeError("no such bus")

    monkeypatch.setattr(doctor, "SOFTWARE_CHECKS", [("bus", broken)])
    found = doctor.diagnose(tmp_path)[0]
    assert (found.name, found.status) == ("bus", "warning")
    assert "no such bus" in found.found


def test_the_exit_code_is_about_what_is_required(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.print_report([ok("a", "1"), warning("b", "2"), missing("c", "3", "get c")]) == 0
    assert "optional and missing: c" in capsys.readouterr().out
    assert doctor.print_report([ok("a", "1"), missing("c", "3", "get c", required=True)]) == 1
    assert "required and missing: c" in capsys.readouterr().out


def test_remedies_stand_only_where_they_are_needed() -> None:
    text = doctor.format_report(
        [Check("a", "ok", "there", "never said"), missing("b", "-", "get b")]
    )
    assert "never said" not in text
    assert "-> get b" in text


def test_long_lines_are_wrapped() -> None:
    text = doctor.format_report([warning("a", "word " * 60, "word " * 60)], width=80)
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.skipif(software_checks.version("ros-rclpy") is None, reason="ROS is not from wheels")
@pytest.mark.parametrize("prefix", [sys.prefix, "/elsewhere"], ids=["wheels", "sourced"])
def test_wheels_beside_a_sourced_distribution_are_a_warning(
    prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its PYTHONPATH comes before the environment, so that its rclpy is the one that is found."""
    monkeypatch.setenv("ROS_DISTRO", "jazzy")
    monkeypatch.setattr(sys, "prefix", prefix)
    ros = software_checks.check_ros()[0]
    assert (ros.name, ros.status) == ("ROS 2", "warning")
    assert "jazzy is sourced, too" in ros.found


def test_a_dds_profile_that_is_no_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTRTPS_DEFAULT_PROFILES_FILE", "/nowhere.xml")
    profile = next(c for c in software_checks.check_ros() if c.name == "DDS profile")
    assert profile.status == "warning"
    assert "/nowhere.xml" in profile.found


@pytest.mark.parametrize(
    ("environment", "status"),
    [
        ({"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}, "ok"),
        ({"ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET"}, "warning"),
        ({"ROS_LOCALHOST_ONLY": "1"}, "ok"),
    ],
)
def test_discovery_over_the_network_is_a_warning(
    environment: dict[str, str], status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ROS_AUTOMATIC_DISCOVERY_RANGE", "ROS_LOCALHOST_ONLY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert next(c for c in software_checks.check_ros() if c.name == "discovery").status == status


def test_a_folder_that_is_not_there_yet_is_measured_where_it_would_be(tmp_path: Path) -> None:
    (check,) = machine_checks.check_disk(tmp_path / "a" / "b")
    assert check.status in ("ok", "warning")
    assert not (tmp_path / "a").exists()


def test_no_shared_memory_is_a_warning(tmp_path: Path) -> None:
    (check,) = machine_checks.check_shared_memory(tmp_path / "shm")
    assert check.status == "warning"


def test_no_room_is_required_and_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_checks, "MIN_FREE_GB", 1e9)
    (check,) = machine_checks.check_disk(tmp_path)
    assert (check.status, check.required) == ("missing", True)
