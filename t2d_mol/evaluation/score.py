"""The score of one molecule: by its geometry, by its bonds, by an oracle, against its targets."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from t2d_mol.checkpoint import Statistics
from t2d_mol.chem.graph import fragment_count, judge, judge_smiles
from t2d_mol.chem.lookup import lookup_smiles, lookup_stable_atoms
from t2d_mol.chem.perception import with_perceived_bonds
from t2d_mol.chem.plausibility import Plausibility, check
from t2d_mol.errors import InputError
from t2d_mol.evaluation.oracles.base import Oracle, Reading
from t2d_mol.evaluation.relaxation import Relaxation, relax
from t2d_mol.io.record import times, was_relaxed
from t2d_mol.molecule import Molecule, State, Target
from t2d_mol.properties import KEYS
from t2d_mol.targets import error, hit

CHUNK: Final = 2048
"""Molecules scored together by default."""


JOINT: Final = "all"
"""The group of a protocol whose prompts ask for all properties at once."""


@dataclass(frozen=True)
class Entry:
    """What is to be scored: a molecule with geometry or a SMILES, and what was asked of it.

    Attributes:
        number: its place in the input, from 1.
        molecule: None where there is no geometry.
        smiles: for entries without geometry.
        targets: what its prompt asked for.
        group, wording: what a protocol asked for and in which words, see `protocols.Job`.
        columns: further fields to keep in its row.
    """

    number: int
    molecule: Molecule | None = None
    smiles: str = ""
    targets: tuple[Target, ...] = ()
    group: str = ""
    wording: str = ""
    columns: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Score:
    """What is known of one molecule.

    Attributes:
        entry: what was scored.
        n_atoms: atoms, hydrogens included.
        smiles, state, reason: by its bonds, perceived if it carries none.
        stable_atoms: atoms whose bonds fit a valence.
        connected: whether its bonds join all atoms.
        lookup_stable_atoms: atoms stable by the look-up rule; None without geometry.
        lookup_smiles: None if not valid by the look-up rule.
        reading: what the oracle says, None if none was asked.
        errors, hits: of the targets whose property was read, by property; a molecule the oracle failed on hits nothing.
        plausibility: PoseBusters' checks and strain, None if not asked for.
        relaxation: the way to the nearest GFN2-xTB minimum, None if not asked for.
    """

    entry: Entry
    n_atoms: int
    smiles: str | None
    state: State
    reason: str
    stable_atoms: int
    connected: bool
    lookup_stable_atoms: int | None = None
    lookup_smiles: str | None = None
    reading: Reading | None = None
    errors: dict[str, float] = field(default_factory=dict)
    hits: dict[str, bool] = field(default_factory=dict)
    plausibility: Plausibility | None = None
    relaxation: Relaxation | None = None

    @property
    def chosen_from(self) -> int:
        """How many candidates its molecule was chosen from, by the record it came in; 1 where that says nothing."""
        return times(self.entry.columns.get("candidates"), least=1)

    @property
    def repaired(self) -> bool:
        """Whether its molecule was repaired while it was made, by the record it came in."""
        return times(self.entry.columns.get("repairs")) > 0

    @property
    def came_relaxed(self) -> bool:
        """Whether its molecule was relaxed before it came here, by the record it came in."""
        return was_relaxed(self.entry.columns.get("relaxed"))

    def row(self) -> dict[str, Any]:
        """Return the score as flat, plain values; the same keys for every molecule scored in the same way."""
        row: dict[str, Any] = {"number": self.entry.number, **self.entry.columns}
        if self.entry.wording:
            row |= {"group": self.entry.group, "wording": self.entry.wording}
        names = ("n_atoms", "smiles", "state", "reason", "stable_atoms", "connected", "lookup_stable_atoms", "lookup_smiles")
        row |= {name: getattr(self, name) for name in names}
        if self.reading is not None:
            row |= {"oracle_state": self.reading.state, "oracle_reason": self.reading.reason}
            row["out_of_domain"] = self.reading.out_of_domain
            for key in KEYS:
                low, high = self.reading.intervals.get(key, (None, None))
                found = {"": self.reading.values.get(key), "_low": low, "_high": high}
                found |= {"_error": self.errors.get(key), "_hit": self.hits.get(key)}
                row |= {f"{key}{suffix}": _rounded(value) for suffix, value in found.items()}
        if self.plausibility is not None:
            row |= {**self.plausibility.checks, "strain": _rounded(self.plausibility.strain)}
        if self.relaxation is not None:
            row |= {name: _rounded(getattr(self.relaxation, name)) for name in ("rmsd", "energy_drop")}
            row |= {"relaxation_state": self.relaxation.state, "relaxation_reason": self.relaxation.reason}
        return row


@dataclass(frozen=True)
class Scorer:
    """How molecules are scored.

    Attributes:
        statistics: of the properties, for levels and hits.
        oracle: where properties come from, None for none.
        check: whether to run PoseBusters' checks.
        relax: whether to relax under GFN2-xTB.
        chunk: molecules scored together: more are faster, fewer come out sooner.
    """

    statistics: Statistics | None = None
    oracle: Oracle | None = None
    check: bool = False
    relax: bool = False
    chunk: int = CHUNK

    def __call__(self, entries: Iterable[Entry]) -> Iterator[Score]:
        """Yield the score of each entry, in order."""
        waiting = iter(entries)
        while chunk := list(islice(waiting, self.chunk)):
            shapes = [entry.molecule for entry in chunk if entry.molecule is not None]
            readings = self.oracle.read(shapes) if self.oracle else iter(())
            checks = check(shapes) if self.check else iter(())
            ways = relax(shapes) if self.relax else iter(())
            for entry in chunk:
                if entry.molecule is None:
                    yield score_smiles(entry)
                    continue
                yield self._score(entry, next(readings, None), next(checks, None), next(ways, None))

    def _score(
        self, entry: Entry, reading: Reading | None, plausibility: Plausibility | None, way: Relaxation | None
    ) -> Score:
        molecule = entry.molecule
        assert molecule is not None
        judgement = judge(molecule)
        try:
            connected = fragment_count(with_perceived_bonds(molecule)) == 1
        except InputError:
            connected = False
        errors, hits = {}, {}
        for target in entry.targets:
            if reading is not None and target.property in reading.values and self.statistics is not None:
                value = reading.values[target.property]
                errors[target.property] = error(target, value, self.statistics)
                hits[target.property] = hit(target, value, self.statistics)
            elif reading is not None and reading.state == "failed":
                hits[target.property] = False
        return Score(
            entry,
            len(molecule),
            judgement.smiles,
            judgement.state,
            judgement.reason,
            int(judgement.stable_atoms.sum()),
            connected,
            int(lookup_stable_atoms(molecule).sum()),
            lookup_smiles(molecule),
            reading,
            errors,
            hits,
            plausibility,
            way,
        )


def score_smiles(entry: Entry) -> Score:
    """Score a SMILES: graph figures only."""
    judgement = judge_smiles(entry.smiles)
    atoms = len(judgement.stable_atoms)
    connected = judgement.smiles is not None and "." not in judgement.smiles
    stable = int(judgement.stable_atoms.sum())
    return Score(entry, atoms, judgement.smiles, judgement.state, judgement.reason, stable, connected)


def _rounded(value: Any) -> Any:
    return round(value, 5) if isinstance(value, float) else value
