"""XYZ: frames of plain or extended XYZ; written ones have the record as keys of the comment line."""

import re
from collections.abc import Iterator
from typing import Any, Final

from t2d_mol.elements import NUMBERS, SYMBOL_OF_NUMBER, TYPE_OF_SYMBOL
from t2d_mol.io.formats.base import Content, Format, ReadMolecule, by_line, checked
from t2d_mol.io.record import Record, flat
from t2d_mol.molecule import Molecule

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
    """Yield the frames of an XYZ file; behind a damaged one the next that is whole."""
    lines = text.split("\n")
    place, number = 0, 0
    while place < len(lines):
        if not lines[place].strip():
            place += 1
            continue
        number += 1
        whole = _begins(lines, place)
        try:
            molecule, tags = _molecule(lines, place)
            yield ReadMolecule(number, molecule, tags=tags)
        except ValueError as error:
            yield ReadMolecule(number, error=str(error))
        if whole:
            place += 2 + int(lines[place])
        else:
            place = next((line for line in range(place + 1, len(lines)) if _begins(lines, line)), len(lines))


def _molecule(lines: list[str], place: int) -> tuple[Molecule, dict[str, str]]:
    """Return the molecule of the frame that begins at a line, and the keys of its comment."""
    if not _COUNT.fullmatch(lines[place]):
        raise ValueError(f"line {place + 1} should be an atom count: {lines[place][:40]!r}")
    rows, comment = _rows(lines, place), _keys("".join(lines[place + 1 : place + 2]))
    species, position = _columns(comment.get("Properties", ""))
    if len(rows) < int(lines[place]) or any(len(row) < max(species + 1, position + 3) for row in rows):
        raise ValueError("the frame is cut short")
    symbols = [row[species] for row in rows]
    unknown = [symbol for symbol in symbols if symbol not in TYPE_OF_SYMBOL]
    if unknown:
        raise ValueError(f"it holds the element {unknown[0][:8]!r}; H C N O F are known")
    numbers = [NUMBERS[TYPE_OF_SYMBOL[symbol]] for symbol in symbols]
    return checked(numbers, [[float(x) for x in row[position : position + 3]] for row in rows]), comment


def _columns(properties: str) -> tuple[int, int]:
    """Return the columns that symbols and positions begin in, as extended XYZ declares them: species:S:1:pos:R:3."""
    fields = properties.split(":") if properties else ["species", "S", "1", "pos", "R", "3"]
    places, column = dict[str, int](), 0
    for name, _, width in zip(fields[::3], fields[1::3], fields[2::3], strict=False):
        places[name] = column
        column += int(width)
    if not {"species", "pos"} <= set(places):
        raise ValueError(f"its columns are not species and pos: {properties[:60]}")
    return places["species"], places["pos"]


def _rows(lines: list[str], place: int) -> list[list[str]]:
    count = int(lines[place])
    return [line.split() for line in lines[place + 2 : place + 2 + count]]


def _begins(lines: list[str], place: int) -> bool:
    """Return whether a line is an atom count with as many rows of atoms behind it."""
    if not _COUNT.fullmatch(lines[place]) or int(lines[place]) > len(lines):
        return False
    rows = _rows(lines, place)
    return len(rows) == int(lines[place]) and all(len(row) > 3 for row in rows)


def _keys(comment: str) -> dict[str, str]:
    return {key: plain or re.sub(r"\\(.)", r"\1", quoted) for key, quoted, plain in _KEY.findall(comment)}


def _recognises(first: str, content: Content) -> bool:
    return isinstance(content, str) and bool(_COUNT.fullmatch(first)) and "\n" in content.strip()


XYZ = Format("xyz", ("xyz", "extxyz"), by_line(frame), read, _recognises)
