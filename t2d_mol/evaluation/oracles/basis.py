"""The basis QM9's tables were computed in: Gaussian's 6-31G(2df,p), with Cartesian d and spherical f functions."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

POLARISATION: Final[dict[str, tuple[tuple[int, float], ...]]] = {
    "H": ((1, 1.1),),
    "C": ((2, 1.6), (2, 0.4), (3, 0.8)),
    "N": ((2, 1.6), (2, 0.4), (3, 1.0)),
    "O": ((2, 1.6), (2, 0.4), (3, 1.4)),
    "F": ((2, 1.6), (2, 0.4), (3, 1.85)),
}
"""Angular momentum and exponent of the shells 6-31G(2df,p) adds to 6-31G, by element: 6-31G's own d exponent 0.8 doubled
and halved (the rule of Frisch, Pople, Binkley, J. Chem. Phys. 80, 3265, 1984). PySCF's basis of this name carries
6-311G's exponents instead, which moves water's dipole by 0.13 D."""

FIRST_SPHERICAL: Final = 3
"""Shells of this angular momentum and above are spherical, those below Cartesian: Gaussian's `6D 7F`."""

DEPENDENT: Final = 1e-7
"""Directions whose overlap is below this are dropped as linearly dependent."""


def shells() -> dict[str, list[Any]]:
    """Return the basis of each element as PySCF takes it."""
    from pyscf.gto import basis

    return {
        symbol: basis.load("6-31g", symbol) + [[momentum, [exponent, 1.0]] for momentum, exponent in added]
        for symbol, added in POLARISATION.items()
    }


def orthonormal(mole: Any, overlap: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return orthonormal combinations of the molecule's Cartesian functions, without the p part of Cartesian f shells.

    Args:
        mole: a PySCF molecule with Cartesian functions.
        overlap: (Q, Q) of its Q functions.

    Returns:
        (Q, R), R at most the number of functions of the mixed basis.
    """
    mixed = _mixed(mole)
    weights, directions = np.linalg.eigh(mixed.T @ overlap @ mixed)
    kept = weights > DEPENDENT
    combinations: NDArray[np.float64] = mixed @ (directions[:, kept] / np.sqrt(weights[kept]))
    return combinations


def _mixed(mole: Any) -> NDArray[np.float64]:
    """Return the functions of the mixed basis as combinations of the Cartesian ones."""
    from pyscf.gto import cart2sph

    mixed = np.eye(mole.nao_cart())
    places = mole.ao_loc_nr(cart=True)
    spurious: list[int] = []
    for shell in range(mole.nbas):
        momentum = mole.bas_angular(shell)
        if momentum >= FIRST_SPHERICAL:
            cartesian, spherical = (momentum + 1) * (momentum + 2) // 2, 2 * momentum + 1
            for start in range(places[shell], places[shell + 1], cartesian):
                mixed[start : start + cartesian, start : start + spherical] = cart2sph(momentum, normalized="sp")
                spurious += range(start + spherical, start + cartesian)
    return np.delete(mixed, spurious, axis=1)
