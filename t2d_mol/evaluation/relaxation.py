"""How far molecules are from the nearest minimum of GFN2-xTB: displacement and energy."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Literal

import numpy as np

from t2d_mol import cores
from t2d_mol.evaluation.oracles.closed_shell import objection
from t2d_mol.evaluation.oracles.workers import Lost, apply
from t2d_mol.evaluation.oracles.xtb import METHOD, require_physics
from t2d_mol.molecule import Molecule

LARGEST_FORCE: Final = 0.05
"""The force on an atom in eV/Å below which a molecule counts as relaxed."""
STEPS: Final = 300
"""Steps after which a relaxation is given up."""


@dataclass(frozen=True)
class Relaxation:
    """What relaxing one molecule came to.

    Attributes:
        rmsd: root mean square displacement of all atoms in Å, after superposition; None if it failed.
        energy_drop: energy before less energy after, in kcal/mol of molecules; None if it failed.
        steps: steps of the optimiser.
        converged: whether all forces became smaller than asked for.
        molecule: the relaxed molecule, laid upon the original, with the original's bonds; the original if it failed.
        state: done, also if not converged, or failed.
        reason: why it failed, empty if it did not.
    """

    rmsd: float | None
    energy_drop: float | None
    steps: int
    converged: bool
    molecule: Molecule
    state: Literal["done", "failed"] = "done"
    reason: str = ""


def relax(
    molecules: Sequence[Molecule],
    *,
    workers: int = cores.available(),
    largest_force: float = LARGEST_FORCE,
    steps: int = STEPS,
) -> Iterator[Relaxation]:
    """Relax molecules under GFN2-xTB by BFGS and yield what it came to, in order and as they come.

    Displacement and energy are invariant to rotation and translation. The molecules given are not changed.

    Args:
        molecules: with an even number of electrons; charged by the sum of their formal charges.
        workers: single-threaded processes to compute with.
        largest_force: the force on an atom in eV/Å to stop below.
        steps: the most steps to take.

    Raises:
        UsageError: if the extra `physics` is not installed.
    """
    require_physics()
    task = partial(relax_one, largest_force=largest_force, steps=steps)
    for molecule, way in zip(molecules, apply(task, molecules, workers), strict=True):
        yield Relaxation(None, None, 0, False, molecule, "failed", way.reason) if isinstance(way, Lost) else way


def relax_one(molecule: Molecule, *, largest_force: float, steps: int) -> Relaxation:
    """Relax one molecule; see `relax`."""
    if reason := objection(molecule):
        return Relaxation(None, None, 0, False, molecule, "failed", reason)
    from ase.build import minimize_rotation_and_translation
    from ase.optimize import BFGS
    from ase.units import kcal, mol

    superpose: Any = minimize_rotation_and_translation
    start = _atoms(molecule)
    moving = start.copy()
    moving.calc = start.calc
    optimiser: Any = BFGS(moving, logfile=None)
    try:
        before = moving.get_potential_energy()
        converged = bool(optimiser.run(fmax=largest_force, steps=steps))
        drop = (before - moving.get_potential_energy()) * mol / kcal
    except (RuntimeError, ValueError, np.linalg.LinAlgError) as error:
        return Relaxation(None, None, optimiser.nsteps, False, molecule, "failed", str(error))
    superpose(start, moving)
    rmsd = float(np.sqrt(((moving.positions - start.positions) ** 2).sum(1).mean()))
    relaxed = replace(molecule, positions=moving.positions.astype(np.float32))
    return Relaxation(rmsd, float(drop), optimiser.nsteps, converged, relaxed)


def _atoms(molecule: Molecule) -> Any:
    from ase import Atoms
    from tblite.ase import TBLite

    calculator = TBLite(method=METHOD, charge=molecule.net_charge, verbosity=0)
    return Atoms(numbers=molecule.numbers, positions=molecule.positions.astype(float), calculator=calculator)
