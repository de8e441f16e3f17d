"""What a closed-shell calculation asks of a molecule."""

import numpy as np

from t2d_mol.elements import NUMBERS
from t2d_mol.molecule import Molecule


def objection(molecule: Molecule) -> str:
    """Return why the molecule cannot be calculated, empty if it can be tried."""
    if not len(molecule):
        return "no atoms"
    if not np.isin(molecule.numbers, NUMBERS).all():
        return "an element other than H, C, N, O, F"
    if not np.isfinite(molecule.positions).all():
        return "positions that are not finite"
    if (int(molecule.numbers.sum(dtype=int)) - molecule.net_charge) % 2:
        return "odd number of electrons"
    return ""
