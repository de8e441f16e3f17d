"""GFN2-xTB as an oracle: frontier orbitals, dipole and polarizability, mapped linearly to QM9's level of theory."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from t2d_mol import cores
from t2d_mol.elements import NUMBERS, SYMBOLS
from t2d_mol.errors import MissingError, UsageError
from t2d_mol.evaluation.oracles.base import Reading
from t2d_mol.evaluation.oracles.closed_shell import objection
from t2d_mol.evaluation.oracles.workers import Lost, apply_in_chunks
from t2d_mol.molecule import Molecule
from t2d_mol.units import HARTREE_IN_EV

if TYPE_CHECKING:
    from tblite.interface import Calculator, Result

METHOD: Final = "GFN2-xTB"
MAP_FILE: Final = Path(__file__).with_name("xtb_map.json")
"""The linear map and where it comes from; written by `benchmarks/oracle_xtb.py --fit`."""
FIELD: Final = 2e-3
"""Strength in atomic units of the fields the polarizability is differenced with."""
CHUNK: Final = 8
"""Molecules a worker process is handed at a time."""

LinearMap = Mapping[str, Mapping[str, float]]
"""Of each property the coefficients of its features."""


class XTBOracle:
    """Properties by GFN2-xTB (Bannwarth, Ehlert, Grimme, J. Chem. Theory Comput. 2019, 15, 1652).

    Gives homo, lumo, gap and mu, and alpha if asked; all are invariant to rotation and translation. Only molecules with an
    even number of electrons are read; the charge is the sum of the formal charges, 0 if they are unknown.

    Attributes:
        name: the oracle's name.
        polarizability: whether alpha is computed too, by finite field: six more single points.
        workers: single-threaded processes to compute with.
        coefficients: the linear map to QM9's level; None leaves the values at the level of GFN2-xTB.

    Raises:
        UsageError: if the extra `physics` is not installed.
        MissingError: if the map is calibrated and its file missing.
    """

    name = "xtb"

    def __init__(self, polarizability: bool = False, workers: int = cores.available(), calibrated: bool = True) -> None:
        require_physics()
        self.polarizability = polarizability
        self.workers = workers
        self.coefficients = load_map() if calibrated else None

    def read(self, molecules: Sequence[Molecule]) -> Iterator[Reading]:
        """Yield a reading for each molecule, in order and as they come; those that fail say why."""
        task = partial(single_point, polarizability=self.polarizability)
        readings = apply_in_chunks(task, molecules, self.workers, CHUNK)
        for molecule, reading in zip(molecules, readings, strict=True):
            if isinstance(reading, Lost):
                yield Reading(state="failed", reason=reading.reason)
            else:
                yield self._to_qm9_level(molecule, reading)

    def _to_qm9_level(self, molecule: Molecule, reading: Reading) -> Reading:
        if self.coefficients is None or reading.state == "failed":
            return reading
        values = mapped(self.coefficients, molecule, reading.values)
        return replace(reading, values=values, out_of_domain=molecule.net_charge != 0)


def require_physics() -> None:
    """Check that the packages of the extra `physics` are there.

    Raises:
        UsageError: if one is missing.
    """
    for package in ("tblite", "ase"):
        if find_spec(package) is None:
            raise UsageError(f"GFN2-xTB needs the package {package}", "pip install 't2d-mol[physics]'")


def single_point(molecule: Molecule, *, polarizability: bool) -> Reading:
    """Compute homo, lumo, gap (eV), mu (D) and, if asked, alpha (Bohr^3) at the molecule's own geometry."""
    if reason := objection(molecule):
        return Reading(state="failed", reason=reason)
    try:
        result = _calculator(molecule).singlepoint()
        values = _frontier_and_dipole(result)
        if polarizability:
            values["alpha"] = _polarizability(molecule, result)
    except (RuntimeError, ValueError) as error:
        return Reading(state="failed", reason=str(error))
    if not np.isfinite(list(values.values())).all():
        return Reading(state="failed", reason="a property is not finite")
    return Reading(values)


def load_map(path: Path = MAP_FILE) -> LinearMap:
    """Read the linear map.

    Raises:
        MissingError: if the file is missing or damaged.
    """
    try:
        coefficients: LinearMap = json.loads(path.read_text())["coefficients"]
    except (OSError, ValueError, KeyError) as error:
        raise MissingError(f"the map of the xtb oracle cannot be read: {error}", "install t2d-mol again") from None
    return coefficients


def features(molecule: Molecule, values: Mapping[str, float]) -> dict[str, float]:
    """Return what the linear map takes: properties of GFN2-xTB, the number of atoms of each element, and a constant."""
    counts = {symbol: float((molecule.numbers == number).sum()) for symbol, number in zip(SYMBOLS, NUMBERS, strict=True)}
    return {**values, **counts, "constant": 1.0}


def mapped(coefficients: LinearMap, molecule: Molecule, values: Mapping[str, float]) -> dict[str, float]:
    """Return the properties in `values` at QM9's level of theory."""
    given = features(molecule, values)
    return {key: sum(weight * given[name] for name, weight in coefficients[key].items()) for key in values}


def _calculator(molecule: Molecule) -> "Calculator":
    from ase.units import Bohr
    from tblite.interface import Calculator

    centre = np.average(molecule.positions, axis=0, weights=molecule.numbers)
    calculator = Calculator(METHOD, molecule.numbers, (molecule.positions - centre) / Bohr, charge=molecule.net_charge)
    calculator.set("verbosity", 0)
    return calculator


def _frontier_and_dipole(result: "Result") -> dict[str, float]:
    from ase.units import Bohr, Debye

    energies: Any = result.get("orbital-energies") * HARTREE_IN_EV
    occupied = round(result.get("orbital-occupations").sum() / 2)
    if not 0 < occupied < len(energies):
        raise ValueError("no frontier orbitals")
    homo, lumo = energies[occupied - 1 : occupied + 1].tolist()
    dipole = float(np.linalg.norm(result.get("dipole"))) * Bohr / Debye
    return {"homo": homo, "lumo": lumo, "gap": lumo - homo, "mu": dipole}


def _polarizability(molecule: Molecule, result: "Result") -> float:
    """Return a third of the trace of dμ/dF by central differences, each field's density begun from the one without."""
    from tblite.library import ffi

    def dipole(field: Any) -> Any:
        calculator = _calculator(molecule)
        calculator.add("electric-field", ffi.from_buffer("double[]", field))
        return calculator.singlepoint(result, copy=True).get("dipole")

    changes = [dipole(field) - dipole(-field) for field in FIELD * np.eye(3)]
    return float(np.trace(changes)) / (3 * 2 * FIELD)
