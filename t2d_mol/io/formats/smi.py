"""SMILES: a line for each record."""

import re
from collections.abc import Iterator
from typing import Final

from t2d_mol.errors import InputError
from t2d_mol.io.formats.base import Format, ReadMolecule, by_line
from t2d_mol.io.record import Record

SMILES: Final = re.compile(r"(\[[^]]+]|Br|Cl|[BCNOPSFIbcnops*0-9().=#$:/\\%+-])+")
"""What a SMILES is made of, right or wrong."""


def line(record: Record) -> str:
    """Return `SMILES<TAB>index<TAB>state`, `*` where there is no SMILES."""
    return f"{record.get('smiles') or '*'}\t{record['index']}\t{record['state']}\n"


def read(text: str) -> Iterator[ReadMolecule]:
    """Yield the SMILES at the beginning of each line, below a header if there is one.

    Raises:
        InputError: if no line begins with anything like one.
    """
    first = [found.split()[0] for found in text.split("\n") if found.strip()]
    if first and first[0].lower() == "smiles":
        del first[0]
    if first and not any(SMILES.fullmatch(word) for word in first):
        raise InputError(
            f"no line begins with a SMILES, the first with {first[0][:40]!r}", "prompts go to t2d-mol sample -f"
        )
    for number, word in enumerate(first, 1):
        yield ReadMolecule(number, smiles=word)


SMI = Format("smi", ("smi", "smiles"), by_line(line), read, lambda _first, content: isinstance(content, str))
