"""Errors, hits and levels by hand."""

import numpy as np
import pytest

from t2d_mol.checkpoint import Statistics
from t2d_mol.evaluation.calibration import levels
from t2d_mol.molecule import Target
from t2d_mol.properties import KEYS
from t2d_mol.targets import bounds, error, hit


@pytest.mark.parametrize(
    ("target", "value", "wrong", "hits"),
    [
        (Target("gap", "=", value=7.0), 7.2, 0.2, True),
        (Target("gap", "=", value=7.0), 7.3, 0.3, False),
        (Target("gap", "<", value=7.0), 6.0, 0.0, True),
        (Target("gap", "<", value=7.0), 7.1, 0.1, False),
        (Target("gap", ">", value=7.0), 6.9, 0.1, False),
        (Target("gap", ">", value=7.0), 9.0, 0.0, True),
        (Target("gap", "between", low=5.0, high=6.0), 5.5, 0.0, True),
        (Target("gap", "between", low=5.0, high=6.0), 6.5, 0.5, False),
    ],
)
def test_errors_and_hits(target: Target, value: float, wrong: float, hits: bool, qm9_statistics: Statistics) -> None:
    assert qm9_statistics.mad[KEYS.index("gap")] == pytest.approx(1.0757, abs=1e-3)
    assert error(target, value, qm9_statistics) == pytest.approx(wrong)
    assert hit(target, value, qm9_statistics) is hits


def test_levels_are_the_quintiles_with_open_ends(qm9_statistics: Statistics) -> None:
    thresholds = qm9_statistics.thresholds(KEYS.index("mu"))
    asked = [Target("mu", "level", level=level) for level in range(5)]
    assert bounds(asked[0], qm9_statistics) == (-np.inf, thresholds[0])
    assert bounds(asked[4], qm9_statistics) == (thresholds[3], np.inf)
    assert error(asked[2], thresholds[1] - 0.1, qm9_statistics) == pytest.approx(0.1)
    values = np.array([-1.0, thresholds[0], thresholds[0] + 1e-6, thresholds[3], 99.0])
    reached = [[hit(target, value, qm9_statistics) for target in asked].index(True) for value in values]
    assert reached == [0, 0, 1, 3, 4]
    table = np.zeros((5, 6))
    table[:, KEYS.index("mu")] = values
    assert levels(table, qm9_statistics)[:, KEYS.index("mu")].tolist() == reached
