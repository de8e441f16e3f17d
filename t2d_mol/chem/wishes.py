"""Structural wishes held against a molecule."""

import importlib.util

import numpy as np

from t2d_mol.chem.graph import fragment_count, to_rdkit
from t2d_mol.elements import NUMBERS, SYMBOLS
from t2d_mol.molecule import Molecule, Structure


def unmet(molecule: Molecule, structure: Structure) -> str:
    """Return what of a structure a molecule with bonds lacks, in a few words; empty if it lacks nothing that can be told.

    Rings are counted as the cyclomatic number of the bond graph; aromaticity is RDKit's, not told where RDKit is missing.
    """
    wished: list[tuple[str, int, int, int | None]] = []
    counts = {symbol: int((molecule.numbers == number).sum()) for symbol, number in zip(SYMBOLS, NUMBERS, strict=True)}
    if structure.atoms is not None:
        wished.append(("atoms", len(molecule), *structure.atoms))
    if structure.heavy is not None:
        wished.append(("heavy atoms", len(molecule) - counts["H"], *structure.heavy))
    wished += [(symbol, counts[symbol], low, high) for symbol, low, high in structure.elements]
    if structure.rings is not None:
        wished.append(("rings", ring_count(molecule), *structure.rings))
    lacks = [f"{count} {name}" for name, count, low, high in wished if count < low or (high is not None and count > high)]
    if structure.aromatic is not None:
        found = is_aromatic(molecule)
        if found is not None and found != structure.aromatic:
            lacks.append("aromatic" if found else "not aromatic")
    return ", ".join(lacks)


def ring_count(molecule: Molecule) -> int:
    """Return the number of independent rings: bonds - atoms + fragments."""
    assert molecule.bonds is not None
    return int((np.triu(molecule.bonds) > 0).sum()) - len(molecule) + fragment_count(molecule)


def is_aromatic(molecule: Molecule) -> bool | None:
    """Return whether a molecule has an aromatic ring; None without RDKit, False where bonds make no sense to it."""
    if importlib.util.find_spec("rdkit") is None:
        return None
    from rdkit import Chem, rdBase

    mol = to_rdkit(molecule)
    with rdBase.BlockLogs():
        try:
            Chem.SanitizeMol(mol)
        except ValueError:
            return False
    return any(atom.GetIsAromatic() for atom in mol.GetAtoms())
