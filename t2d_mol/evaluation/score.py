"""Scores of molecules by two rules, bonds looked up from distances and the bonds they carry, and their summary."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from t2d_mol.chem.graph import hash_smiles, judge, judge_smiles
from t2d_mol.chem.lookup import lookup_smiles, lookup_stable_atoms
from t2d_mol.chem.perception import with_perceived_bonds
from t2d_mol.errors import InputError
from t2d_mol.molecule import Molecule, State

SCHEMA: Final = "t2d-mol evaluate 1"


@dataclass(frozen=True)
class Score:
    """What is known of one molecule.

    Attributes:
        number: its place in the input, from 1.
        n_atoms: atoms, hydrogens included.
        smiles, state, reason: by its bonds, perceived if it carries none.
        stable_atoms: atoms whose bonds fit a valence.
        connected: whether its bonds join all atoms.
        lookup_stable_atoms: atoms stable by the look-up rule; None without geometry.
        lookup_smiles: None if not valid by the look-up rule.
    """

    number: int
    n_atoms: int
    smiles: str | None
    state: State
    reason: str
    stable_atoms: int
    connected: bool
    lookup_stable_atoms: int | None
    lookup_smiles: str | None

    def row(self) -> dict[str, Any]:
        """Return the score as plain values."""
        return asdict(self)


def score(number: int, molecule: Molecule) -> Score:
    """Score a molecule with geometry."""
    judgement = judge(molecule)
    try:
        connected = is_connected(with_perceived_bonds(molecule))
    except InputError:
        connected = False
    return Score(
        number,
        len(molecule),
        judgement.smiles,
        judgement.state,
        judgement.reason,
        int(judgement.stable_atoms.sum()),
        connected,
        int(lookup_stable_atoms(molecule).sum()),
        lookup_smiles(molecule),
    )


def score_smiles(number: int, smiles: str) -> Score:
    """Score a SMILES: graph figures only."""
    judgement = judge_smiles(smiles)
    atoms = len(judgement.stable_atoms)
    connected = atoms > 0 and judgement.state != "disconnected"
    stable = int(judgement.stable_atoms.sum())
    return Score(number, atoms, judgement.smiles, judgement.state, judgement.reason, stable, connected, None, None)


def is_connected(molecule: Molecule) -> bool:
    """Return whether the molecule's bonds join all its atoms."""
    assert molecule.bonds is not None
    reached = np.zeros(len(molecule), bool)
    reached[0] = True
    while (grown := reached | molecule.bonds[reached].any(0)).sum() > reached.sum():
        reached = grown
    return bool(reached.all())


def summarise(
    scores: Sequence[Score],
    *,
    smiles_hashes: NDArray[np.int64] | None = None,
    lookup_hashes: NDArray[np.int64] | None = None,
    unreadable: int = 0,
) -> dict[str, Any]:
    """Return the summary object of `evaluate --json`.

    Args:
        scores: of all molecules.
        smiles_hashes, lookup_hashes: of the train molecules, for novelty; None leaves it null.
        unreadable: records that could not be scored.
    """
    reasons: dict[str, str] = {"targets": "no oracle was asked for", "intervals": "no oracle was asked for"}
    seen = [item for item in scores if item.lookup_stable_atoms is not None]
    if not seen:
        reasons["lookup"] = "no record has positions"
    if smiles_hashes is None:
        reasons["novel"] = "no checkpoint to compare with"
    lookup = None
    if seen:
        lookup = {
            "atom_stable": _rate(sum(item.lookup_stable_atoms or 0 for item in seen), sum(i.n_atoms for i in seen)),
            "molecule_stable": _rate(sum(item.lookup_stable_atoms == item.n_atoms for item in seen), len(seen)),
            **_names([item.lookup_smiles for item in seen], len(seen), lookup_hashes),
        }
    valid = [item.smiles if item.state == "valid" else None for item in scores]
    bonds = {
        "atom_stable": _rate(sum(item.stable_atoms for item in scores), sum(item.n_atoms for item in scores)),
        "molecule_stable": _rate(sum(0 < item.n_atoms == item.stable_atoms for item in scores), len(scores)),
        "connected": _rate(sum(item.connected for item in scores), len(scores)),
        **_names(valid, len(scores), smiles_hashes),
    }
    summary: dict[str, Any] = {"schema": SCHEMA, "n": len(scores), "unreadable": unreadable, "lookup": lookup}
    return summary | {"bonds": bonds, "targets": None, "intervals": None, "reasons": reasons}


def _names(names: Iterable[str | None], count: int, hashes: NDArray[np.int64] | None) -> dict[str, float | None]:
    valid = [name for name in names if name is not None]
    unique = set(valid)
    new = None
    if hashes is not None and unique:
        known = np.isin(np.array([hash_smiles(name) for name in unique], np.int64), hashes)
        new = _rate(int((~known).sum()), len(unique))
    return {
        "valid": _rate(len(valid), count),
        "valid_unique": _rate(len(unique), count),
        "unique": _rate(len(unique), len(valid)),
        "novel": new,
    }


def _rate(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None
