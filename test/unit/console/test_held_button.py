"""The dead-man on a page: nothing but close successors of a press counts as held."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visuomotor.console.held_button import HeldButton
from visuomotor.errors import CommandError

MS = 1_000_000


@given(st.lists(st.tuples(st.sampled_from(["press", "keep", "release"]), st.integers(0, 500))))
def test_enabled_only_within_the_gap_of_the_message_before(steps: list[tuple[str, int]]) -> None:
    button, now_ns, hold, last_ns = HeldButton(0.3), 10**9, "", None
    for what, later_ms in steps:
        now_ns += later_ms * MS
        live = last_ns is not None and now_ns - last_ns <= 300 * MS
        assert button.held(now_ns) == live
        if what == "press":
            if live:
                with pytest.raises(CommandError, match="held already"):
                    button.press(now_ns)
            else:
                hold, last_ns = button.press(now_ns), now_ns
        elif what == "keep":
            if live:
                button.keep(hold, now_ns)
                last_ns = now_ns
            else:
                with pytest.raises(CommandError, match="press again"):
                    button.keep(hold, now_ns)
                last_ns = None
        else:
            button.release(hold)
            last_ns = None


def test_a_hold_that_went_silent_is_over_for_good() -> None:
    button = HeldButton(0.3)
    hold = button.press(0)
    with pytest.raises(CommandError, match="silent for too long"):
        button.keep(hold, 301 * MS)
    with pytest.raises(CommandError, match="press again"):
        button.keep(hold, 302 * MS)
    assert not button.release(hold)


def test_one_page_cannot_end_or_keep_anothers_hold() -> None:
    button = HeldButton()
    mine = button.press(0)
    assert not button.release("")
    assert not button.release("another")
    with pytest.raises(CommandError):
        button.keep("another", 1)
    button.keep(mine, 2)
    assert button.release(mine)
    assert not button.held(3)
    with pytest.raises(CommandError):
        button.keep(mine, 4)


@pytest.mark.parametrize("gap_s", [0.0, -1.0, 0.6, float("nan")])
def test_a_gap_that_is_no_dead_man_is_refused(gap_s: float) -> None:
    with pytest.raises(ValueError, match=r"expected up to 0\.5 s"):
        HeldButton(gap_s)
