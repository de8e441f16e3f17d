"""SMILES: a line for each record."""

from collections.abc import Iterator

from t2d_mol.io.formats.base import Format, ReadMolecule, by_line
from t2d_mol.io.record import Record


def line(record: Record) -> str:
    """Return `SMILES<TAB>index<TAB>state`, `*` where there is no SMILES."""
    return f"{record.get('smiles') or '*'}\t{record['index']}\t{record['state']}\n"


def read(text: str) -> Iterator[ReadMolecule]:
    """Yield the SMILES at the beginning of each line."""
    for number, found in enumerate((found for found in text.split("\n") if found.strip()), 1):
        yield ReadMolecule(number, smiles=found.split()[0])


SMI = Format("smi", ("smi", "smiles"), by_line(line), read, lambda _first, content: isinstance(content, str))
