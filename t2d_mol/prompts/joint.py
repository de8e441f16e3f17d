"""What goes with targets: atom counts and values drawn from the labelled records that meet them."""

from dataclasses import replace
from random import Random
from typing import Final

import numpy as np
from numpy.typing import NDArray

from t2d_mol.checkpoint import Checkpoint, Statistics
from t2d_mol.elements import MAX_ATOMS
from t2d_mol.errors import InputError
from t2d_mol.molecule import Target
from t2d_mol.properties import KEYS

NEAREST: Final = 200
"""An atom count is drawn from at least this many labelled records nearest to the targets."""


class Joint:
    """The joint of atom count and properties in a checkpoint: p(n) and p(n, values | targets)."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.statistics = checkpoint.statistics
        self.sizes: NDArray[np.float64] = checkpoint.sizes.numpy().astype(float)
        joint = checkpoint.joint.numpy()
        self.counts, self.values = joint[:, 0].astype(int), joint[:, 1:]
        self._rows: dict[tuple[Target, ...], NDArray[np.intp]] = {}

    def draw(
        self, targets: tuple[Target, ...], atoms: tuple[int, int] | None, rng: Random
    ) -> tuple[int, NDArray[np.float32] | None]:
        """Draw an atom count and, where targets are given, the normalised values of a record that meets them."""
        low, high = atoms or (1, MAX_ATOMS)
        if not 1 <= low <= high <= MAX_ATOMS:
            raise InputError(f"atom counts run from 1 to {MAX_ATOMS}, not {low} to {high}")
        if targets and len(self.counts):
            rows = self._nearest(targets)
            inside = rows[(self.counts[rows] >= low) & (self.counts[rows] <= high)]
            row = int(rng.choice(inside if len(inside) else rows))
            count = int(self.counts[row]) if len(inside) else rng.randint(low, high)
            return count, self.values[row]
        weights = self.sizes[low : high + 1]
        if not weights.sum():
            weights = np.ones_like(weights)
        return rng.choices(range(low, high + 1), weights.tolist())[0], None

    def _nearest(self, targets: tuple[Target, ...]) -> NDArray[np.intp]:
        """Return the records that meet the targets, at least `NEAREST` of those that come nearest."""
        if targets not in self._rows:
            distance = np.zeros(len(self.counts))
            for target in targets:
                index = KEYS.index(target.property)
                low, high = (self.statistics.normalise(index, bound) for bound in bounds(target, self.statistics))
                values = self.values[:, index]
                distance += np.maximum(np.maximum(low - values, values - high), 0) ** 2
            limit = np.partition(distance, min(NEAREST, len(distance)) - 1)[min(NEAREST, len(distance)) - 1]
            if len(self._rows) > 1000:
                self._rows.clear()
            self._rows[targets] = np.flatnonzero(distance <= limit)
        return self._rows[targets]


def bounds(target: Target, statistics: Statistics) -> tuple[float, float]:
    """Return the range of values that meets a target."""
    index = KEYS.index(target.property)
    if target.level is not None:
        return statistics.level_bounds(index, target.level)
    if target.op == "between":
        assert target.low is not None and target.high is not None
        return target.low, target.high
    assert target.value is not None
    row = statistics.percentiles[index]
    return {
        "=": (target.value, target.value),
        "<": (min(row[0], target.value), target.value),
        ">": (target.value, max(row[-1], target.value)),
    }[target.op]


def settle(target: Target, statistics: Statistics, drawn: NDArray[np.float32] | None) -> Target:
    """Replace a range or an inequality by the value drawn inside it; `=` and levels stay as they are."""
    if drawn is None or target.op in ("=", "level"):
        return target
    index = KEYS.index(target.property)
    low, high = bounds(target, statistics)
    value = min(max(statistics.denormalise(index, float(drawn[index])), low), high)
    return replace(target, op="=", value=value, low=None, high=None)
