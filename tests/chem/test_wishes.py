"""Structural wishes held against real molecules."""

import numpy as np
import pytest

from t2d_mol.chem.wishes import is_aromatic, ring_count, unmet
from t2d_mol.molecule import Molecule, Structure


def molecule(smiles: str) -> Molecule:
    """Return the graph of a SMILES, hydrogens added; coordinates are all zero."""
    from rdkit import Chem

    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    Chem.Kekulize(mol, clearAromaticFlags=True)
    bonds = np.zeros((mol.GetNumAtoms(),) * 2, np.uint8)
    for bond in mol.GetBonds():
        ends = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        bonds[ends] = bonds[ends[::-1]] = int(bond.GetBondTypeAsDouble())
    numbers = np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()], np.uint8)
    charges = np.array([atom.GetFormalCharge() for atom in mol.GetAtoms()], np.int8)
    return Molecule(numbers, np.zeros((len(numbers), 3), np.float32), bonds, charges)


@pytest.mark.parametrize(
    ("smiles", "rings", "aromatic"),
    [("CCO", 0, False), ("C1CC1", 1, False), ("c1ccoc1", 1, True), ("C1CC2CC1C2", 2, False), ("[H][H].C1CC1", 1, False)],
)
def test_rings_and_aromaticity(smiles: str, rings: int, aromatic: bool) -> None:
    assert ring_count(molecule(smiles)) == rings
    assert is_aromatic(molecule(smiles)) is aromatic


def test_what_is_lacking_is_said() -> None:
    furan = molecule("c1ccoc1")
    assert unmet(furan, Structure()) == ""
    assert unmet(furan, Structure(atoms=(9, 9), heavy=(5, 5), rings=(1, None), aromatic=True, elements=(("O", 1, 1),))) == ""
    assert unmet(furan, Structure(atoms=(10, 12))) == "9 atoms"
    assert unmet(furan, Structure(heavy=(1, 4))) == "5 heavy atoms"
    assert unmet(furan, Structure(elements=(("N", 1, None), ("O", 0, 0)))) == "0 N, 1 O"
    assert unmet(furan, Structure(rings=(2, 3))) == "1 rings"
    assert unmet(furan, Structure(aromatic=False)) == "aromatic"
    assert unmet(molecule("CCO"), Structure(aromatic=True)) == "not aromatic"
