"""A policy does not act on what is long over, nor on the stamps of another clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visuomotor.control.policy_config import Config

NOW_NS = 10**18


@given(st.floats(0.0, 0.999), st.booleans())
def test_sets_of_the_present_are_acted_on(age_s: float, ahead: bool) -> None:
    stamp_ns = NOW_NS + round((1 if ahead else -1) * age_s * 1e9)
    assert Config(set_age_s=1.0).set_refusal(stamp_ns, NOW_NS) == ""


@given(st.integers(11, 10**6))
def test_old_and_future_sets_are_refused_with_their_age(tenths: int) -> None:
    config = Config(set_age_s=1.0)
    old = config.set_refusal(NOW_NS - tenths * 10**8, NOW_NS)
    assert f"{tenths // 10}.{tenths % 10} s old" in old
    assert "synchronise the clocks" in old
    assert "s ahead of this node" in config.set_refusal(NOW_NS + tenths * 10**8, NOW_NS)


@pytest.mark.parametrize("age_s", [0.0, -1.0, float("nan")])
def test_an_age_must_be_positive(age_s: float) -> None:
    with pytest.raises(ValueError, match="set_age_s"):
        Config(set_age_s=age_s)
