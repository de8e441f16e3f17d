"""Writers: a generated molecule becomes the text of one record of a format."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any, Final

from t2d_mol.elements import NUMBERS, SYMBOLS
from t2d_mol.errors import UsageError
from t2d_mol.io.record import RECORD_KEYS, flat
from t2d_mol.molecule import Molecule

Writer = Callable[[Molecule, dict[str, Any]], str]
"""From a molecule and its record to text, line ends included."""

_SYMBOL: Final = dict(zip(NUMBERS, SYMBOLS, strict=True))


def sdf_record(molecule: Molecule, record: dict[str, Any]) -> str:
    """Return a V2000 mol block with the record as tags, written without rdkit and read by it."""
    assert molecule.bonds is not None
    bonds = [
        (i + 1, j + 1, int(order)) for i, row in enumerate(molecule.bonds) for j, order in enumerate(row) if j > i and order
    ]
    charges = [] if molecule.charges is None else [(i + 1, int(c)) for i, c in enumerate(molecule.charges) if c]
    lines = [str(record.get("index", "")), "  t2d-mol           3D", ""]
    lines.append(f"{len(molecule):3d}{len(bonds):3d}  0  0  0  0  0  0  0  0999 V2000")
    lines += [
        f"{x:10.4f}{y:10.4f}{z:10.4f} {_SYMBOL[int(number)]:<3} 0  0  0  0  0  0  0  0  0  0  0  0"
        for number, (x, y, z) in zip(molecule.numbers, molecule.positions.tolist(), strict=True)
    ]
    lines += [f"{i:3d}{j:3d}{order:3d}  0" for i, j, order in bonds]
    for start in range(0, len(charges), 8):
        part = charges[start : start + 8]
        lines.append(f"M  CHG{len(part):3d}" + "".join(f"{atom:4d}{charge:4d}" for atom, charge in part))
    lines.append("M  END")
    for key, value in flat(record).items():
        text = " ".join(str(value).splitlines())
        lines += [f">  <{key}>", text, ""]
    return "\n".join(lines) + "\n$$$$\n"


def xyz_record(molecule: Molecule, record: dict[str, Any]) -> str:
    """Return a frame of extended XYZ with the record as keys of the comment line."""
    fields = " ".join(f"{key}={_quoted(value)}" for key, value in flat(record).items())
    atoms = [
        f"{_SYMBOL[int(number)]:<2} {x:12.6f} {y:12.6f} {z:12.6f}"
        for number, (x, y, z) in zip(molecule.numbers, molecule.positions.tolist(), strict=True)
    ]
    return "\n".join([str(len(molecule)), f"Properties=species:S:1:pos:R:3 {fields}", *atoms]) + "\n"


def smi_record(_molecule: Molecule, record: dict[str, Any]) -> str:
    """Return `SMILES<TAB>index<TAB>state`, `*` where there is no SMILES."""
    return f"{record.get('smiles') or '*'}\t{record['index']}\t{record['state']}\n"


def csv_record(_molecule: Molecule, record: dict[str, Any]) -> str:
    """Return a CSV row of the record's keys."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerow(flat(record).values())
    return stream.getvalue()


def jsonl_record(molecule: Molecule, record: dict[str, Any]) -> str:
    """Return a JSON line: the record, and the molecule as `numbers`, `positions` (Å), `bonds` [[i, j, order]], `charges`."""
    geometry: dict[str, Any] = {
        "numbers": molecule.numbers.tolist(),
        "positions": [[round(x, 5) for x in row] for row in molecule.positions.tolist()],
    }
    if molecule.bonds is not None:
        upper = [(i, j) for i in range(len(molecule)) for j in range(i + 1, len(molecule)) if molecule.bonds[i, j]]
        geometry["bonds"] = [[i, j, int(molecule.bonds[i, j])] for i, j in upper]
    if molecule.charges is not None:
        geometry["charges"] = molecule.charges.tolist()
    return json.dumps(record | geometry, ensure_ascii=False) + "\n"


def csv_header() -> str:
    """Return the first line of a CSV file of records."""
    return ",".join(RECORD_KEYS) + "\n"


WRITERS: Final[dict[str, Writer]] = {
    "sdf": sdf_record,
    "xyz": xyz_record,
    "smi": smi_record,
    "csv": csv_record,
    "jsonl": jsonl_record,
}
"""The formats that can be written."""


def writer(name: str) -> Writer:
    """Return the writer of a format.

    Raises:
        UsageError: if there is no such format.
    """
    if name not in WRITERS:
        raise UsageError(f"unknown format {name!r}", f"formats: {', '.join(WRITERS)}, png")
    return WRITERS[name]


def _quoted(value: Any) -> str:
    text = " ".join(str(value).splitlines())
    if text and not any(character in text for character in ' "\\=,{}[]'):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
