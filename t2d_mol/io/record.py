"""A generated molecule as a flat record: the keys every format carries."""

import json
from typing import Any, Final

from t2d_mol.checkpoint import Statistics
from t2d_mol.errors import InputError
from t2d_mol.molecule import GeneratedMolecule, Target
from t2d_mol.properties import BY_KEY, KEYS, LEVELS
from t2d_mol.units import to_canonical

RECORD_KEYS: Final = (
    "prompt", "row", "index", "seed", "smiles", "state", "reason", "n_atoms",
    "targets", "structure", "unmet", "attempts", "predicted",
    "model", "steps", "guidance", "steer", "solver", "candidates", "precision", "version",
)  # fmt: skip


def target_record(target: Target, statistics: Statistics) -> dict[str, Any]:
    """Return a target as plain values, numbers in canonical units and normalised."""
    record: dict[str, Any] = {"property": target.property, "op": target.op}
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
    return Target(prop.key, row["op"], unit=prop.unit, **numbers)


def to_record(generated: GeneratedMolecule, statistics: Statistics) -> dict[str, Any]:
    """Return the record of a generated molecule: the keys of `RECORD_KEYS`, plain values."""
    return {
        "prompt": generated.prompt.text,
        "row": generated.row,
        "index": generated.index,
        "seed": generated.seed,
        "smiles": generated.smiles,
        "state": generated.state,
        "reason": generated.reason,
        "n_atoms": len(generated.molecule),
        "targets": [target_record(target, statistics) for target in generated.prompt.targets],
        "structure": generated.prompt.structure.record(),
        "unmet": generated.unmet,
        "attempts": generated.attempts,
        "predicted": generated.predicted,
        **generated.provenance,
    }


def flat(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record whose nested values are JSON text, for formats of flat fields; None becomes empty."""
    return {
        key: json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else "" if value is None else value
        for key, value in record.items()
    }
