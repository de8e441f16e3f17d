"""SDF: mol blocks of version V2000 or V3000 with the record as tags, written without rdkit and read by it."""

import re
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from t2d_mol.elements import SYMBOL_OF_NUMBER
from t2d_mol.io.formats.base import Content, Format, ReadMolecule, by_line, checked
from t2d_mol.io.record import Record, flat

END = "$$$$\n"

_COUNTS: Final = re.compile(r"(?:[^\n]*\n){3}[^\n]*V[23]000")
_END: Final = re.compile(r"^\$\$\$\$[ \t]*\n?", re.MULTILINE)


def v2000(record: Record) -> str:
    """Return a record as a V2000 mol block with tags."""
    bonds, charges = _bonds(record), _charges(record)
    lines = [
        *_head(record),
        f"{len(record['numbers']):3d}{len(bonds):3d}  0  0  0  0  0  0  0  0999 V2000",
        *(
            f"{x:10.4f}{y:10.4f}{z:10.4f} {symbol:<3} 0  0  0  0  0  0  0  0  0  0  0  0"
            for symbol, (x, y, z) in _atoms(record)
        ),
        *(f"{i:3d}{j:3d}{order:3d}  0" for i, j, order in bonds),
    ]
    for start in range(0, len(charges), 8):
        part = charges[start : start + 8]
        lines.append(f"M  CHG{len(part):3d}" + "".join(f"{atom:4d}{charge:4d}" for atom, charge in part))
    return "\n".join([*lines, "M  END", *_tag_lines(record)]) + "\n" + END


def v3000(record: Record) -> str:
    """Return a record as a V3000 mol block with tags."""
    bonds, charges = _bonds(record), dict(_charges(record))
    inner = [
        "BEGIN CTAB",
        f"COUNTS {len(record['numbers'])} {len(bonds)} 0 0 0",
        "BEGIN ATOM",
        *(
            f"{number} {symbol} {x:.4f} {y:.4f} {z:.4f} 0" + (f" CHG={charges[number]}" if number in charges else "")
            for number, (symbol, (x, y, z)) in enumerate(_atoms(record), 1)
        ),
        "END ATOM",
        "BEGIN BOND",
        *(f"{number} {order} {i} {j}" for number, (i, j, order) in enumerate(bonds, 1)),
        "END BOND",
        "END CTAB",
    ]
    head = [*_head(record), "  0  0  0     0  0            999 V3000"]
    return "\n".join([*head, *(f"M  V30 {line}" for line in inner), "M  END", *_tag_lines(record)]) + "\n" + END


def _head(record: Record) -> list[str]:
    return [str(record.get("index", "")), "  t2d-mol           3D", ""]


def _atoms(record: Record) -> Iterator[tuple[str, list[float]]]:
    symbols = (SYMBOL_OF_NUMBER[number] for number in record["numbers"])
    return zip(symbols, record["positions"], strict=True)


def _bonds(record: Record) -> list[tuple[int, int, int]]:
    return [(i + 1, j + 1, order) for i, j, order in record.get("bonds", ())]


def _charges(record: Record) -> list[tuple[int, int]]:
    return [(number, charge) for number, charge in enumerate(record.get("charges", ()), 1) if charge]


def _tag_lines(record: Record) -> list[str]:
    return [line for key, value in flat(record).items() for line in (f">  <{key}>", _harmless(str(value)), "")]


def _harmless(value: str) -> str:
    """Return a tag's value so that its beginning is not taken for the end of the record or another tag."""
    return f" {value}" if value.startswith(("$$$$", ">")) else value


def read(text: str) -> Iterator[ReadMolecule]:
    """Yield the records of an SDF."""
    from rdkit import Chem, rdBase

    blocks = _END.split(text)
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
    molecule = checked(
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


def _recognises(_first: str, content: Content) -> bool:
    return isinstance(content, str) and bool(_COUNTS.match(content) or _END.search(content))


SDF = Format("sdf", ("sdf", "sd", "mol"), by_line(v2000), read, _recognises)
SDF_V3000 = Format("sdf-v3000", (), by_line(v3000))
