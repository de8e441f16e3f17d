"""The summary of many scores: rates, errors and distances, each a ratio of sums with its bootstrap interval."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from t2d_mol.chem.graph import hash_smiles
from t2d_mol.evaluation.ratios import Ratio, intervals
from t2d_mol.evaluation.score import JOINT, Score
from t2d_mol.properties import KEYS

SCHEMA: Final = "t2d-mol evaluate 1"
Hashes = NDArray[np.int64] | None


def figures(scores: Sequence[Score], *, smiles_hashes: Hashes = None, lookup_hashes: Hashes = None) -> dict[str, Ratio]:
    """Return every figure of molecules by its dotted name.

    Args:
        scores: of all molecules.
        smiles_hashes, lookup_hashes: of the train molecules, for novelty.
    """
    atoms = np.array([score.n_atoms for score in scores], float)
    found: dict[str, Ratio] = {}
    seen = np.array([score.lookup_stable_atoms is not None for score in scores])
    if seen.any():
        stable = np.array([score.lookup_stable_atoms or 0 for score in scores])
        found["lookup.atom_stable"] = Ratio.of(stable, atoms * seen)
        found["lookup.molecule_stable"] = Ratio.of(seen & (stable == atoms), seen)
        found |= _names("lookup", [score.lookup_smiles for score in scores], seen, lookup_hashes)
    stable = np.array([score.stable_atoms for score in scores])
    found["bonds.atom_stable"] = Ratio.of(stable, atoms)
    found["bonds.molecule_stable"] = Ratio.of((stable == atoms) & (atoms > 0))
    found["bonds.connected"] = Ratio.of([score.connected for score in scores])
    valid = [score.smiles if score.state == "valid" else None for score in scores]
    found |= _names("bonds", valid, np.ones(len(scores), bool), smiles_hashes)
    return found | _target_figures(scores) | _oracle_figures(scores) | _physical_figures(scores)


def summarise(
    scores: Sequence[Score],
    *,
    smiles_hashes: Hashes = None,
    lookup_hashes: Hashes = None,
    unreadable: int = 0,
    oracle: str = "none",
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the summary object of `evaluate --json`.

    Args:
        scores: of all molecules.
        smiles_hashes, lookup_hashes: of the train molecules, for novelty; None leaves it null.
        unreadable: records that could not be scored.
        oracle: the name of the oracle asked, "none" if none was.
        extra: further blocks of the summary.
    """
    found = figures(scores, smiles_hashes=smiles_hashes, lookup_hashes=lookup_hashes)
    summary: dict[str, Any] = {"schema": SCHEMA, "n": len(scores), "unreadable": unreadable, "oracle": oracle}
    summary |= dict.fromkeys(("lookup", "bonds", "targets", "properties", "checks", "relaxation"))
    for name, ratio in found.items():
        *path, last = name.split(".")
        place = summary
        for part in path:
            place[part] = place.get(part) or {}
            place = place[part]
        place[last] = ratio.value
    for key, target in (summary["targets"] or {}).items():
        target["n"] = int(found[f"targets.{key}.hit"].wholes.sum())
    reasons = {}
    if summary["lookup"] is None:
        reasons["lookup"] = "no record has positions"
    if smiles_hashes is None:
        reasons["novel"] = "no checkpoint to compare with"
    if summary["targets"] is None:
        reasons["targets"] = (
            "no oracle was asked for" if oracle == "none" else "no record carries targets the oracle can read"
        )
    for name, asked in (("properties", "--oracle"), ("checks", "--check"), ("relaxation", "--relax")):
        if summary[name] is None:
            shapeless = summary["lookup"] is None or (name == "properties" and oracle != "none")
            reasons[name] = "no record has positions" if shapeless else f"not asked for: {asked}"
    summary |= dict(extra or {})
    return summary | {"intervals": intervals(found), "reasons": reasons}


def _names(block: str, names: Sequence[str | None], counted: NDArray[np.bool_], hashes: Hashes) -> dict[str, Ratio]:
    valid = np.array([name is not None for name in names])
    first, known = np.zeros(len(names), bool), set[str]()
    for place, name in enumerate(names):
        if name is not None and name not in known:
            known.add(name)
            first[place] = True
    found = {
        f"{block}.valid": Ratio.of(valid, counted),
        f"{block}.valid_unique": Ratio.of(first, counted),
        f"{block}.unique": Ratio.of(first, valid),
        f"{block}.novel": Ratio.of(np.zeros(len(names)), np.zeros(len(names))),
    }
    if hashes is not None:
        new = np.zeros(len(names), bool)
        new[first] = ~np.isin(np.array([hash_smiles(name or "") for name, f in zip(names, first, strict=True) if f]), hashes)
        found[f"{block}.novel"] = Ratio.of(new, first)
    return found


def _target_figures(scores: Sequence[Score]) -> dict[str, Ratio]:
    """Return errors and hits of the targets asked for one property at a time, in seen words where a protocol has both.

    Levels have hits but no error. Molecules the oracle failed on count as missed, and in no error.
    """
    own = np.array([score.entry.group != JOINT and score.entry.wording != "unseen" for score in scores])
    found = {}
    for key in KEYS:
        if not any(key in score.errors for score in scores):
            continue
        exact = own & np.array([_asks(score, key, level=False) for score in scores])
        asked = exact | (own & np.array([_asks(score, key, level=True) for score in scores]))
        known = np.array([key in score.errors for score in scores])
        errors = np.array([score.errors.get(key, 0.0) for score in scores])
        hits = np.array([score.hits.get(key, False) for score in scores])
        found[f"targets.{key}.mae"] = Ratio.of(errors * (exact & known), exact & known)
        found[f"targets.{key}.hit"] = Ratio.of(hits & asked, asked)
        found[f"targets.{key}.level_share"] = Ratio.of(asked & ~exact, asked)
        found[f"targets.{key}.failed"] = Ratio.of(asked & ~known, asked)
    return found


def _asks(score: Score, key: str, *, level: bool) -> bool:
    return any(target.property == key and (target.op == "level") is level for target in score.entry.targets)


def _oracle_figures(scores: Sequence[Score]) -> dict[str, Ratio]:
    readings = [score.reading for score in scores if score.reading is not None]
    if not readings:
        return {}
    asked = np.array([score.reading is not None for score in scores])
    done = np.array([score.reading is not None and score.reading.state == "done" for score in scores])
    found = {"properties.failed": Ratio.of(asked & ~done, asked)}
    if any(reading.out_of_domain is not None for reading in readings):
        strange = [bool(score.reading and score.reading.out_of_domain) for score in scores]
        found["properties.out_of_domain"] = Ratio.of(strange & done, done)
    for key in KEYS:
        known = np.array([score.reading is not None and key in score.reading.values for score in scores])
        if known.any():
            values = [score.reading.values.get(key, 0.0) if score.reading else 0.0 for score in scores]
            found[f"properties.{key}"] = Ratio.of(values, known)
    return found


def _physical_figures(scores: Sequence[Score]) -> dict[str, Ratio]:
    found = {}
    checked = [score.plausibility for score in scores]
    for name in next((item.checks for item in checked if item), {}):
        passed = [item.checks[name] if item else None for item in checked]
        found[f"checks.{name}"] = Ratio.of([bool(value) for value in passed], [value is not None for value in passed])
    if found:
        whole = [item is not None and all(value is not False for value in item.checks.values()) for item in checked]
        found["checks.all"] = Ratio.of(whole, [item is not None for item in checked])
        strained = [item.strain if item else None for item in checked]
        found["checks.strain"] = Ratio.of([value or 0.0 for value in strained], [value is not None for value in strained])
    relaxed = [score.relaxation if score.relaxation and score.relaxation.state == "done" else None for score in scores]
    if any(score.relaxation for score in scores):
        asked = np.array([score.relaxation is not None for score in scores])
        done = np.array([item is not None for item in relaxed])
        found["relaxation.failed"] = Ratio.of(asked & ~done, asked)
        for name in ("rmsd", "energy_drop"):
            found[f"relaxation.{name}"] = Ratio.of([getattr(item, name) if item else 0.0 for item in relaxed], done)
    return found
