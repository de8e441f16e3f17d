"""CSV: a row for each record, without its geometry; read for its column `smiles`."""

import csv
import io
from collections.abc import Iterator

from t2d_mol.errors import InputError
from t2d_mol.io.formats.base import Content, Format, ReadMolecule, by_line
from t2d_mol.io.formats.smi import SMILES
from t2d_mol.io.record import RECORD_KEYS, Record, flat


def row(record: Record) -> str:
    """Return a record as a row of CSV."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerow(flat(record).values())
    return stream.getvalue()


def read(text: str) -> Iterator[ReadMolecule]:
    """Yield the SMILES of a CSV.

    Raises:
        InputError: if it has no column `smiles`, or is a CSV in part only.
    """
    rows = csv.DictReader(io.StringIO(text))
    named = next((name for name in rows.fieldnames or [] if name.strip().lower() == "smiles"), None)
    if named is None:
        raise InputError("the CSV has no column smiles, and none called prompt", "call one of its columns so")
    try:
        for number, found in enumerate(rows, 1):
            if None in found.values():
                yield ReadMolecule(number, error="the row is cut short")
            else:
                yield ReadMolecule(number, smiles=found[named], tags=found)
    except csv.Error as error:
        raise InputError(f"line {rows.line_num + 1} is no CSV: {error}") from None


def _recognises(first: str, content: Content) -> bool:
    """A comma may also stand in the name behind a SMILES: CC(O)CO 1,2-propanediol."""
    named = "," in first and not SMILES.fullmatch(first.split()[0])
    return isinstance(content, str) and (named or first.strip().lower() in ("smiles", "prompt"))


CSV = Format("csv", ("csv",), by_line(row, ",".join(RECORD_KEYS) + "\n"), read, _recognises)
