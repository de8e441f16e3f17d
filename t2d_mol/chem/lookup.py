"""The bond look-up rule by which EDM and its successors judge geometries: bonds from distances alone.

Typical bond lengths as tabulated by Hoogeboom et al., Equivariant Diffusion for Molecule Generation in 3D, ICML 2022.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from t2d_mol.chem.graph import to_rdkit
from t2d_mol.elements import NUMBERS, SYMBOLS, TYPE_OF_NUMBER, TYPE_OF_SYMBOL, VALENCE
from t2d_mol.molecule import Molecule

_SINGLE: Final = {
    "H-H": 74, "H-C": 109, "H-N": 101, "H-O": 96, "H-F": 92, "C-C": 154, "C-N": 147, "C-O": 143,
    "C-F": 135, "N-N": 145, "N-O": 140, "N-F": 136, "O-O": 148, "O-F": 142, "F-F": 142,
}  # fmt: skip
_DOUBLE: Final = {"C-C": 134, "C-N": 129, "C-O": 120, "N-N": 125, "N-O": 121, "O-O": 121}
_TRIPLE: Final = {"C-C": 120, "C-N": 116, "C-O": 113, "N-N": 110}
_MARGINS_PM: Final = (10, 5, 3)


def _thresholds() -> NDArray[np.float64]:
    """Return (3, 5, 5): the distance in Å below which a pair of types has a bond of order at least 1, 2, 3."""
    table = np.zeros((3, len(SYMBOLS), len(SYMBOLS)))
    for order, (lengths, margin) in enumerate(zip((_SINGLE, _DOUBLE, _TRIPLE), _MARGINS_PM, strict=True)):
        for pair, length in lengths.items():
            i, j = (TYPE_OF_SYMBOL[symbol] for symbol in pair.split("-"))
            table[order, i, j] = table[order, j, i] = (length + margin) / 100
    return table


_THRESHOLDS: Final = _thresholds()
_NEUTRAL_VALENCE: Final = np.array([VALENCE[symbol, 0] for symbol in SYMBOLS])
_TYPE_OF_NUMBER: Final = np.zeros(max(NUMBERS) + 1, np.intp)
for _number, _type in TYPE_OF_NUMBER.items():
    _TYPE_OF_NUMBER[_number] = _type


def lookup_bonds(numbers: NDArray[np.uint8], positions: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the bond orders (n, n) that the look-up rule reads from the distances of (n, 3) positions in Å.

    Invariant to rotation, reflection and translation.
    """
    types = _TYPE_OF_NUMBER[numbers]
    distances = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
    below = distances < _THRESHOLDS[:, types[:, None], types[None]]
    np.einsum("kii->ki", below)[:] = False
    orders: NDArray[np.uint8] = np.cumprod(below, axis=0, dtype=np.uint8).sum(0, dtype=np.uint8)
    return orders


def lookup_stable_atoms(molecule: Molecule) -> NDArray[np.bool_]:
    """Return (n,) whether each atom's look-up bond orders add up to its neutral valence."""
    orders = lookup_bonds(molecule.numbers, molecule.positions)
    stable: NDArray[np.bool_] = orders.sum(0) == _NEUTRAL_VALENCE[_TYPE_OF_NUMBER[molecule.numbers]]
    return stable


def lookup_smiles(molecule: Molecule) -> str | None:
    """Return the rule's SMILES: the largest fragment with explicit hydrogens, or None if RDKit does not sanitise it."""
    from rdkit import Chem, rdBase

    orders = lookup_bonds(molecule.numbers, molecule.positions)
    mol = to_rdkit(Molecule(molecule.numbers, molecule.positions, orders), explicit_only=False)
    with rdBase.BlockLogs():
        try:
            Chem.SanitizeMol(mol)
            largest = max(Chem.GetMolFrags(mol, asMols=True), key=lambda fragment: fragment.GetNumAtoms())
        except ValueError:
            return None
    smiles: str = Chem.MolToSmiles(largest)
    return smiles
