"""Properties of one molecule by B3LYP/6-31G(2df,p), the level of theory of QM9's tables, with PySCF."""

from collections.abc import Collection
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from t2d_mol.errors import UsageError
from t2d_mol.evaluation.oracles.basis import orthonormal, shells
from t2d_mol.molecule import Molecule
from t2d_mol.units import HARTREE_IN_EV

ORBITALS: Final = ("homo", "lumo", "gap", "mu")
"""What one self-consistent field gives."""
POLARIZABILITY: Final = "alpha"
"""What takes six more fields."""

FITTING: Final = "def2-universal-jkfit"
"""Auxiliary basis of the density fitting: moves orbital energies of records 1, 2, 3, 115 by at most 0.2 meV, dipoles by
1e-4 D."""
GRID: Final = 1
"""PySCF's grid level: within 0.3 meV and 1e-4 D of level 3, a fifth of QM9's own rounding (0.05 mHartree, 1.4 meV)."""
ENERGY_TOLERANCE: Final = 1e-8
GRADIENT_TOLERANCE: Final = 3e-5
"""Hartree; an orbital gradient of 1e-3 left errors of 0.4 meV and 6e-4 D."""
FIELD: Final = 0.002
"""Strength in atomic units of the fields the polarizability is differenced with: 0.01 % from the limit of none, where
0.008 is 0.13 % from it (the second hyperpolarizability) and takes more cycles."""
LEVEL_OF_THEORY: Final = (
    f"B3LYP/6-31G(2df,p) {FITTING} grid {GRID} tolerance {ENERGY_TOLERANCE} {GRADIENT_TOLERANCE} field {FIELD}"
)
"""All that changes a value; part of what a cached one is found by."""


class UnconvergedError(Exception):
    """A self-consistent field that is not reached within the cycles allowed."""


def calculate(molecule: Molecule, properties: Collection[str], cycles: int) -> dict[str, float]:
    """Calculate properties of a molecule at the geometry given, as a singlet.

    Args:
        molecule: one `closed_shell` has no objection to; its charge is the sum of its formal charges, 0 if they are unknown.
        properties: alpha, or any of `ORBITALS`.
        cycles: at most so many for each self-consistent field, and as many second-order ones if they do not suffice.

    Returns:
        All of `ORBITALS` if any was asked for (eV, Debye), and alpha (Bohr^3) if it was. Energies, the dipole's length
        and the mean polarizability are invariant to rotation and translation but for the integration grid's error.

    Raises:
        UnconvergedError: if a field does not converge.
    """
    field = _mean_field(molecule, cycles)
    density = _converge(field, None)
    values: dict[str, float] = {}
    if not set(properties).isdisjoint(ORBITALS):
        occupied = field.mo_occ > 0
        homo, lumo = field.mo_energy[occupied].max() * HARTREE_IN_EV, field.mo_energy[~occupied].min() * HARTREE_IN_EV
        dipole = float(np.linalg.norm(field.dip_moment(dm=density, verbose=0)))
        values = {"homo": float(homo), "lumo": float(lumo), "gap": float(lumo - homo), "mu": dipole}
    if POLARIZABILITY in properties:
        values[POLARIZABILITY] = _polarizability(field, density)
    return values


def _mean_field(molecule: Molecule, cycles: int) -> Any:
    """Set up the Kohn-Sham field, its origin at the centre of nuclear charge, where Gaussian takes dipoles of ions."""
    from pyscf import dft, gto

    positions = molecule.positions.astype(np.float64)
    positions -= np.average(positions, axis=0, weights=molecule.numbers)
    atoms = list(zip(molecule.numbers.tolist(), positions, strict=True))
    mole = gto.M(atom=atoms, basis=shells(), charge=molecule.net_charge, cart=True, verbose=0)
    field = dft.RKS(mole, xc="b3lyp").density_fit(auxbasis=FITTING)
    if not hasattr(field, "check_linear_dependency"):  # without it the basis would silently be Cartesian throughout
        raise UsageError("PySCF is older than 2.13", "pip install -U 't2d-mol[dft]'")
    field.check_linear_dependency = lambda overlap, verbose=None: orthonormal(mole, overlap)
    field.grids.level = GRID
    field.chkfile = None
    field.max_cycle = cycles
    field.conv_tol, field.conv_tol_grad = ENERGY_TOLERANCE, GRADIENT_TOLERANCE
    field.conv_check = False  # an extra cycle that only a level shift would need
    return field


def _converge(field: Any, guess: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Converge the field from a density, the atoms' if None; return its density (Q, Q)."""
    field.kernel(dm0=guess)
    if not field.converged:
        second_order = field.newton()
        second_order.kernel(dm0=field.make_rdm1())
        if not second_order.converged:
            raise UnconvergedError(f"no convergence within {field.max_cycle} cycles, nor as many of second order")
        field.mo_energy, field.mo_coeff, field.mo_occ = (
            second_order.mo_energy,
            second_order.mo_coeff,
            second_order.mo_occ,
        )
    density: NDArray[np.float64] = np.asarray(field.make_rdm1())
    return density


def _polarizability(field: Any, density: NDArray[np.float64]) -> float:
    """Return the isotropic mean of dμ_x/dE_x, by central differences from the density (Q, Q) without a field.

    A field E adds E·r to the electrons' Hamiltonian; to second order in it the density at -E is twice that at 0 less
    that at E.
    """
    core = field.get_hcore()
    places = field.mol.intor_symmetric("int1e_r", comp=3)
    derivatives = []
    for place in places:
        field.get_hcore = lambda *_, shift=FIELD * place: core + shift
        ahead = _converge(field, density)
        field.get_hcore = lambda *_, shift=FIELD * place: core - shift
        behind = _converge(field, 2 * density - ahead)
        derivatives.append(np.einsum("ij,ij", behind - ahead, place) / (2 * FIELD))
    return float(np.mean(derivatives))
