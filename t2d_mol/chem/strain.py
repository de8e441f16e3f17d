"""Strain: how much energy a geometry loses when a force field relaxes it."""

from math import isfinite
from typing import Final

from t2d_mol.chem.graph import to_rdkit
from t2d_mol.chem.perception import with_perceived_bonds
from t2d_mol.errors import InputError
from t2d_mol.molecule import Molecule

ITERATIONS: Final = 2000
"""Steps within which a minimisation is to converge."""


def strain(molecule: Molecule) -> float | None:
    """Return the drop in MMFF94 energy, in kcal/mol, from the geometry to the nearest minimum.

    Invariant to rotation, reflection and translation. None where the force field knows no parameters, the bonds cannot be
    sanitised or the minimisation does not converge.
    """
    from rdkit import Chem, rdBase
    from rdkit.Chem import rdForceFieldHelpers as helpers

    with rdBase.BlockLogs():
        try:
            mol = to_rdkit(with_perceived_bonds(molecule))
            Chem.SanitizeMol(mol)
        except (ValueError, InputError):
            return None
        if any(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms()) or not helpers.MMFFHasAllMoleculeParams(mol):
            return None
        field = helpers.MMFFGetMoleculeForceField(mol, helpers.MMFFGetMoleculeProperties(mol))
        field.Initialize()
        before = float(field.CalcEnergy())
        if field.Minimize(maxIts=ITERATIONS):
            return None
        drop = before - float(field.CalcEnergy())
        return drop if isfinite(drop) else None
