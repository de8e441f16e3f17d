"""JSON lines: the record as it is, with `numbers`, `positions` (Å), `bonds` [[i, j, order]] and `charges`."""

import json
from collections.abc import Iterator

import numpy as np

from t2d_mol.elements import BOND_ORDERS
from t2d_mol.io.formats.base import MOST_ATOMS, Content, Format, ReadMolecule, by_line, checked
from t2d_mol.io.record import Record


def line(record: Record) -> str:
    """Return a record as a line of JSON."""
    return json.dumps(record, ensure_ascii=False) + "\n"


def read(text: str) -> Iterator[ReadMolecule]:
    """Yield the records of JSON lines."""
    for number, row in enumerate((row for row in text.split("\n") if row.strip()), 1):
        try:
            yield from_record(number, json.loads(row))
        except (ValueError, KeyError, TypeError, IndexError, OverflowError, RecursionError) as error:
            yield ReadMolecule(number, error=f"{type(error).__name__}: {error}"[:200])


def from_record(number: int, record: Record) -> ReadMolecule:
    """Return what a record with its geometry, or else its SMILES, stands for.

    Raises:
        ValueError, KeyError, TypeError, IndexError, OverflowError: if it is malformed.
    """
    if "numbers" not in record and "smiles" in record:
        return ReadMolecule(number, smiles=str(record["smiles"] or ""), tags=record)
    numbers, bonds = [int(found) for found in record["numbers"]], None
    if len(numbers) > MOST_ATOMS:
        raise ValueError(f"it has {len(numbers)} atoms; {MOST_ATOMS} at most are read")
    if record.get("bonds") is not None:
        bonds = np.zeros((len(numbers), len(numbers)), np.uint8)
        for i, j, order in record["bonds"]:
            if order not in BOND_ORDERS[1:] or i == j or min(i, j) < 0:
                raise ValueError(f"{[i, j, order]} is no bond of order 1, 2 or 3 between two atoms")
            bonds[i, j] = bonds[j, i] = order
    charges = np.array(record["charges"], np.int8) if record.get("charges") is not None else None
    return ReadMolecule(number, checked(numbers, record["positions"], bonds, charges), tags=record)


def _recognises(first: str, content: Content) -> bool:
    return isinstance(content, str) and first.lstrip().startswith("{")


JSONL = Format("jsonl", ("jsonl", "ndjson"), by_line(line), read, _recognises)
