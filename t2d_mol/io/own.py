"""One's own molecules: an SDF with property tags becomes a data set to train on, and what does not fit is counted."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from t2d_mol.chem.annotation import novelty_hashes
from t2d_mol.chem.graph import judge
from t2d_mol.elements import MAX_ATOMS
from t2d_mol.errors import InputError
from t2d_mol.io.contents import read_lines
from t2d_mol.io.formats import sdf
from t2d_mol.io.formats.base import ReadMolecule
from t2d_mol.molecule import Molecule
from t2d_mol.properties import KEYS, PROPERTIES
from t2d_mol.qm9.dataset import Arrays, Molecules
from t2d_mol.qm9.splits import assign_splits
from t2d_mol.units import to_canonical

FEWEST: Final = 10
"""Molecules a data set needs at least, so that each split has one."""

GAP_TOLERANCE: Final = 0.1
"""How far in eV the gap may be from LUMO less HOMO."""

LEAST_DISTANCE: Final = 0.5
LONGEST_TO_HYDROGEN: Final = 1.4
"""Bounds in Å of distances between atoms, and of bonds to hydrogen; drawings break the second."""

_NUMBER: Final = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\S*)\s*")


@dataclass(frozen=True)
class OwnData:
    """What was read.

    Attributes:
        molecules: those that fit, with splits and halves in QM9's proportions.
        left_out: how many do not, by reason.
        examples: the first record left out for each reason.
    """

    molecules: Molecules
    left_out: Mapping[str, int]
    examples: Mapping[str, int]


def read_own(path: str) -> OwnData:
    """Read an SDF of molecules with hydrogens, bonds and coordinates, and a tag for each of the six properties.

    A tag has the property's key or name, in any case, and a number in the property's canonical unit or with its own, such
    as `<gap> 6.2` or `<homo> -0.24 Hartree`.

    Raises:
        InputError: if the file cannot be read, fewer than `FEWEST` molecules fit, or a property never changes.
    """
    left_out, examples = Counter[str](), dict[str, int]()
    rows: list[tuple[Molecule, list[float]]] = []
    for number, record in enumerate(_records(path), 1):
        try:
            rows.append(_fitting(record))
        except ValueError as error:
            left_out[str(error)] += 1
            examples.setdefault(str(error), number)
    if len(rows) < FEWEST:
        most = f"; most often: {left_out.most_common(1)[0][0]}" if left_out else ""
        raise InputError(f"{path} holds {len(rows)} molecules that fit, and {FEWEST} are needed{most}")
    for prop, column in zip(PROPERTIES, np.array([values for _, values in rows]).T, strict=True):
        if np.ptp(column) == 0:
            raise InputError(f"<{prop.key}> is the same in all molecules of {path}: there is nothing to learn")
    return OwnData(_packed(rows), left_out, examples)


def _records(path: str) -> Iterator[ReadMolecule]:
    block: list[str] = []
    for line in read_lines(path):
        block.append(line)
        if line.rstrip() == sdf.END.rstrip():
            yield from sdf.read("".join(block))
            block = []
    if "".join(block).strip():
        yield from sdf.read("".join(block))


def _fitting(record: ReadMolecule) -> tuple[Molecule, list[float]]:
    """Return a molecule and its six values in canonical units.

    Raises:
        ValueError: if it does not fit; the message is the same for all records of a kind.
    """
    molecule = record.molecule
    if molecule is None:
        raise ValueError(record.error or "it is not a readable mol block")
    if len(molecule) > MAX_ATOMS:
        raise ValueError(f"more than {MAX_ATOMS} atoms")
    judgement = judge(molecule)
    if judgement.state != "valid":
        raise ValueError(f"{judgement.state} by its bonds; hydrogens must be explicit")
    _check_space(molecule)
    tags = {name.lower(): value for name, value in (record.tags or {}).items()}
    values = [_value(tags, prop.key, prop.name, prop.unit) for prop in PROPERTIES]
    homo, lumo, gap = (values[KEYS.index(key)] for key in ("homo", "lumo", "gap"))
    if abs(lumo - homo - gap) > GAP_TOLERANCE:
        raise ValueError("the gap is not LUMO less HOMO")
    return molecule, values


def _check_space(molecule: Molecule) -> None:
    """See that positions are those of a molecule in space and not of a drawing, where bonds to hydrogen are too long."""
    distances = np.linalg.norm(molecule.positions[:, None] - molecule.positions, axis=-1)
    apart = distances[~np.eye(len(molecule), dtype=bool)]
    assert molecule.bonds is not None
    to_hydrogen = distances[(molecule.bonds > 0) & (molecule.numbers == 1)[:, None]]
    if apart.min(initial=1.0) < LEAST_DISTANCE or to_hydrogen.max(initial=1.0) > LONGEST_TO_HYDROGEN:
        raise ValueError("its coordinates are not those of a molecule in space")


def _value(tags: Mapping[str, Any], key: str, name: str, unit: str) -> float:
    text = tags.get(key, tags.get(name))
    if text is None:
        raise ValueError(f"no tag <{key}>")
    found = _NUMBER.fullmatch(text)
    try:
        if found is None:
            raise KeyError
        value = to_canonical(float(found[1]), found[2] or unit, unit)
        if not math.isfinite(value):
            raise KeyError
        return value
    except KeyError:
        raise ValueError(f"the tag <{key}> is no number in {unit}") from None


def _packed(rows: list[tuple[Molecule, list[float]]]) -> Molecules:
    factors = np.array([prop.factor for prop in PROPERTIES])
    arrays = Arrays.pack(
        (_Row(number, molecule, np.array(values) / factors), molecule.bonds, molecule.charges, *novelty_hashes(molecule))
        for number, (molecule, values) in enumerate(rows, 1)
        if molecule.bonds is not None and molecule.charges is not None
    )
    return Molecules(arrays, *assign_splits(len(rows)))


class _Row:
    """A record as `Arrays.pack` takes it; properties (K,) in QM9's own units."""

    def __init__(self, number: int, molecule: Molecule, properties: NDArray[np.float64]) -> None:
        self.id, self.numbers, self.positions, self.properties = number, molecule.numbers, molecule.positions, properties
