"""Size-bucketed batches: dense arrays per bucket, and an endless, resumable order of batches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from t2d_mol.elements import CHARGES, MAX_ATOMS, NUMBERS
from t2d_mol.molecule import MoleculeBatch
from t2d_mol.qm9.dataset import Molecules

BUCKETS = (14, 16, 18, 20, 22, MAX_ATOMS)
"""Padded sizes; a molecule goes to the smallest that holds it."""


@dataclass(frozen=True, eq=False)
class Bucket:
    """Dense arrays of the molecules of one padded size, and their indices in the data set."""

    indices: NDArray[np.intp]
    types: NDArray[np.uint8]
    positions: NDArray[np.float32]
    bonds: NDArray[np.uint8]
    charges: NDArray[np.uint8]
    sizes: NDArray[np.int32]

    def batch(self, rows: NDArray[np.intp]) -> MoleculeBatch:
        """Return the batch of some rows."""
        size = torch.from_numpy(self.sizes[rows])
        return MoleculeBatch(
            torch.from_numpy(self.types[rows]).long(),
            torch.from_numpy(self.positions[rows]),
            torch.from_numpy(self.bonds[rows]).long(),
            torch.from_numpy(self.charges[rows]).long(),
            torch.arange(self.types.shape[1]) < size[:, None],
        )


def buckets(molecules: Molecules, indices: NDArray[np.intp]) -> list[Bucket]:
    """Lay out the chosen molecules densely, one bucket per padded size that occurs."""
    sizes = molecules.sizes()[indices]
    slot = np.searchsorted(BUCKETS, sizes)
    return [
        _dense(molecules, indices[slot == number], padded) for number, padded in enumerate(BUCKETS) if (slot == number).any()
    ]


def _dense(molecules: Molecules, indices: NDArray[np.intp], padded: int) -> Bucket:
    part = molecules.take(indices)
    arrays, sizes, count = part.arrays, part.sizes(), len(part)
    row = np.repeat(np.arange(count), sizes)
    column = np.arange(len(row)) - np.repeat(arrays.atom_offsets[:-1], sizes)
    type_of = np.zeros(max(NUMBERS) + 1, np.uint8)
    type_of[list(NUMBERS)] = np.arange(len(NUMBERS))
    types = np.zeros((count, padded), np.uint8)
    types[row, column] = type_of[arrays.numbers]
    positions = np.zeros((count, padded, 3), np.float32)
    positions[row, column] = part.positions()
    charges = np.full((count, padded), CHARGES.index(0), np.uint8)
    charges[row, column] = arrays.charges - CHARGES[0]
    bonds = np.zeros((count, padded, padded), np.uint8)
    owner = np.repeat(np.arange(count), np.diff(arrays.bond_offsets))
    i, j, order = arrays.bonds // 128, arrays.bonds // 4 % 32, arrays.bonds % 4
    bonds[owner, i, j] = bonds[owner, j, i] = order
    return Bucket(indices, types, positions, bonds, charges, sizes)


class BatchStream:
    """An endless order of batches that depends on seed and step alone, so that training resumes anywhere.

    Every epoch shuffles each bucket, cuts it into batches of one size and shuffles those; the few molecules that do not
    fill a batch wait for another epoch's shuffle.
    """

    def __init__(self, contents: Sequence[Bucket], batch_size: int, seed: int) -> None:
        self.contents, self.seed = contents, seed
        self.batch_sizes = [min(batch_size, len(bucket.indices)) for bucket in contents]
        self.steps_per_epoch = sum(
            len(bucket.indices) // size for bucket, size in zip(contents, self.batch_sizes, strict=True)
        )
        self._epoch, self._plan = -1, list[tuple[int, NDArray[np.intp]]]()

    def __call__(self, step: int) -> tuple[MoleculeBatch, NDArray[np.intp]]:
        """Return the batch of a step and the data-set indices of its molecules."""
        epoch, position = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            self._epoch, self._plan = epoch, self._order(epoch)
        number, rows = self._plan[position]
        bucket = self.contents[number]
        return bucket.batch(rows), bucket.indices[rows]

    def _order(self, epoch: int) -> list[tuple[int, NDArray[np.intp]]]:
        rng = np.random.default_rng((self.seed, epoch))
        plan = []
        for number, (bucket, size) in enumerate(zip(self.contents, self.batch_sizes, strict=True)):
            order = rng.permutation(len(bucket.indices))
            plan += [(number, order[start : start + size]) for start in range(0, len(order) - size + 1, size)]
        return [plan[place] for place in rng.permutation(len(plan))]


def in_order(contents: Sequence[Bucket], batch_size: int) -> Iterator[tuple[MoleculeBatch, NDArray[np.intp]]]:
    """Yield every molecule once, bucket by bucket, for validation."""
    for bucket in contents:
        for start in range(0, len(bucket.indices), batch_size):
            rows = np.arange(start, min(start + batch_size, len(bucket.indices)))
            yield bucket.batch(rows), bucket.indices[rows]


__all__ = ["BUCKETS", "BatchStream", "Bucket", "buckets", "in_order"]
