"""Figures that are ratios of sums over molecules, with bootstrap intervals."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES: Final = 1000
CONFIDENCE: Final = 0.95
_CHUNK: Final = 4_000_000


@dataclass(frozen=True, eq=False)
class Ratio:
    """A figure: the sum of `parts` over the sum of `wholes`, each with one entry for every molecule.

    Attributes:
        parts: (n,) numerators, such as 1 where a molecule is valid.
        wholes: (n,) denominators, such as 1 for each molecule, or 0 for those the figure leaves out.
    """

    parts: NDArray[np.float64]
    wholes: NDArray[np.float64]

    @classmethod
    def of(cls, parts: ArrayLike, wholes: ArrayLike | None = None) -> "Ratio":
        """Build a ratio; without `wholes` it is a mean."""
        array = np.asarray(parts, np.float64)
        return cls(array, np.ones_like(array) if wholes is None else np.asarray(wholes, np.float64))

    @property
    def value(self) -> float | None:
        """The figure, None where nothing is counted."""
        whole = self.wholes.sum()
        return round(float(self.parts.sum() / whole), 6) if whole else None


def intervals(figures: Mapping[str, Ratio]) -> dict[str, list[float]]:
    """Return 95 % bootstrap intervals of the figures that have a value, over the same resamples of molecules.

    Resampling with replacement is approximated by independent Poisson(1) weights (Chamandy et al., Estimating Uncertainty
    for Massive Data Streams, 2012), so that memory stays bounded.
    """
    names = [name for name, ratio in figures.items() if ratio.value is not None]
    if not names:
        return {}
    parts = np.stack([figures[name].parts for name in names], 1)
    wholes = np.stack([figures[name].wholes for name in names], 1)
    rng = np.random.default_rng(0)
    sums, counts = [], []
    rows = max(1, _CHUNK // len(parts))
    for start in range(0, RESAMPLES, rows):
        weights = rng.poisson(1.0, (min(rows, RESAMPLES - start), len(parts))).astype(np.float64)
        sums.append(weights @ parts)
        counts.append(weights @ wholes)
    total, whole = np.concatenate(sums), np.concatenate(counts)
    values = np.where(whole > 0, total / np.maximum(whole, 1e-300), np.nan)
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.nanpercentile(values, [tail, 100 - tail], axis=0)
    return {name: [round(float(a), 6), round(float(b), 6)] for name, a, b in zip(names, low, high, strict=True)}
