"""Between lists of molecules and dense, padded batches."""

from collections.abc import Sequence

import numpy as np
import torch

from t2d_mol.elements import CHARGES, MAX_ATOMS, NUMBERS
from t2d_mol.molecule import Molecule, MoleculeBatch

_TYPE_OF_NUMBER = np.zeros(max(NUMBERS) + 1, np.int64)
_TYPE_OF_NUMBER[list(NUMBERS)] = np.arange(len(NUMBERS))


def pad(molecules: Sequence[Molecule], width: int = 0) -> MoleculeBatch:
    """Return a batch as wide as its largest molecule, or wider; missing bonds and charges count as none."""
    width = max(width, *(len(molecule) for molecule in molecules))
    types = np.zeros((len(molecules), width), np.int64)
    positions = np.zeros((len(molecules), width, 3), np.float32)
    bonds = np.zeros((len(molecules), width, width), np.int64)
    charges = np.full((len(molecules), width), CHARGES.index(0), np.int64)
    mask = np.zeros((len(molecules), width), bool)
    for row, molecule in enumerate(molecules):
        size = len(molecule)
        types[row, :size] = _TYPE_OF_NUMBER[molecule.numbers]
        positions[row, :size] = molecule.positions
        mask[row, :size] = True
        if molecule.bonds is not None:
            bonds[row, :size, :size] = molecule.bonds
        if molecule.charges is not None:
            charges[row, :size] = molecule.charges - CHARGES[0]
    return MoleculeBatch(*(torch.from_numpy(array) for array in (types, positions, bonds, charges, mask)))


def unpad(batch: MoleculeBatch) -> list[Molecule]:
    """Return the molecules of a batch, each at its own size."""
    numbers, charges = np.array(NUMBERS, np.uint8), np.array(CHARGES, np.int8)
    molecules = []
    for row, size in enumerate(batch.mask.sum(1).tolist()):
        molecules.append(
            Molecule(
                numbers[batch.types[row, :size].cpu().numpy()],
                batch.positions[row, :size].cpu().numpy(),
                batch.bonds[row, :size, :size].cpu().numpy().astype(np.uint8),
                charges[batch.charges[row, :size].cpu().numpy()],
            )
        )
    return molecules


def batches_by_size(molecules: Sequence[Molecule], batch_size: int) -> list[list[int]]:
    """Return places of molecules of at most `elements.MAX_ATOMS` atoms in batches of similar size."""
    order = sorted(
        (place for place, m in enumerate(molecules) if len(m) <= MAX_ATOMS), key=lambda place: len(molecules[place])
    )
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
