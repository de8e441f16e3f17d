"""What a data set stores of a molecule's graph, found once when it is prepared."""

import numpy as np
from numpy.typing import NDArray

from t2d_mol.chem.graph import hash_smiles, judge
from t2d_mol.chem.lookup import lookup_smiles
from t2d_mol.chem.perception import perceive_bonds
from t2d_mol.molecule import Molecule


def annotate(
    numbers: NDArray[np.uint8], positions: NDArray[np.float32]
) -> tuple[NDArray[np.uint8], NDArray[np.int8], int, int]:
    """Return what a data set stores of a molecule's graph: bonds, charges, and the hashes novelty is judged by.

    The hashes are those of its canonical SMILES and of its look-up SMILES (0 where the look-up rule finds none).

    Raises:
        InputError: if no bond orders fit the geometry.
    """
    bonds, charges = perceive_bonds(numbers, positions)
    return bonds, charges, *novelty_hashes(Molecule(numbers, positions, bonds, charges))


def novelty_hashes(molecule: Molecule) -> tuple[int, int]:
    """Return the hashes of a molecule's canonical SMILES and of its look-up SMILES, 0 where the look-up rule finds none."""
    by_bonds, by_lookup = judge(molecule).smiles, lookup_smiles(molecule)
    return hash_smiles(by_bonds or ""), hash_smiles(by_lookup) if by_lookup else 0
