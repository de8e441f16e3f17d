"""Bond orders and formal charges from a geometry, by RDKit's perception with a fixed sequence of settings."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from t2d_mol.errors import InputError
from t2d_mol.molecule import Molecule

COVALENT_FACTORS: Final = (1.2, 1.15, 1.1, 1.25, 1.3)
"""Factors on the covalent radii, tried in turn; the first that gives one sanitised, connected molecule decides."""


MOST_ITERATIONS: Final = 20_000
"""Ways to spread bond orders that are tried; molecules of QM9's size need far fewer."""


def perceive_bonds(numbers: NDArray[np.uint8], positions: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.int8]]:
    """Determine Kekulé bond orders and formal charges of a neutral molecule from its geometry.

    Args:
        numbers: (n,) atomic numbers.
        positions: (n, 3) coordinates in Å.

    Returns:
        Bond orders (n, n) and formal charges (n,).

    Raises:
        InputError: if no setting gives one sanitised, connected molecule.
    """
    from rdkit import Chem, rdBase
    from rdkit.Chem import rdDetermineBonds

    _quiet = rdBase.BlockLogs()  # until it is collected
    for factor in COVALENT_FACTORS:
        mol = Chem.RWMol()
        conformer = Chem.Conformer(len(numbers))
        for index, (number, position) in enumerate(zip(numbers, positions, strict=True)):
            mol.AddAtom(Chem.Atom(int(number)))
            conformer.SetAtomPosition(index, position.astype(float).tolist())
        mol.AddConformer(conformer)
        try:
            rdDetermineBonds.DetermineBonds(
                mol, charge=0, useVdw=True, embedChiral=False, covFactor=factor, maxIterations=MOST_ITERATIONS
            )
            Chem.SanitizeMol(mol)
        except (ValueError, RuntimeError):
            continue
        if len(Chem.GetMolFrags(mol)) == 1 and not any(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms()):
            return _kekulised(mol)
    raise InputError("no bond orders fit this geometry")


def with_perceived_bonds(molecule: Molecule) -> Molecule:
    """Return the molecule with bonds and charges, perceived if it has none.

    Raises:
        InputError: as `perceive_bonds`.
    """
    if molecule.bonds is not None:
        return molecule
    bonds, charges = perceive_bonds(molecule.numbers, molecule.positions)
    return Molecule(molecule.numbers, molecule.positions, bonds, charges)


def _kekulised(mol: object) -> tuple[NDArray[np.uint8], NDArray[np.int8]]:
    from rdkit import Chem

    Chem.Kekulize(mol, clearAromaticFlags=True)
    atoms = mol.GetAtoms()  # type: ignore[attr-defined]
    bonds = np.zeros((len(atoms), len(atoms)), np.uint8)
    for bond in mol.GetBonds():  # type: ignore[attr-defined]
        i, j = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        bonds[i, j] = bonds[j, i] = round(bond.GetBondTypeAsDouble())
    return bonds, np.array([atom.GetFormalCharge() for atom in atoms], np.int8)
