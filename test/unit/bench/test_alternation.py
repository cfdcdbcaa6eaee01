"""Ways take turns, and ratios stand with their spread."""

import pytest

from visuomotor.bench.alternation import ratio, turns


def test_every_round_asks_each_way_once_in_order() -> None:
    asked: list[str] = []

    def way(name: str, value: float) -> float:
        asked.append(name)
        return value

    found = turns({"a": lambda: way("a", 1.0), "b": lambda: way("b", 2.0)}, 3)
    assert asked == ["a", "b"] * 3
    assert found == {"a": [1.0] * 3, "b": [2.0] * 3}


def test_a_busy_round_strikes_both_sides_of_its_ratio() -> None:
    calm = ratio([4.0, 4.0, 4.0], [2.0, 2.0, 2.0])
    busy = ratio([4.0, 40.0, 4.0], [2.0, 20.0, 2.0])
    assert calm == busy == {"ratio": 2.0, "low": 2.0, "high": 2.0}


def test_the_spread_is_that_of_the_rounds() -> None:
    assert ratio([3.0, 4.0, 8.0], [1.0, 2.0, 1.0]) == {"ratio": 4.0, "low": 2.0, "high": 8.0}


def test_what_has_no_ratio_is_refused() -> None:
    for above, below in (([], []), ([1.0], [1.0, 2.0]), ([1.0], [0.0])):
        with pytest.raises(ValueError, match="as many positive numbers"):
            ratio(above, below)
