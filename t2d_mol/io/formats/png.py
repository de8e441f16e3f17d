"""PNG: molecules drawn in the plane, side by side, as they came."""

from collections.abc import Iterable
from itertools import islice
from typing import BinaryIO, Final

from t2d_mol.chem.drawing import grid
from t2d_mol.errors import InputError, UsageError
from t2d_mol.io.formats.base import Format
from t2d_mol.io.record import Record, molecule_of
from t2d_mol.properties import BY_KEY

COLUMNS: Final = 6

MOST: Final = 600
"""Molecules of a picture at most: larger ones cannot be written."""


def write(records: Iterable[Record], stream: BinaryIO) -> None:
    """Write the drawing of molecules, valid or not; below each its number, state and what its prompt asked for as predicted.

    Raises:
        InputError: if there are none.
        UsageError: if there are more than `MOST`.
    """
    drawn = list(islice(records, MOST + 1))
    if len(drawn) > MOST:
        raise UsageError(f"a picture holds {MOST} molecules at most", "write records and draw a part of them")
    if not drawn:
        raise InputError("there is no molecule to draw")
    stream.write(grid([record["smiles"] or molecule_of(record) for record in drawn], list(map(_legend, drawn)), COLUMNS))


def _legend(record: Record) -> str:
    asked, predicted = dict.fromkeys(target["property"] for target in record["targets"]), record["predicted"]
    read = [f"{key} {predicted[key]:.4g} {BY_KEY[key].unit}" for key in asked if key in predicted]
    state = [] if record["state"] == "valid" else [record["state"]]
    return ", ".join([str(record["index"]), *state, *read])


PNG = Format("png", ("png",), write, binary=True, most=MOST)
