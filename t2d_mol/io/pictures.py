"""Pictures: generated molecules drawn in the plane, side by side, as they came."""

from collections.abc import Sequence
from typing import Final

from t2d_mol.chem.drawing import grid
from t2d_mol.errors import InputError, UsageError
from t2d_mol.molecule import GeneratedMolecule
from t2d_mol.properties import BY_KEY

COLUMNS: Final = 6

MOST: Final = 600
"""Molecules of a picture at most: larger ones cannot be written."""


def png(molecules: Sequence[GeneratedMolecule]) -> bytes:
    """Return the PNG of molecules, valid or not; below each its number, state and what its prompt asked for as predicted.

    Raises:
        InputError: if there are none.
        UsageError: if there are more than `MOST`.
    """
    check_size(len(molecules))
    if not molecules:
        raise InputError("there is no molecule to draw")
    return grid([made.smiles or made.molecule for made in molecules], [_legend(made) for made in molecules], COLUMNS)


def check_size(count: int) -> None:
    """Raise UsageError if that many molecules are too many for a picture."""
    if count > MOST:
        raise UsageError(f"a picture holds {MOST} molecules at most, not {count}", "write records and draw a part of them")


def _legend(generated: GeneratedMolecule) -> str:
    asked = dict.fromkeys(target.property for target in generated.prompt.targets)
    read = [f"{key} {generated.predicted[key]:.4g} {BY_KEY[key].unit}" for key in asked if key in generated.predicted]
    state = [] if generated.state == "valid" else [generated.state]
    return ", ".join([str(generated.index), *state, *read])
