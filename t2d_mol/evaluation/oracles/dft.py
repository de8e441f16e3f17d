"""Density functional theory as an oracle: B3LYP/6-31G(2df,p), the level of theory QM9's own tables were computed at."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from warnings import catch_warnings

from t2d_mol import cores
from t2d_mol.errors import UsageError
from t2d_mol.evaluation.oracles.base import Reading
from t2d_mol.evaluation.oracles.cache import Cache
from t2d_mol.evaluation.oracles.closed_shell import objection
from t2d_mol.evaluation.oracles.kohn_sham import LEVEL_OF_THEORY, ORBITALS, POLARIZABILITY, calculate
from t2d_mol.evaluation.oracles.workers import Lost, apply
from t2d_mol.molecule import Molecule

KNOWN: Final = (POLARIZABILITY, *ORBITALS)
"""The properties this oracle can give."""


class DFTOracle:
    """Properties by B3LYP/6-31G(2df,p) at the geometry given, neither relaxed nor moved.

    Frontier orbitals, gap and dipole agree with QM9's tables within 3 meV and 0.002 D, the polarizability within 0.5 %.
    The charge is the sum of the formal charges, 0 if they are unknown; molecules of an odd number of electrons fail.
    """

    def __init__(
        self,
        properties: Sequence[str] = ORBITALS,
        *,
        workers: int | None = None,
        cache: Path | None = None,
        cycles: int = 100,
        seconds: float | None = None,
    ) -> None:
        """Choose what to calculate and how.

        Args:
            properties: some of alpha, homo, lumo, gap, mu; alpha multiplies the cost by about four.
            workers: single-threaded processes; one for each processor by default.
            cache: folder values are kept in from one run to the next; failures are not.
            cycles: most cycles of a self-consistent field, see `kohn_sham.calculate`.
            seconds: most time for one molecule; None sets no limit.

        Raises:
            UsageError: if PySCF is missing or a property is unknown to it.
        """
        if find_spec("pyscf") is None:
            raise UsageError("the dft oracle needs PySCF", "pip install 't2d-mol[dft]'")
        if unknown := [key for key in properties if key not in KNOWN]:
            raise UsageError(f"the dft oracle does not give {', '.join(unknown)}", f"it gives {', '.join(KNOWN)}")
        self.name = "dft"
        self.properties = tuple(properties)
        self.workers = workers or cores.available()
        self.cache = None if cache is None else Cache(cache, LEVEL_OF_THEORY)
        self.cycles = cycles
        self.seconds = seconds

    def read(self, molecules: Sequence[Molecule]) -> Iterator[Reading]:
        """Yield a reading for each molecule, in order, while others are calculated; failed ones say why.

        Values already in the cache are not calculated again, and what is calculated is there at once.
        """
        known = [self._known(molecule) for molecule in molecules]
        wanted = [molecule for molecule, reading in zip(molecules, known, strict=True) if reading is None]
        work = _Work(self.properties, self.cycles, self.cache)
        results = apply(work, wanted, self.workers, self.seconds)
        for reading in known:
            yield reading or self._reading(next(results))

    def _known(self, molecule: Molecule) -> Reading | None:
        """Return what can be said without a calculation."""
        if reason := objection(molecule):
            return Reading(state="failed", reason=reason)
        values = self.cache.get(molecule) if self.cache else {}
        return self._reading(values) if values.keys() >= set(self.properties) else None

    def _reading(self, result: dict[str, float] | Lost) -> Reading:
        if isinstance(result, Lost):
            return Reading(state="failed", reason=result.reason)
        return Reading({key: result[key] for key in self.properties})


@dataclass(frozen=True)
class _Work:
    """What a worker does with a molecule: calculate the properties not in the cache, and put them there."""

    properties: tuple[str, ...]
    cycles: int
    cache: Cache | None

    def __call__(self, molecule: Molecule) -> dict[str, float]:
        known = self.cache.get(molecule) if self.cache else {}
        missing = set(self.properties) - known.keys()
        with catch_warnings(action="ignore"):
            values = calculate(molecule, missing, self.cycles) | known
        if self.cache:
            self.cache.put(molecule, values)
        return values
