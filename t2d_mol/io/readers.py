"""Readers: SDF, XYZ, JSONL, SMILES and CSV, told apart by content; bad records are reported, not fatal."""

import csv
import io
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from t2d_mol.elements import MAX_ATOMS, TYPE_OF_NUMBER, TYPE_OF_SYMBOL
from t2d_mol.elements import NUMBERS as _NUMBERS
from t2d_mol.errors import InputError
from t2d_mol.molecule import Molecule

_KEY: Final = re.compile(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|(\S+))')

Kind = Literal["sdf", "xyz", "jsonl", "csv", "smi"]


@dataclass(frozen=True, eq=False)
class ReadMolecule:
    """One record of a file: a molecule or a SMILES, or why it could not be read.

    Attributes:
        number: place in the file, from 1.
        molecule: the molecule, None if the record has no geometry or is bad.
        smiles: for records without geometry; empty where the record has none, which makes it an invalid molecule.
        tags: further fields of the record.
        error: why the record is bad, empty if it is good.
    """

    number: int
    molecule: Molecule | None = None
    smiles: str | None = None
    tags: dict[str, Any] | None = None
    error: str = ""


def read_text(path: str) -> str:
    """Read a whole file or, for '-', standard input.

    Raises:
        InputError: if it is missing, a folder, empty, or not UTF-8 text.
    """
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except FileNotFoundError:
        raise InputError(f"no file {path}") from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text: {error.reason} at byte {error.start}") from None
    if "\0" in text:
        raise InputError(f"{path} is not text: it holds zero bytes")
    if not text.strip():
        raise InputError(f"{path} is empty")
    return text.replace("\r\n", "\n")


def detect(text: str) -> Kind:
    """Tell the format of a text by its content."""
    first, _, rest = text.lstrip("\n").partition("\n")
    if first.lstrip().startswith("{"):
        return "jsonl"
    if "$$$$" in text or "V2000" in text[:2000] or "V3000" in text[:2000]:
        return "sdf"
    if first.strip().isdigit() and rest:
        return "xyz"
    if "," in first or first.strip().lower() in ("smiles", "prompt"):
        return "csv"
    return "smi"


def read_molecules(text: str, kind: Kind | None = None) -> Iterator[ReadMolecule]:
    """Yield the records of a text, good and bad.

    Raises:
        InputError: if the text as a whole cannot be read, e.g. a CSV without a column `smiles`.
    """
    kind = kind or detect(text)
    readers = {"sdf": _read_sdf, "xyz": _read_xyz, "jsonl": _read_jsonl, "csv": _read_csv, "smi": _read_smi}
    yield from readers[kind](text)


def _molecule(numbers: list[int], positions: Any, bonds: Any = None, charges: Any = None) -> Molecule:
    if not numbers:
        raise ValueError("it has no atoms")
    if len(numbers) > 1000:
        raise ValueError(f"it has {len(numbers)} atoms; molecules of up to {MAX_ATOMS} are judged, 1000 at most are read")
    unknown = sorted({number for number in numbers if number not in TYPE_OF_NUMBER})
    if unknown:
        raise ValueError(f"it holds elements other than H C N O F (atomic number {unknown[0]})")
    array = np.asarray(positions, np.float32)
    if array.shape != (len(numbers), 3):
        raise ValueError("the coordinates are not three for each atom")
    if not np.isfinite(array).all():
        raise ValueError("a coordinate is not a finite number")
    return Molecule(np.array(numbers, np.uint8), array, bonds, charges)


def _read_sdf(text: str) -> Iterator[ReadMolecule]:
    from rdkit import Chem, rdBase

    blocks = text.split("$$$$\n")
    if blocks and not blocks[-1].strip():
        blocks.pop()
    for number, block in enumerate(blocks, 1):
        try:
            with rdBase.BlockLogs():
                mol = Chem.MolFromMolBlock(block, sanitize=False, removeHs=False)
            yield _from_rdkit(number, mol, _tags(block))
        except (ValueError, RuntimeError) as error:
            yield ReadMolecule(number, error=str(error).strip().splitlines()[0])


def _from_rdkit(number: int, mol: Any, tags: dict[str, str]) -> ReadMolecule:
    if mol is None:
        raise ValueError("it is not a readable mol block")
    conformer = mol.GetConformer()
    bonds = np.zeros((mol.GetNumAtoms(), mol.GetNumAtoms()), np.uint8)
    for bond in mol.GetBonds():
        order = bond.GetBondTypeAsDouble()
        if order not in (1, 2, 3):
            raise ValueError(f"it has a bond of order {order:g}; Kekulé bonds are needed")
        i, j = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        bonds[i, j] = bonds[j, i] = int(order)
    atoms = list(mol.GetAtoms())
    molecule = _molecule(
        [atom.GetAtomicNum() for atom in atoms],
        conformer.GetPositions(),
        bonds,
        np.array([atom.GetFormalCharge() for atom in atoms], np.int8),
    )
    return ReadMolecule(number, molecule, tags=tags)


def _tags(block: str) -> dict[str, str]:
    tags, lines = {}, block.split("\n")
    for place, line in enumerate(lines):
        if line.startswith(">") and "<" in line and place + 1 < len(lines):
            tags[line[line.index("<") + 1 : line.rindex(">")]] = lines[place + 1]
    return tags


def _read_xyz(text: str) -> Iterator[ReadMolecule]:
    lines = text.split("\n")
    place, number = 0, 0
    while place < len(lines):
        if not lines[place].strip():
            place += 1
            continue
        number += 1
        if not lines[place].strip().isdigit():
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
            numbers = [_NUMBERS[TYPE_OF_SYMBOL[row[0]]] for row in rows]
            molecule = _molecule(numbers, [[float(x) for x in row[1:4]] for row in rows])
            yield ReadMolecule(number, molecule, tags=_comment_keys(comment))
        except ValueError as error:
            yield ReadMolecule(number, error=str(error))


def _comment_keys(comment: str) -> dict[str, str]:
    """Return the keys of an extended-XYZ comment line."""
    found = {}
    for key, quoted, plain in _KEY.findall(comment):
        found[key] = plain or re.sub(r"\\(.)", r"\1", quoted)
    return found


def _read_jsonl(text: str) -> Iterator[ReadMolecule]:
    for number, line in enumerate((line for line in text.split("\n") if line.strip()), 1):
        try:
            row = json.loads(line)
            bonds = None
            if "bonds" in row:
                bonds = np.zeros((len(row["numbers"]), len(row["numbers"])), np.uint8)
                for i, j, order in row["bonds"]:
                    bonds[i, j] = bonds[j, i] = order
            charges = np.array(row["charges"], np.int8) if "charges" in row else None
            if "numbers" not in row and "smiles" in row:
                yield ReadMolecule(number, smiles=str(row["smiles"] or ""), tags=row)
                continue
            yield ReadMolecule(number, _molecule(list(row["numbers"]), row["positions"], bonds, charges), tags=row)
        except (ValueError, KeyError, TypeError, IndexError, OverflowError) as error:
            yield ReadMolecule(number, error=f"{type(error).__name__}: {error}"[:200])


def _read_csv(text: str) -> Iterator[ReadMolecule]:
    rows = csv.DictReader(io.StringIO(text))
    if "smiles" not in (rows.fieldnames or []):
        raise InputError("the CSV has no column smiles", "a CSV of prompts is for t2d-mol sample -f")
    for number, row in enumerate(rows, 1):
        yield ReadMolecule(number, smiles=row["smiles"] or "", tags=row)


def _read_smi(text: str) -> Iterator[ReadMolecule]:
    for number, line in enumerate((line for line in text.split("\n") if line.strip()), 1):
        yield ReadMolecule(number, smiles=line.split("\t")[0].split()[0])


def holds_prompts(text: str) -> bool:
    """Return whether a text is a CSV with a column `prompt` and none named `smiles`."""
    columns = next(csv.reader([text.split("\n", 1)[0]]), [])
    names = {name.strip() for name in columns}
    return "prompt" in names and "smiles" not in names


@dataclass(frozen=True)
class PromptRow:
    """One prompt of a file.

    Attributes:
        text: the sentence.
        line: the line of the file it ends on, from 1; 0 for prompts from elsewhere.
        columns: the other columns of its row.
    """

    text: str
    line: int = 0
    columns: dict[str, str] = field(default_factory=dict)


def read_prompts(path: str) -> list[PromptRow]:
    """Read prompts: a CSV with a column `prompt`, or one prompt a line.

    Raises:
        InputError: if there is none.
    """
    rows = parse_prompts(read_text(path))
    if not rows:
        raise InputError(f"{path} holds no prompt")
    return rows


def parse_prompts(text: str) -> list[PromptRow]:
    """Return the prompts of a text; see `read_prompts`."""
    header = text.split("\n", 1)[0]
    if "prompt" not in [name.strip().strip('"') for name in header.split(",")]:
        return [PromptRow(line.strip(), number) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    table = csv.DictReader(io.StringIO(text), restkey="_beyond", restval="")
    rows = []
    for row in table:
        columns = {key.strip(): value for key, value in row.items() if isinstance(value, str)}
        rows.append(PromptRow(columns.pop("prompt", ""), table.line_num, columns))
    return rows
