"""A generated molecule as a record of plain values: the keys every format carries, and its geometry."""

import json
import math
from typing import Any, Final

import numpy as np

from t2d_mol.checkpoint import Statistics
from t2d_mol.errors import InputError
from t2d_mol.molecule import GeneratedMolecule, Molecule, Target
from t2d_mol.properties import BY_KEY, KEYS, LEVELS
from t2d_mol.units import to_canonical

Record = dict[str, Any]

RECORD_KEYS: Final = (
    "prompt", "row", "index", "seed", "smiles", "state", "reason", "n_atoms", "novel", "duplicate_of",
    "targets", "structure", "unmet", "attempts", "repairs", "predicted", "relaxed",
    "model", "steps", "guidance", "steer", "solver", "candidates", "precision", "version",
)  # fmt: skip
"""The keys of every record, in order."""

GEOMETRY_KEYS: Final = ("numbers", "positions", "bonds", "charges")
"""Keys that hold the molecule itself: atomic numbers, positions in Å, [[i, j, order]] and formal charges."""


SHARED_KEYS: Final = ("model", "steps", "guidance", "steer", "solver", "candidates", "seed", "precision")
"""Keys that pages tell once, where they are the same for all records."""


def target_record(target: Target, statistics: Statistics) -> Record:
    """Return a target as plain values, numbers in canonical units and normalised."""
    record: Record = {"property": target.property, "op": target.op}
    index = KEYS.index(target.property)
    if target.level is not None:
        return record | {"level": LEVELS[target.level], "unit": target.unit, "normalised": None}
    numbers = {name: getattr(target, name) for name in ("value", "low", "high") if getattr(target, name) is not None}
    normalised = [round(statistics.normalise(index, number), 4) for number in numbers.values()]
    record |= {name: round(number, 6) for name, number in numbers.items()}
    return record | {"unit": target.unit, "normalised": normalised[0] if len(normalised) == 1 else normalised}


def targets_of(tags: dict[str, Any] | None) -> tuple[Target, ...]:
    """Return the targets a record carries under the key `targets`, as plain values or as JSON text; none if it has none.

    Raises:
        InputError: if what stands there are no targets.
    """
    found = (tags or {}).get("targets") or []
    try:
        rows = json.loads(found) if isinstance(found, str) else found
        return tuple(_target(row) for row in rows)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"its targets cannot be read: {str(found)[:80]}") from None


def _target(row: dict[str, Any]) -> Target:
    prop = BY_KEY[row["property"]]
    if row["op"] == "level":
        return Target(prop.key, "level", level=LEVELS.index(row["level"]), unit=prop.unit)
    names = ("low", "high") if row["op"] == "between" else ("value",)
    if row["op"] not in ("=", "<", ">", "between"):
        raise ValueError(row["op"])
    numbers: dict[str, Any] = {
        name: to_canonical(float(row[name]), row.get("unit") or prop.unit, prop.unit) for name in names
    }
    if not all(map(math.isfinite, numbers.values())) or numbers.get("low", 0.0) > numbers.get("high", math.inf):
        raise ValueError(numbers)
    return Target(prop.key, row["op"], unit=prop.unit, **numbers)


def to_record(generated: GeneratedMolecule, statistics: Statistics) -> Record:
    """Return the record of a generated molecule: `RECORD_KEYS`, then the geometry; see `with_geometry`."""
    record = {
        "prompt": generated.prompt.text,
        "row": generated.row,
        "index": generated.index,
        "seed": generated.seed,
        "smiles": generated.smiles,
        "state": generated.state,
        "reason": generated.reason,
        "n_atoms": len(generated.molecule),
        "novel": None,
        "duplicate_of": None,
        "targets": [target_record(target, statistics) for target in generated.prompt.targets],
        "structure": generated.prompt.structure.record(),
        "unmet": generated.unmet,
        "attempts": generated.attempts,
        "repairs": generated.repairs,
        "predicted": generated.predicted,
        "relaxed": None,
        **generated.provenance,
    }
    return with_geometry(record, generated.molecule)


def with_geometry(record: Record, molecule: Molecule) -> Record:
    """Return the record with a molecule's numbers, positions and, where they are known, bonds and charges."""
    geometry: Record = {
        "numbers": molecule.numbers.tolist(),
        "positions": [[round(x, 5) for x in row] for row in molecule.positions.tolist()],
    }
    if molecule.bonds is not None:
        upper = np.argwhere(np.triu(molecule.bonds)).tolist()
        geometry["bonds"] = [[i, j, int(molecule.bonds[i, j])] for i, j in upper]
    if molecule.charges is not None:
        geometry["charges"] = molecule.charges.tolist()
    return record | geometry


def molecule_of(record: Record) -> Molecule:
    """Return the molecule of a record as this program writes it."""
    numbers = np.array(record["numbers"], np.uint8)
    bonds = None
    if "bonds" in record:
        bonds = np.zeros((len(numbers), len(numbers)), np.uint8)
        for i, j, order in record["bonds"]:
            bonds[i, j] = bonds[j, i] = order
    charges = np.array(record["charges"], np.int8) if "charges" in record else None
    return Molecule(numbers, np.array(record["positions"], np.float32), bonds, charges)


def times(found: Any, least: int = 0) -> int:
    """Return the number under a key such as `repairs`, which tables of mixed origin hold as 2.0; `least` without one."""
    try:
        return max(least, int(float(found)))
    except (TypeError, ValueError, OverflowError):
        return least


def was_relaxed(found: Any) -> bool:
    """Return whether what stands under the key `relaxed`, as plain values or JSON text, is of a relaxation that was done."""
    try:
        way = json.loads(found) if isinstance(found, str) else found
    except ValueError:
        return False
    return isinstance(way, dict) and way.get("state") != "failed"


def told(record: Record) -> Record:
    """Return a record without its geometry."""
    return {key: value for key, value in record.items() if key not in GEOMETRY_KEYS}


def flat(record: Record) -> Record:
    """Return what a record tells, in values of one line: nested ones are JSON text, None is empty, line ends are spaces."""
    return {key: _line(value) for key, value in told(record).items()}


def _line(value: Any) -> Any:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else " ".join(value.splitlines()) if isinstance(value, str) else value
