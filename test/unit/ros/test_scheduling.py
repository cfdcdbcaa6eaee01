"""Priorities are asked for and told of; what the system refuses changes nothing."""

import os
import threading

import pytest

from visuomotor.contracts import check_priority
from visuomotor.ros.scheduling import come_first, stand_back


def in_a_thread(work):
    results = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    thread.join()
    return results[0]


def policies_of_a_family():
    refused = come_first(3)
    child = in_a_thread(lambda: os.sched_getscheduler(0))
    own = os.sched_getscheduler(0), os.sched_getparam(0).sched_priority
    stand_back()
    return refused, own, child, os.sched_getscheduler(0)


def test_a_thread_and_those_it_makes_come_first_or_are_told_why_not() -> None:
    refused, own, child, after = in_a_thread(policies_of_a_family)
    if refused:
        assert "rtprio" in refused
        assert own == (os.SCHED_OTHER, 0)
    else:
        assert own == (os.SCHED_RR, 3)
        assert child == os.SCHED_RR
    assert after == os.SCHED_OTHER
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


def test_none_is_no_priority() -> None:
    assert in_a_thread(lambda: (come_first(0), os.sched_getscheduler(0))) == ("", os.SCHED_OTHER)


@pytest.mark.parametrize("priority", [-1, 99])
def test_a_priority_that_there_is_not_is_named(priority) -> None:
    with pytest.raises(ValueError, match=f"got realtime_priority {priority}, expected 0"):
        check_priority(priority)
