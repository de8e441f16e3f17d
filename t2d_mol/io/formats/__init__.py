"""The registry: which formats there are, and which one a name, a file or a content is of."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from t2d_mol.errors import UsageError, unknown
from t2d_mol.io.formats.base import Content, Format, ReadMolecule
from t2d_mol.io.formats.csv import CSV
from t2d_mol.io.formats.html import HTML
from t2d_mol.io.formats.jsonl import JSONL
from t2d_mol.io.formats.parquet import PARQUET
from t2d_mol.io.formats.png import PNG
from t2d_mol.io.formats.sdf import SDF, SDF_V3000
from t2d_mol.io.formats.smi import SMI
from t2d_mol.io.formats.xyz import XYZ

FORMATS: Final = {item.name: item for item in (JSONL, SDF, SDF_V3000, XYZ, PARQUET, CSV, SMI, HTML, PNG)}
"""All formats by name; contents are recognised in this order, and what nothing else recognises is SMILES."""

GZIP: Final = ".gz"


def format_named(name: str) -> Format:
    """Return the format of a name.

    Raises:
        UsageError: if there is none.
    """
    if name not in FORMATS:
        raise unknown("format", name, FORMATS)
    return FORMATS[name]


def format_of(path: str | Path) -> Format:
    """Return the format that a file's suffix stands for, with `.gz` after it or not; SDF where it has none.

    Raises:
        UsageError: if no format has the suffix.
    """
    suffix = Path(str(path).removesuffix(GZIP)).suffix.lstrip(".").lower()
    if not suffix:
        return SDF
    for item in FORMATS.values():
        if suffix in item.suffixes:
            if item.binary and str(path).endswith(GZIP):
                raise UsageError(f"{item.name} is not packed by {GZIP}", f"give a name that ends in .{suffix}")
            return item
    raise unknown("format", suffix, FORMATS)


def detect(content: Content) -> Format:
    """Tell the format of a content by itself."""
    first = content.lstrip("\n").partition("\n")[0] if isinstance(content, str) else ""
    return next(item for item in FORMATS.values() if item.read and item.recognises(first, content))


def read_molecules(content: Content, kind: Format | None = None) -> Iterator[ReadMolecule]:
    """Yield the records of a content, good and bad.

    Raises:
        InputError: if the content as a whole cannot be read, e.g. a CSV without a column `smiles`.
        UsageError: if the format can only be written.
    """
    kind = kind or detect(content)
    if kind.read is None:
        raise UsageError(f"{kind.name} can only be written")
    yield from kind.read(content)
