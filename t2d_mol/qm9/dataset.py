"""The prepared data set: flat arrays in one safetensors file, and dense arrays of chosen molecules in memory."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from t2d_mol.elements import MAX_ATOMS, NUMBERS
from t2d_mol.errors import MissingError
from t2d_mol.molecule import Molecule
from t2d_mol.properties import PROPERTIES, QM9_COLUMNS, qm9_column
from t2d_mol.qm9.splits import Half, Split

FORMAT = "t2d-mol data 1"
TRAINING_STEP = 1 / 2000
"""Resolution in Å of the int16 positions in a `--training` file."""


@dataclass(frozen=True, eq=False)
class Arrays:
    """Molecules as flat arrays: M molecules, A atoms in all, E bonds in all.

    Attributes:
        ids: (M,) record numbers.
        atom_offsets: (M + 1,) where each molecule's atoms begin.
        bond_offsets: (M + 1,) where each molecule's bonds begin.
        numbers: (A,) atomic numbers.
        positions: (A, 3) coordinates, in Å if float32, in steps of 1/2000 Å if int16.
        charges: (A,) formal charges.
        bonds: (E,) packed as (i · 32 + j) · 4 + order with i < j.
        properties: (M, 15) or, in a training file and of one's own molecules, (M, K), in QM9's own units.
        smiles_hashes, lookup_hashes: (M,) hashes novelty is judged by.
    """

    ids: NDArray[np.int32]
    atom_offsets: NDArray[np.int32]
    bond_offsets: NDArray[np.int32]
    numbers: NDArray[np.uint8]
    positions: NDArray[Any]
    charges: NDArray[np.int8]
    bonds: NDArray[np.uint16]
    properties: NDArray[np.floating[Any]]
    smiles_hashes: NDArray[np.int64]
    lookup_hashes: NDArray[np.int64]

    @classmethod
    def pack(cls, rows: Iterable[tuple[Any, NDArray[np.uint8], NDArray[np.int8], int, int]]) -> Self:
        """Build the arrays from (record, bonds, charges, SMILES hash, look-up hash) rows."""
        records, bonds, charges, smiles_hashes, lookup_hashes = zip(*rows, strict=True)
        packed = [_pack_bonds(orders) for orders in bonds]
        return cls(
            np.array([record.id for record in records], np.int32),
            np.cumsum([0, *(len(record.numbers) for record in records)], dtype=np.int32),
            np.cumsum([0, *(len(row) for row in packed)], dtype=np.int32),
            np.concatenate([record.numbers for record in records]),
            np.concatenate([record.positions for record in records]),
            np.concatenate(charges),
            np.concatenate(packed),
            np.stack([record.properties for record in records]),
            np.array(smiles_hashes, np.int64),
            np.array(lookup_hashes, np.int64),
        )


@dataclass(frozen=True, eq=False)
class Molecules:
    """A prepared data set: molecules with split, half and properties.

    Attributes:
        arrays: the molecules.
        split, half: (M,) see `qm9.splits`.
    """

    arrays: Arrays
    split: NDArray[np.uint8]
    half: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.arrays.ids)

    def __getitem__(self, index: int) -> Molecule:
        arrays = self.arrays
        atoms = slice(arrays.atom_offsets[index], arrays.atom_offsets[index + 1])
        packed = arrays.bonds[arrays.bond_offsets[index] : arrays.bond_offsets[index + 1]]
        numbers = arrays.numbers[atoms]
        bonds = np.zeros((len(numbers), len(numbers)), np.uint8)
        i, j = packed // 128, packed // 4 % 32
        bonds[i, j] = bonds[j, i] = packed % 4
        return Molecule(numbers, self.positions(atoms), bonds, arrays.charges[atoms])

    def select(self, split: Split, half: Half | None = None) -> NDArray[np.intp]:
        """Return the indices of the molecules of a split and, if given, a half."""
        chosen = self.split == split
        if half is not None:
            chosen &= self.half == half
        return np.flatnonzero(chosen)

    def sizes(self) -> NDArray[np.int32]:
        """Return (M,) the atom counts."""
        return np.diff(self.arrays.atom_offsets)

    def properties(self) -> NDArray[np.float64]:
        """Return (M, K) the properties of `properties.PROPERTIES` in their canonical units."""
        factors = np.array([prop.factor for prop in PROPERTIES])
        values = self.arrays.properties
        if values.shape[1] == len(QM9_COLUMNS):
            values = values[:, [qm9_column(prop) for prop in PROPERTIES]]
        converted: NDArray[np.float64] = values.astype(np.float64) * factors
        return converted

    def structures(self) -> NDArray[np.uint8]:
        """Return (M, 6) how many atoms of each of `SYMBOLS` each molecule has, and how many rings."""
        sizes = self.sizes()
        owner = np.repeat(np.arange(len(self)), sizes)
        counts = np.stack([np.bincount(owner[self.arrays.numbers == z], minlength=len(self)) for z in NUMBERS], 1)
        rings = np.diff(self.arrays.bond_offsets) - sizes + 1
        return np.concatenate([counts, rings[:, None]], 1).astype(np.uint8)

    def positions(self, atoms: slice = slice(None)) -> NDArray[np.float32]:
        """Return coordinates (n, 3) in Å of a run of atoms, all by default."""
        positions = self.arrays.positions[atoms]
        return positions * np.float32(TRAINING_STEP) if positions.dtype == np.int16 else positions

    def save(self, path: Path) -> None:
        """Write the data set to one safetensors file, beside the target and renamed."""
        tensors = {item.name: getattr(self.arrays, item.name) for item in fields(Arrays)}
        tensors |= {"split": self.split, "half": self.half}
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".part")
        header = {"format": FORMAT, "properties": json.dumps(list(QM9_COLUMNS))}
        save_file({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, partial, header)
        partial.chmod(0o644)
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a data set.

        Raises:
            MissingError: if the file is missing, truncated or not a data set.
        """
        try:
            with safe_open(path, "numpy") as file:
                if (file.metadata() or {}).get("format") != FORMAT:
                    raise MissingError(f"{path} is not a data set of this version", "run t2d-mol data prepare")
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return cls(
                Arrays(**{item.name: tensors[item.name] for item in fields(Arrays)}), tensors["split"], tensors["half"]
            )
        except FileNotFoundError:
            raise MissingError(f"no data set at {path}", "make one with t2d-mol data prepare") from None
        except (SafetensorError, OSError, KeyError) as error:
            raise MissingError(f"{path} is damaged: {error}", "make it again with t2d-mol data prepare") from None

    def training_part(self) -> "Molecules":
        """Return the train split alone with int16 positions and the K properties only: small enough to carry."""
        return self.take(self.select(Split.TRAIN), compact=True)

    def take(self, indices: NDArray[np.intp], *, compact: bool = False) -> "Molecules":
        """Return some of the molecules, optionally with int16 positions and the K properties only."""
        arrays = self.arrays
        atoms = _ranges(arrays.atom_offsets, indices)
        bonds = _ranges(arrays.bond_offsets, indices)
        positions, properties = arrays.positions[atoms], arrays.properties[indices]
        if compact:
            owner = np.repeat(np.arange(len(indices)), self.sizes()[indices])
            positions = np.round(_centred(self.positions()[atoms], owner) / TRAINING_STEP).astype(np.int16)
            chosen = [qm9_column(prop) for prop in PROPERTIES] if properties.shape[1] == len(QM9_COLUMNS) else slice(None)
            properties = properties[:, chosen].astype(np.float32)
        part = Arrays(
            arrays.ids[indices],
            _offsets(arrays.atom_offsets, indices),
            _offsets(arrays.bond_offsets, indices),
            arrays.numbers[atoms],
            positions,
            arrays.charges[atoms],
            arrays.bonds[bonds],
            properties,
            arrays.smiles_hashes[indices],
            arrays.lookup_hashes[indices],
        )
        return Molecules(part, self.split[indices], self.half[indices])


def _pack_bonds(orders: NDArray[np.uint8]) -> NDArray[np.uint16]:
    assert len(orders) <= MAX_ATOMS
    i, j = np.nonzero(np.triu(orders))
    return ((i * 32 + j) * 4 + orders[i, j]).astype(np.uint16)


def _centred(positions: NDArray[np.floating[Any]], owner: NDArray[np.intp]) -> NDArray[np.floating[Any]]:
    """Return positions with the centroid of each molecule, the owner of a run of atoms, at the origin."""
    sums = np.stack([np.bincount(owner, axis) for axis in positions.T], 1)
    found: NDArray[np.floating[Any]] = positions - (sums / np.bincount(owner)[:, None])[owner]
    return found


def _ranges(offsets: NDArray[np.int32], indices: NDArray[np.intp]) -> NDArray[np.intp]:
    starts, counts = offsets[indices], np.diff(offsets)[indices]
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    places: NDArray[np.intp] = np.repeat(starts, counts) + within
    return places


def _offsets(offsets: NDArray[np.int32], indices: NDArray[np.intp]) -> NDArray[np.int32]:
    return np.concatenate([[0], np.cumsum(np.diff(offsets)[indices])]).astype(np.int32)
