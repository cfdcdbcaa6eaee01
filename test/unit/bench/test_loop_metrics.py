import numpy as np
import pytest

from visuomotor.bench.loop_metrics import LoopLog, loop_figures
from visuomotor.contracts import STEP_NS
from visuomotor.control import Limits


def log_of(n: int, latency_ns: int, lost: set[int] = frozenset(), start: int = 10**9) -> LoopLog:
    """A stretch of n steps 50 ms apart; the commands of the steps in `lost` never came."""
    log = LoopLog()
    for i in range(n):
        stamp, position = start + i * STEP_NS, (0.4 + 1e-3 * i, 0.0, 0.2)
        log.sets.append(stamp)
        log.steps.append((stamp, position))
        if i not in lost:
            log.commands.append((stamp + latency_ns, position))
    return log


def test_a_perfect_loop_has_20_hz_and_misses_nothing() -> None:
    figures = loop_figures([log_of(200, 30_000_000)])
    assert figures.rate_hz == pytest.approx(20.0)
    assert figures.missed_deadline_fraction == 0.0
    assert figures.latency_ms() == {"p50": 30.0, "p95": 30.0}


@pytest.mark.parametrize("latency_ms", [20, 70, 99])
def test_latencies_above_a_step_are_matched_to_their_own_set(latency_ms: int) -> None:
    figures = loop_figures([log_of(100, latency_ms * 1_000_000)])
    assert figures.latency_ms()["p50"] == pytest.approx(latency_ms)
    assert figures.missed_deadline_fraction == 0.0


def test_lost_late_and_absent_steps_count_as_missed() -> None:
    lost = loop_figures([log_of(100, 30_000_000, lost={10, 11, 12, 13, 14})])
    assert lost.missed_deadline_fraction == pytest.approx(0.05)
    late = loop_figures([log_of(100, 101_000_000)])
    assert late.missed_deadline_fraction == 1.0
    gap = log_of(100, 30_000_000)
    gap.steps = gap.steps[:40] + gap.steps[50:]
    gap.commands = gap.commands[:40] + gap.commands[50:]
    assert loop_figures([gap]).missed_deadline_fraction == pytest.approx(0.10)
    assert max(loop_figures([gap]).intervals_ms) == pytest.approx(550)


def test_a_target_beyond_the_workspace_is_matched_to_its_clipped_command() -> None:
    log, top = LoopLog(), Limits().upper[2]
    for i in range(50):
        stamp, xy = 10**9 + i * STEP_NS, (0.4 + 1e-3 * i, 0.0)
        log.steps.append((stamp, (*xy, top + 0.01)))
        log.commands.append((stamp + 30_000_000, (*xy, top)))
    figures = loop_figures([log])
    assert figures.missed_deadline_fraction == 0.0
    assert figures.latency_ms()["p95"] == 30.0


def test_the_pause_between_rollouts_is_not_part_of_the_rate() -> None:
    figures = loop_figures([log_of(100, 30_000_000), log_of(100, 30_000_000, start=10**12)])
    assert figures.rate_hz == pytest.approx(20.0)
    assert np.max(figures.intervals_ms) == pytest.approx(50.0)


def test_a_loop_that_never_ran_missed_everything() -> None:
    figures = loop_figures([LoopLog()])
    assert (figures.rate_hz, figures.missed_deadline_fraction) == (0.0, 1.0)
