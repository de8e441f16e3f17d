"""XYZ: frames of plain or extended XYZ; written ones have the record as keys of the comment line."""

import re
from collections.abc import Iterator
from typing import Any, Final

from t2d_mol.elements import NUMBERS, SYMBOL_OF_NUMBER, TYPE_OF_SYMBOL
from t2d_mol.io.formats.base import Content, Format, ReadMolecule, by_line, checked
from t2d_mol.io.record import Record, flat

_COUNT: Final = re.compile(r"\s*[0-9]{1,9}\s*")
_KEY: Final = re.compile(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|(\S+))')


def frame(record: Record) -> str:
    """Return a record as a frame of extended XYZ; empty values are left out, as ASE misreads them."""
    fields = " ".join(f"{key}={_quoted(value)}" for key, value in flat(record).items() if value != "")
    atoms = [
        f"{SYMBOL_OF_NUMBER[number]:<2} {x:12.6f} {y:12.6f} {z:12.6f}"
        for number, (x, y, z) in zip(record["numbers"], record["positions"], strict=True)
    ]
    return "\n".join([str(len(atoms)), f"Properties=species:S:1:pos:R:3 {fields}", *atoms]) + "\n"


def _quoted(value: Any) -> str:
    text = str(value)
    if not any(character in text for character in ' "\\=,{}[]'):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def read(text: str) -> Iterator[ReadMolecule]:
    """Yield the frames of an XYZ file."""
    lines = text.split("\n")
    place, number = 0, 0
    while place < len(lines):
        if not lines[place].strip():
            place += 1
            continue
        number += 1
        if not _COUNT.fullmatch(lines[place]):
            yield ReadMolecule(number, error=f"line {place + 1} should be an atom count: {lines[place][:40]!r}")
            return
        count, comment = int(lines[place]), "".join(lines[place + 1 : place + 2])
        rows = [line.split() for line in lines[place + 2 : place + 2 + count]]
        place += 2 + count
        try:
            if len(rows) < count or any(len(row) < 4 for row in rows):
                raise ValueError("the frame is cut short")
            unknown = [row[0] for row in rows if row[0] not in TYPE_OF_SYMBOL]
            if unknown:
                raise ValueError(f"it holds the element {unknown[0][:8]!r}; H C N O F are known")
            numbers = [NUMBERS[TYPE_OF_SYMBOL[row[0]]] for row in rows]
            molecule = checked(numbers, [[float(x) for x in row[1:4]] for row in rows])
            yield ReadMolecule(number, molecule, tags=_keys(comment))
        except ValueError as error:
            yield ReadMolecule(number, error=str(error))


def _keys(comment: str) -> dict[str, str]:
    return {key: plain or re.sub(r"\\(.)", r"\1", quoted) for key, quoted, plain in _KEY.findall(comment)}


def _recognises(first: str, content: Content) -> bool:
    return isinstance(content, str) and bool(_COUNT.fullmatch(first)) and "\n" in content.strip()


XYZ = Format("xyz", ("xyz", "extxyz"), by_line(frame), read, _recognises)
