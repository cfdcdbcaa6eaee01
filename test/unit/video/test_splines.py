"""Splines in time: weights sum to one, lines stay lines, gaps are filled."""

from __future__ import annotations

import numpy as np
import pytest

from visuomotor.video.splines import fit_knots, spline_basis


@pytest.mark.parametrize(("frames", "knots"), [(3, 14), (20, 14), (60, 14), (60, 4)])
def test_weights_are_positive_and_sum_to_one(frames: int, knots: int) -> None:
    basis = spline_basis(frames, knots)
    assert (basis >= 0).all()
    assert np.allclose(basis.sum(axis=1), 1)


def test_a_curve_is_followed_and_a_gap_is_filled_smoothly() -> None:
    time = np.linspace(0, 1, 60)
    curve = np.stack((time, np.sin(3 * time)), axis=1)
    basis = spline_basis(60, 14)
    assert np.abs(basis @ fit_knots(basis, curve, np.ones(60), 1e-6) - curve).max() < 1e-3
    gapped = curve.copy()
    gapped[20:35] = np.nan
    filled = basis @ fit_knots(basis, gapped, np.isfinite(gapped[:, 0]).astype(float), 1e-3)
    assert np.abs(filled - curve).max() < 0.05
