"""Intervals over clusters: against plain counting, and wider where points hang together."""

import numpy as np

from visuomotor.bench.clustered import NOTHING, Clusters


def width(estimate: object) -> float:
    return estimate.high - estimate.low  # type: ignore[attr-defined,no-any-return]


def test_auroc_is_the_share_of_pairs_won() -> None:
    rng = np.random.default_rng(0)
    scores, others = rng.integers(0, 9, 70).astype(float), rng.integers(-3, 7, 50).astype(float)
    of, of_other = rng.integers(0, 6, 70), rng.integers(0, 6, 50)
    found = Clusters(6).auroc((scores, of), (others, of_other))
    difference = scores[:, None] - others
    expected = ((difference > 0) + 0.5 * (difference == 0)).mean()
    assert found.value is not None
    np.testing.assert_allclose(found.value, expected)
    assert found.low is not None
    assert found.high is not None
    assert found.low < expected < found.high
    swapped = Clusters(6).auroc((others, of_other), (scores, of))
    assert swapped.value is not None
    np.testing.assert_allclose(swapped.value, 1 - expected)


def test_quantiles_and_shares_are_those_of_the_points() -> None:
    rng = np.random.default_rng(1)
    values, of = rng.exponential(size=1001), rng.integers(0, 20, 1001)
    median, p90 = Clusters(20).quantiles(values, of, (0.5, 0.9))
    assert median.value is not None
    assert p90.value is not None
    np.testing.assert_allclose(
        (median.value, p90.value), np.quantile(values, (0.5, 0.9)), rtol=0.01
    )
    share = Clusters(20).share(values > 1, of)
    np.testing.assert_allclose(share.value or 0, (values > 1).mean())


def test_repeating_points_of_a_scene_narrows_nothing() -> None:
    rng = np.random.default_rng(2)
    scene = np.arange(30)
    values = rng.normal(size=30)
    once = Clusters(30).quantiles(values, scene, (0.5,))[0]
    often = Clusters(30).quantiles(np.repeat(values, 50), np.repeat(scene, 50), (0.5,))[0]
    np.testing.assert_allclose(width(often), width(once), rtol=0.25)
    as_if_independent = Clusters(1500).quantiles(np.repeat(values, 50), np.arange(1500), (0.5,))[0]
    assert width(as_if_independent) < 0.5 * width(often)
    shares = Clusters(30).share(np.repeat(values > 0, 50), np.repeat(scene, 50))
    assert width(shares) > 0.2


def test_infinite_errors_and_empty_columns() -> None:
    values = np.array([1.0, 2.0, np.inf, np.inf, np.inf])
    low, median = Clusters(5).quantiles(values, np.arange(5), (0.2, 0.6))
    assert low.value == 1.0
    assert median.value is None
    nothing, no_scene = np.zeros(0), np.zeros(0, np.int64)
    assert Clusters(5).quantiles(nothing, no_scene, (0.5,)) == [NOTHING]
    assert Clusters(5).share(nothing > 0, no_scene) == NOTHING
    assert Clusters(5).auroc((nothing, no_scene), (values, np.arange(5))) == NOTHING
