"""Ratios and their intervals against what statistics says."""

import numpy as np
import pytest

from t2d_mol.evaluation.ratios import Ratio, intervals


def test_a_ratio_counts_its_wholes_only() -> None:
    assert Ratio.of([1, 0, 1], [1, 1, 0]).value == 1.0
    assert Ratio.of([True, False, False, True]).value == 0.5
    assert Ratio.of([0.0, 0.0], [0, 0]).value is None


def test_the_bootstrap_finds_the_binomial_interval() -> None:
    hits = np.arange(2000) < 600
    low, high = intervals({"rate": Ratio.of(hits)})["rate"]
    width = 1.96 * np.sqrt(0.3 * 0.7 / 2000)
    assert low == pytest.approx(0.3 - width, abs=0.004)
    assert high == pytest.approx(0.3 + width, abs=0.004)


def test_intervals_cover_what_they_should() -> None:
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(100):
        low, high = intervals({"mean": Ratio.of(rng.exponential(2.0, 200))})["mean"]
        inside += low <= 2.0 <= high
    assert 88 <= inside <= 99


def test_many_molecules_fit_in_memory_and_figures_without_value_are_left_out() -> None:
    ratio = Ratio.of(np.ones(50_000), np.full(50_000, 2.0))
    found = intervals({"a": ratio, "b": Ratio.of([0] * 50_000, [0] * 50_000)})
    assert set(found) == {"a"}
    assert found["a"] == [0.5, 0.5]
