"""Targets as numbers: the values that meet one, how far a value is from what was asked, whether it hits."""

import math
from typing import Final

from t2d_mol.checkpoint import Statistics
from t2d_mol.molecule import Target
from t2d_mol.properties import KEYS

HIT_WIDTH: Final = 0.25
"""A value hits an exact target within this many mean absolute deviations."""


def bounds(target: Target, statistics: Statistics) -> tuple[float, float]:
    """Return the values between which a target is met exactly; open ends are infinite, as are the outermost levels'."""
    if target.op == "level":
        assert target.level is not None
        thresholds = (-math.inf, *statistics.thresholds(KEYS.index(target.property)), math.inf)
        return thresholds[target.level], thresholds[target.level + 1]
    if target.op == "between":
        assert target.low is not None and target.high is not None
        return target.low, target.high
    assert target.value is not None
    return {
        "=": (target.value, target.value),
        "<": (-math.inf, target.value),
        ">": (target.value, math.inf),
    }[target.op]


def value_range(target: Target, statistics: Statistics) -> tuple[float, float]:
    """Return the values of QM9 that meet a target, lowest and highest, in canonical units."""
    row = statistics.percentiles[KEYS.index(target.property)]
    low, high = bounds(target, statistics)
    return min(row[0], high) if low == -math.inf else low, max(row[-1], low) if high == math.inf else high


def error(target: Target, value: float, statistics: Statistics) -> float:
    """Return the absolute difference, in canonical units, of a value from the nearest one that meets the target."""
    low, high = bounds(target, statistics)
    return max(low - value, value - high, 0.0)


def hit(target: Target, value: float, statistics: Statistics) -> bool:
    """Return whether a value reaches the asked level, lies in the range, or within `HIT_WIDTH` of an exact target."""
    if target.op == "level":
        return statistics.level(KEYS.index(target.property), value) == target.level
    slack = HIT_WIDTH * statistics.mad[KEYS.index(target.property)] if target.op == "=" else 0.0
    return bool(error(target, value, statistics) <= slack)
