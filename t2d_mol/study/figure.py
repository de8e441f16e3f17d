"""Figures with what each molecule adds to them, so that cells can be held against one another molecule by molecule."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from t2d_mol.evaluation.ratios import Ratio

DIGITS = 6
"""Decimals of entries in files."""


@dataclass(frozen=True, eq=False)
class Figure:
    """A figure with its standard error over the molecules.

    Attributes:
        value: of the figure, NaN where nothing is counted.
        error: its standard error, 0 where it has none.
        entries: (n,) one for each molecule, whose mean is the value and whose scatter the error; None where there are none.
    """

    value: float
    error: float = 0.0
    entries: NDArray[np.float64] | None = None

    @classmethod
    def of(cls, entries: ArrayLike) -> "Figure":
        """Return the mean of independent entries (n,)."""
        values = np.asarray(entries, np.float64)
        error = float(values.std(ddof=1)) / len(values) ** 0.5 if len(values) > 1 else 0.0
        return cls(float(values.mean()), error, values)

    @classmethod
    def of_ratio(cls, ratio: Ratio) -> "Figure":
        """Return a ratio of sums, linearised: entry i is R + (part_i − R whole_i) / mean whole (the delta method)."""
        if not ratio.wholes.sum():
            return cls(math.nan)
        value = ratio.parts.sum() / ratio.wholes.sum()
        return cls.of(value + (ratio.parts - value * ratio.wholes) / ratio.wholes.mean())

    @classmethod
    def of_groups(cls, groups: Sequence["Figure"]) -> "Figure":
        """Return the mean of figures of different molecules; how far these figures lie apart is no part of its error."""
        value = fmean(figure.value for figure in groups)
        if not all(figure.entries is not None for figure in groups):
            return cls(value)
        centred = [figure.entries - figure.value for figure in groups if figure.entries is not None]
        return cls.of(value + np.concatenate(centred))

    def less(self, other: "Figure") -> "Figure":
        """Return the difference from the same figure of another cell, whose molecules were asked for alike."""
        if self.entries is None or other.entries is None:
            return Figure(self.value - other.value)
        return Figure.of(self.entries - other.entries)

    def scaled(self, factor: float) -> "Figure":
        """Return the figure in other units."""
        entries = None if self.entries is None else factor * self.entries
        return Figure(factor * self.value, abs(factor) * self.error, entries)

    def to_json(self) -> dict[str, Any]:
        """Return the figure as files have it; null where it has no value."""
        if not math.isfinite(self.value):
            return {"value": None, "error": 0.0, "entries": None}
        entries = None if self.entries is None else [round(float(entry), DIGITS) for entry in self.entries]
        return {"value": self.value, "error": self.error, "entries": entries}

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> "Figure":
        """Return what `to_json` returned, to `DIGITS` decimals."""
        entries = told.get("entries")
        if entries is not None:
            return cls.of(entries)
        return cls(math.nan if told["value"] is None else told["value"], told["error"])


def mean_of_seeds(figures: Sequence[Figure], *, alike: bool = False) -> Figure:
    """Return the mean over seeds, with the error that the molecules give it.

    Args:
        figures: of one name, one for each seed.
        alike: whether the seeds share their molecules; else each has its own.
    """
    entries = [figure.entries for figure in figures if figure.entries is not None]
    if alike and len(entries) == len(figures):
        return Figure.of(np.mean(entries, 0))
    error = sum(figure.error**2 for figure in figures) ** 0.5 / len(figures)
    return Figure(fmean(figure.value for figure in figures), error)


def between_seeds(figures: Sequence[Figure]) -> float:
    """Return the standard error that the scatter of the seeds gives their mean, 0 of a single one."""
    values = [figure.value for figure in figures]
    if not all(map(math.isfinite, values)):
        return math.nan
    return stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0
