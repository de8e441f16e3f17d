"""One QM9 record: the text of a `dsgdb9nsd_*.xyz` file and what is read from it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from t2d_mol.elements import MAX_ATOMS, NUMBERS, TYPE_OF_SYMBOL
from t2d_mol.errors import MissingError
from t2d_mol.properties import QM9_COLUMNS


@dataclass(frozen=True, eq=False)
class Record:
    """A parsed record.

    Attributes:
        id: the number in the record's `gdb <id>` tag.
        numbers: (n,) atomic numbers.
        positions: (n, 3) coordinates in Å.
        properties: (15,) in the order and units of `properties.QM9_COLUMNS`.
    """

    id: int
    numbers: NDArray[np.uint8]
    positions: NDArray[np.float32]
    properties: NDArray[np.float64]


def parse_record(text: str, name: str) -> Record:
    """Parse the text of one record.

    Args:
        text: the record; numbers may be written `1.2*^-6`.
        name: what to call it in an error.

    Raises:
        MissingError: if the record is malformed; the message names it.
    """
    try:
        lines = text.replace("*^", "e").split("\n")
        count = int(lines[0])
        tag, identifier, *values = lines[1].split()
        atoms = [line.split() for line in lines[2 : 2 + count]]
        if tag != "gdb" or len(values) != len(QM9_COLUMNS) or not 1 <= count <= MAX_ATOMS or len(lines) < count + 5:
            raise ValueError("not the layout of a QM9 record")
        record = Record(
            int(identifier),
            np.array([NUMBERS[TYPE_OF_SYMBOL[atom[0]]] for atom in atoms], np.uint8),
            np.array([[float(value) for value in atom[1:4]] for atom in atoms], np.float32),
            np.array([float(value) for value in values]),
        )
        if record.positions.shape != (count, 3) or not np.isfinite(record.positions).all():
            raise ValueError("coordinates are missing or not finite")
    except (ValueError, IndexError, KeyError) as error:
        raise MissingError(f"{name} is malformed: {error}") from None
    return record
