"""What goes with targets: atom counts and values drawn from the labelled records that meet them, and how near any comes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Final

import numpy as np
from numpy.typing import NDArray

from t2d_mol.checkpoint import Checkpoint, Statistics
from t2d_mol.elements import MAX_ATOMS, SYMBOLS
from t2d_mol.errors import InputError
from t2d_mol.molecule import Structure, Target
from t2d_mol.prompts.structure import bounds
from t2d_mol.properties import KEYS
from t2d_mol.targets import value_range

FEWEST: Final = 10
"""Where so many labelled records meet the targets, atom counts and values are drawn from them."""

NEAREST: Final = 200
"""Where fewer do, from at least this many nearest to the targets, if there are ten times as many."""

FAR: Final = 0.75
"""Targets whose nearest record is farther than this, in units of the properties' own correlated spread, are warned of."""


ANYTHING: Final = Structure()


@dataclass(frozen=True, eq=False)
class Nearest:
    """The labelled record that comes nearest to some targets.

    Attributes:
        distance: Mahalanobis distance over the properties asked for, 0 if the record meets all of them.
        values: the record's values in canonical units, by property.
    """

    distance: float
    values: dict[str, float]


class Joint:
    """The joint of structure and properties in a checkpoint: p(n) and p(n, values | targets, structural wishes)."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.statistics = checkpoint.statistics
        self.sizes: NDArray[np.float64] = checkpoint.sizes.numpy().astype(float)
        joint = checkpoint.joint.numpy()
        self.counts, self.values = joint[:, 0].astype(int), joint[:, 1:]
        self.structures: NDArray[np.int64] = checkpoint.structures.numpy().astype(int)
        self._rows: dict[object, NDArray[np.intp]] = {}

    def draw(
        self,
        targets: tuple[Target, ...],
        structure: Structure,
        rng: Random,
        weights: Mapping[str, float] | None = None,
    ) -> tuple[int, NDArray[np.float32] | None]:
        """Draw an atom count and, where a labelled record meets what is asked, that record's normalised values.

        Raises:
            InputError: if no molecule can have the atom counts asked for.
        """
        sizes = sizes_of(structure)
        graph = replace(structure, atoms=None, aromatic=None)
        rows = self._rows_for(targets, structure, weights or {}) if (targets or graph) and len(self.counts) else None
        if rows is not None and len(rows):
            row = int(rng.choice(rows))
            return int(self.counts[row]), self.values[row]
        weighted = self.sizes[sizes]
        if not weighted.sum() or graph:
            weighted = np.ones_like(weighted)
        count, values = rng.choices(sizes, weighted.tolist())[0], None
        if targets and len(self.counts):  # no record has the structure: values come from the others
            values = self.values[int(rng.choice(self._rows_for(targets, ANYTHING, weights or {})))]
        return count, values

    def nearest(self, targets: tuple[Target, ...], structure: Structure = ANYTHING) -> Nearest | None:
        """Return the labelled record of a structure nearest to some targets; None without targets or such records.

        Each target is the interval of values that meet it; the distance is the Mahalanobis distance, over the properties
        asked for, from a record to the nearest point of the box of these intervals along each axis.
        """
        rows = np.flatnonzero(self._meets(structure))
        if not targets or not len(rows):
            return None
        indices = [KEYS.index(target.property) for target in targets]
        gaps = np.stack([self._signed_gap(target)[rows] for target in targets], 1)
        covariance = np.array(self.statistics.covariance)[np.ix_(indices, indices)]
        precision = np.linalg.pinv(covariance + 0.01 * np.eye(len(indices)))
        square = np.einsum("ri,ij,rj->r", gaps, precision, gaps)
        place = int(square.argmin())
        row = int(rows[place])
        values = {
            target.property: self.statistics.denormalise(index, float(self.values[row, index]))
            for index, target in zip(indices, targets, strict=True)
        }
        return Nearest(float(max(square[place], 0.0) ** 0.5), values)

    def _rows_for(self, targets: tuple[Target, ...], structure: Structure, weights: Mapping[str, float]) -> NDArray[np.intp]:
        """Return the records that have the structure and meet the targets, or those of that structure that come nearest."""
        key = (targets, structure, tuple(sorted(weights.items())))
        if key not in self._rows:
            rows = np.flatnonzero(self._meets(structure))
            if targets and len(rows):
                distance = sum(weights.get(target.property, 1.0) * self._signed_gap(target)[rows] ** 2 for target in targets)
                wanted = min(NEAREST, max(FEWEST, len(rows) // 10), len(rows))
                if np.count_nonzero(distance == 0) >= FEWEST:
                    rows = rows[distance == 0]
                else:
                    rows = rows[distance <= np.partition(distance, wanted - 1)[wanted - 1]]
            if len(self._rows) > 1000:
                self._rows.clear()
            self._rows[key] = rows
        return self._rows[key]

    def _signed_gap(self, target: Target) -> NDArray[np.float64]:
        """Return how far each record lies, normalised, above or below the values that meet a target."""
        index = KEYS.index(target.property)
        low, high = (self.statistics.normalise(index, bound) for bound in value_range(target, self.statistics))
        values = self.values[:, index].astype(float)
        return np.maximum(values - high, 0) - np.maximum(low - values, 0)

    def _meets(self, structure: Structure) -> NDArray[np.bool_]:
        met = np.ones(len(self.counts), bool)
        ranges: list[tuple[NDArray[np.int64], int, int | None]] = []
        if structure.atoms is not None:
            ranges.append((self.counts, *structure.atoms))
        if len(self.structures):
            if structure.heavy is not None:
                ranges.append((self.structures[:, 1 : len(SYMBOLS)].sum(1), *structure.heavy))
            if structure.rings is not None:
                ranges.append((self.structures[:, len(SYMBOLS)], *structure.rings))
            ranges += [(self.structures[:, SYMBOLS.index(symbol)], low, high) for symbol, low, high in structure.elements]
        for counts, low, high in ranges:
            met &= (counts >= low) & (counts <= (MAX_ATOMS if high is None else high))
        return met


def sizes_of(structure: Structure) -> list[int]:
    """Return the atom counts a structure leaves.

    Raises:
        InputError: if there are none.
    """
    low, high = structure.atoms or (1, MAX_ATOMS)
    if not 1 <= low <= high <= MAX_ATOMS:
        raise InputError(f"atom counts run from 1 to {MAX_ATOMS}, not {low} to {high}")
    if structure.heavy is not None:
        low, high = max(low, structure.heavy[0]), min(high, 3 * structure.heavy[1] + 2)
    found = []
    for count in range(low, high + 1):
        try:
            bounds(structure, count)
        except InputError:
            continue
        found.append(count)
    if not found:
        raise InputError("no molecule can have all that is asked of the structure")
    return found


def settle(target: Target, statistics: Statistics, drawn: NDArray[np.float32] | None) -> Target:
    """Replace a range or an inequality by the value drawn inside it, its middle where none was; `=` and levels stay."""
    if target.op in ("=", "level"):
        return target
    index = KEYS.index(target.property)
    low, high = value_range(target, statistics)
    if drawn is None:
        return replace(target, op="=", value=(low + high) / 2, low=None, high=None)
    value = min(max(statistics.denormalise(index, float(drawn[index])), low), high)
    return replace(target, op="=", value=value, low=None, high=None)
