"""PoseBusters' checks and strain on good molecules and on broken ones."""

import numpy as np
import pytest

from t2d_mol.chem.plausibility import CHECKS, check
from t2d_mol.chem.strain import strain
from t2d_mol.molecule import Molecule
from t2d_mol.qm9.dataset import Molecules


def changed(molecule: Molecule, order: int) -> Molecule:
    """The molecule with its first single bond of another order."""
    assert molecule.bonds is not None
    bonds = molecule.bonds.copy()
    i, j = np.argwhere(bonds == 1)[0]
    bonds[i, j] = bonds[j, i] = order
    return Molecule(molecule.numbers, molecule.positions, bonds, molecule.charges)


def test_checks_pass_good_molecules_and_fail_broken_ones(molecules: Molecules) -> None:
    pytest.importorskip("posebusters")
    good = molecules[35]
    noise = np.random.default_rng(0).normal(scale=0.4, size=good.positions.shape).astype(np.float32)
    shaken = Molecule(good.numbers, good.positions + noise, good.bonds, good.charges)
    whole, cut, wrong, rough = check([good, changed(good, 0), changed(good, 3), shaken])
    assert set(whole.checks) == set(CHECKS)
    assert len(CHECKS) == len(set(CHECKS)) == 11
    assert all(whole.checks.values())
    assert cut.checks["no_radicals"] is False
    assert wrong.checks["sanitises"] is False
    assert wrong.checks["bond_lengths"] is False
    assert rough.checks["internal_energy"] is False
    assert rough.checks["sanitises"] is True


def test_strain_is_small_where_atoms_sit_well_and_grows_with_distortion(molecules: Molecules) -> None:
    good = molecules[35]
    relaxed, rng = strain(good), np.random.default_rng(1)
    assert relaxed is not None and 0 <= relaxed < 10
    noise = rng.normal(scale=0.1, size=good.positions.shape).astype(np.float32)
    shaken = strain(Molecule(good.numbers, good.positions + noise, good.bonds, good.charges))
    assert shaken is not None and shaken > relaxed + 20
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    turned = Molecule(good.numbers, (good.positions @ rotation.T + 4).astype(np.float32), good.bonds, good.charges)
    assert strain(turned) == pytest.approx(relaxed, abs=1e-2)
    assert strain(changed(good, 3)) is None
