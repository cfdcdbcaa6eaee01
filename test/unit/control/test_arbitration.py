"""Who is in control, for every combination of live and dead sources."""

from __future__ import annotations

import itertools

import pytest

from visuomotor.control import Arbiter

MS = 1_000_000
PRESS = (None, "pressed", "released", "expired")


def arbiter(teleop, enable, policy_offers, required):
    """As it stands at 1 s."""
    made = Arbiter(require_policy_enable=required)
    times = {"pressed": 900, "released": 900, "expired": 700}
    for given, hear in ((teleop, made.teleop_enable), (enable, made.policy_enable)):
        if given:  # it was seen let go, so that a press counts
            hear(False, 0)
    if teleop:
        made.teleop_enable(teleop != "released", times[teleop] * MS)
    if enable:
        made.policy_enable(enable != "released", times[enable] * MS)
    if policy_offers:
        made.policy_offered(900 * MS)
    return made


@pytest.mark.parametrize(
    ("teleop", "enable", "offers", "required"),
    list(itertools.product(PRESS, PRESS, (True, False), (True, False))),
)
def test_the_whole_table(teleop, enable, offers, required) -> None:
    made, now = arbiter(teleop, enable, offers, required), 1000 * MS
    permitted = enable == "pressed" if required else enable != "released"
    expected = "teleop" if teleop == "pressed" else "policy" if offers and permitted else None
    assert made.source(now) == expected
    assert (made.refusal("teleop", now)[0] == "") == (teleop == "pressed")
    assert (made.refusal("policy", now)[0] == "") == (teleop != "pressed" and permitted)


def test_enable_and_offers_expire() -> None:
    made = Arbiter()
    made.teleop_enable(True, 0)
    assert made.source(200 * MS) == "teleop"
    assert made.source(201 * MS) is None
    made.policy_offered(300 * MS)
    assert made.source(550 * MS) == "policy"
    assert made.source(551 * MS) is None
    made.clear()
    assert made.source(310 * MS) is None


def test_times_from_the_future_are_not_live() -> None:
    made = Arbiter()
    made.teleop_enable(True, 5000 * MS)
    made.policy_offered(5000 * MS)
    assert made.source(1000 * MS) is None
