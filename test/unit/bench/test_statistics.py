"""Wilson's interval, and differences between methods on paired starts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visuomotor.bench.statistics import holm, interval, mcnemar, paired_difference, wilson

COUNTS = st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(COUNTS)
def test_interval_holds_the_share_and_stays_a_proportion(counts: tuple[int, int]) -> None:
    k, n = counts
    low, high = wilson(k, n)
    assert 0 <= low <= k / n <= high <= 1
    assert low < high


@given(COUNTS)
def test_failures_mirror_successes(counts: tuple[int, int]) -> None:
    k, n = counts
    low, high = wilson(k, n)
    assert wilson(n - k, n) == pytest.approx((1 - high, 1 - low))


@given(COUNTS)
def test_more_trials_at_the_same_share_narrow_it(counts: tuple[int, int]) -> None:
    k, n = counts
    low, high = wilson(k, n)
    low4, high4 = wilson(4 * k, 4 * n)
    assert high4 - low4 < high - low


@pytest.mark.parametrize(
    ("k", "n", "expected"),
    [(10, 10, (0.7225, 1.0)), (0, 10, (0.0, 0.2775)), (81, 263, (0.2553, 0.3662))],
)
def test_published_values(k: int, n: int, expected: tuple[float, float]) -> None:
    assert wilson(k, n) == pytest.approx(expected, abs=5e-5)


def test_nothing_tried_says_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("k", "n"), [(-1, 3), (4, 3), (0, -1)])
def test_impossible_counts_are_refused(k: int, n: int) -> None:
    with pytest.raises(ValueError, match="0 <= successes <= n"):
        wilson(k, n)


def test_mcnemar_is_the_sign_test_of_the_discordant_starts() -> None:
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(5, 5) == 1.0
    assert mcnemar(0, 5) == mcnemar(5, 0) == pytest.approx(2 / 2**5)
    assert mcnemar(2, 8) == pytest.approx(2 * (1 + 10 + 45) / 2**10)


def test_holm_adjusts_the_smallest_most_and_keeps_the_order() -> None:
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_paired_difference_sees_what_counts_alone_do_not() -> None:
    rng = np.random.default_rng(1)
    easy = rng.random(300) < 0.5
    better = easy | (rng.random(300) < 0.08)  # solves all that the other does, and a few more
    found = paired_difference(better[None], easy[None])
    assert found.difference == pytest.approx(better.mean() - easy.mean())
    assert 0 < found.low < found.difference < found.high
    assert found.p_value < 1e-2
    nothing = paired_difference(easy[None], easy[None])
    assert (nothing.difference, nothing.low, nothing.high, nothing.p_value) == (0, 0, 0, 1)
    mirrored = paired_difference(easy[None], better[None])
    assert mirrored.difference == -found.difference


def test_one_lucky_seed_of_three_is_no_certainty() -> None:
    lucky, usual = np.ones((3, 200), bool), np.ones((3, 200), bool)
    usual[0, :100] = False  # one training run went wrong
    found = paired_difference(lucky, usual)
    assert found.low <= 0 < found.difference
    assert found.p_value > 0.05
    with pytest.raises(ValueError, match="twice the same"):
        paired_difference(lucky, usual[:2])


def test_each_seed_has_its_own_mcnemar() -> None:
    a, b = np.ones((2, 20), bool), np.ones((2, 20), bool)
    b[1, :8] = False
    found = paired_difference(a, b)
    assert found.by_seed == (1.0, mcnemar(8, 0))


def test_a_margin_forgives_a_small_loss_but_not_a_large_one() -> None:
    a, b = np.ones((1, 300), bool), np.ones((1, 300), bool)
    a[0, :3] = False  # .01 worse
    assert paired_difference(a, b).difference == pytest.approx(-0.01)
    assert paired_difference(a, b, margin=0.05).p_value < 0.01
    a[0, :15] = False  # .05 worse: at the margin nothing is shown
    assert paired_difference(a, b, margin=0.05).p_value > 0.3
    a[0, :45] = False
    assert paired_difference(a, b, margin=0.05).p_value > 0.99


def test_few_starts_without_a_loss_do_not_exclude_one() -> None:
    same = np.ones((1, 10), bool)
    assert paired_difference(same, same, margin=0.05).p_value == pytest.approx(0.95**10)


def test_rollouts_of_one_surrounding_are_no_independent_trials():
    n, surroundings = 400, 40
    good = np.arange(n) % surroundings < 20  # half of the surroundings, every time
    mixed = np.random.default_rng(2).random(n) < 0.5
    alone, clustered = interval(good[None]), interval(good[None], surroundings)
    assert clustered[0] < alone[0] - 0.05
    assert clustered[1] > alone[1] + 0.05
    free = interval(mixed[None], surroundings)
    assert free == pytest.approx(interval(mixed[None]), abs=0.03)
    assert interval(np.ones((2, n), bool), surroundings)[1] == 1.0
    assert interval(np.ones((2, n), bool), surroundings)[0] < 1.0


def test_a_difference_in_few_surroundings_is_not_taken_for_one_in_many_starts():
    n, surroundings = 400, 40
    number = np.arange(n) % surroundings
    worse = np.zeros((1, n), bool)
    better = (number < 2)[None] | worse  # twenty starts more, all in two surroundings
    assert paired_difference(better, worse).p_value < 1e-4
    found = paired_difference(better, worse, clusters=surroundings)
    assert found.p_value > 0.05
    assert found.difference == pytest.approx(0.05)
    everywhere = (np.arange(n) < 200)[None]
    assert paired_difference(everywhere, worse, clusters=surroundings).p_value < 0.01
    bounded = paired_difference(worse, worse, margin=0.05, clusters=surroundings)
    assert bounded.p_value == pytest.approx(0.95**surroundings)
