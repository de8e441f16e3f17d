"""What a format is, and what is read from one."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import numpy as np

from t2d_mol.elements import MAX_ATOMS, TYPE_OF_NUMBER
from t2d_mol.io.record import Record
from t2d_mol.molecule import Molecule

Content = str | bytes
"""What stands in a file: text, or bytes where it is none."""

MOST_ATOMS: Final = 1000


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


@dataclass(frozen=True)
class Format:
    """A file format.

    Attributes:
        name: what `--format` calls it.
        suffixes: of its files, the first by custom; empty where they belong to another format.
        write: writes records to a stream as they come.
        read: yields the records of a content, good and bad; None if it can only be written.
        recognises: tells by its first line and the whole whether a content is of this format.
        binary: whether it is no text.
        most: molecules it can hold; 0 for any number.
        require: raises UsageError if what it needs is not installed.
    """

    name: str
    suffixes: tuple[str, ...]
    write: Callable[[Iterable[Record], BinaryIO], None]
    read: Callable[[Any], Iterator[ReadMolecule]] | None = None
    recognises: Callable[[str, Content], bool] = lambda first, content: False
    binary: bool = False
    most: int = 0
    require: Callable[[], object] = lambda: None


def by_line(text: Callable[[Record], str], header: str = "") -> Callable[[Iterable[Record], BinaryIO], None]:
    """Return how records are written whose texts simply follow one another."""

    def write(records: Iterable[Record], stream: BinaryIO) -> None:
        stream.write(header.encode())
        for record in records:
            stream.write(text(record).encode("utf-8", "backslashreplace"))

    return write


def checked(numbers: list[int], positions: Any, bonds: Any = None, charges: Any = None) -> Molecule:
    """Return a molecule of what was read.

    Raises:
        ValueError: if it cannot be one of H, C, N, O and F with finite coordinates, and a charge each if there are any.
    """
    if not numbers:
        raise ValueError("it has no atoms")
    if len(numbers) > MOST_ATOMS:
        raise ValueError(
            f"it has {len(numbers)} atoms; molecules of up to {MAX_ATOMS} are judged, {MOST_ATOMS} at most are read"
        )
    unknown = sorted({number for number in numbers if number not in TYPE_OF_NUMBER})
    if unknown:
        raise ValueError(f"it holds elements other than H C N O F (atomic number {unknown[0]})")
    array = np.asarray(positions, np.float32)
    if array.shape != (len(numbers), 3):
        raise ValueError("the coordinates are not three for each atom")
    if not np.isfinite(array).all():
        raise ValueError("a coordinate is not a finite number")
    if charges is not None and len(charges) != len(numbers):
        raise ValueError("the charges are not one for each atom")
    return Molecule(np.array(numbers, np.uint8), array, bonds, charges)
