"""What a host takes of a machine's time, and which attempts count in a comparison that needs it."""

from pathlib import Path

import pytest

from visuomotor.bench.backends import ATTEMPTS, Attempt, Attempts
from visuomotor.bench.quiet import MOST_STOLEN, StolenTime, most_stolen
from visuomotor.slow.run import VARIABLE

FIELDS = "cpu {user} 0 {system} {idle} 0 0 0 {steal} 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n"


def test_the_stolen_share_is_of_what_was_asked_for(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text(FIELDS.format(user=100, system=50, idle=700, steal=10))
    stolen = StolenTime(stat)
    stat.write_text(FIELDS.format(user=150, system=70, idle=5000, steal=40))
    assert stolen.share() == pytest.approx(30 / 100)
    assert stolen.share() == 0.0  # since the last call


def test_nothing_is_stolen_where_nobody_tells(tmp_path: Path) -> None:
    assert StolenTime(tmp_path / "stat").share() == 0.0


def test_slowed_time_needs_less_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert most_stolen() == pytest.approx(MOST_STOLEN)
    monkeypatch.setenv(VARIABLE, "4 1 1")
    assert most_stolen() == pytest.approx(1 - (1 - MOST_STOLEN) / 4)


def attempt(seed: int, success: bool, stolen: float) -> Attempt:
    return Attempt("mujoco", seed, success, 20.0, stolen, "")


def test_the_first_quiet_attempt_counts_solved_or_not(tmp_path: Path) -> None:
    attempts = Attempts(tmp_path / "attempts.jsonl")
    attempts.add([attempt(1, True, 0.5), attempt(1, False, 0.01), attempt(1, True, 0.0)])
    counted = attempts.counted("mujoco", 1)
    assert counted is not None
    assert not counted.success
    assert attempts.counted("libfranka", 1) is None


def test_after_enough_attempts_the_last_one_counts(tmp_path: Path) -> None:
    attempts = Attempts(tmp_path / "attempts.jsonl")
    attempts.add([attempt(1, False, 0.5)] * (ATTEMPTS - 1))
    assert attempts.counted("mujoco", 1) is None
    attempts.add([attempt(1, True, 0.6)])
    counted = attempts.counted("mujoco", 1)
    assert counted is not None
    assert counted.stolen == 0.6


def test_an_interrupted_comparison_goes_on(tmp_path: Path) -> None:
    Attempts(tmp_path / "attempts.jsonl").add([attempt(7, True, 0.0)])
    assert Attempts(tmp_path / "attempts.jsonl").counted("mujoco", 7) == attempt(7, True, 0.0)
