"""Relaxation of molecules whose minimum is known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from t2d_mol.evaluation.relaxation import relax
from t2d_mol.molecule import Molecule
from t2d_mol.qm9.dataset import Molecules

pytest.importorskip("tblite")
pytest.importorskip("ase")

RIGID = (0, 5, 7, 19, 30, 45)


def distorted(molecule: Molecule, seed: int) -> Molecule:
    noise = np.random.default_rng(seed).normal(0, 0.05, molecule.positions.shape)
    return replace(molecule, positions=(molecule.positions + noise).astype(np.float32))


def bond_lengths(molecule: Molecule) -> np.ndarray:
    distances = np.linalg.norm(molecule.positions[:, None] - molecule.positions, axis=-1)
    return distances[molecule.bonds > 0]


def test_molecules_at_their_minimum_stay_there(molecules: Molecules) -> None:
    for relaxation in relax([molecules[place] for place in RIGID], workers=1):
        assert relaxation.converged
        assert relaxation.rmsd is not None and relaxation.rmsd < 0.01
        assert relaxation.energy_drop == pytest.approx(0, abs=0.03)


def test_distorted_molecules_return(molecules: Molecules) -> None:
    minima = [molecules[place] for place in RIGID]
    moved = [distorted(minimum, seed) for seed, minimum in enumerate(minima)]
    before = [molecule.positions.copy() for molecule in moved]
    relaxations = list(relax(moved, workers=2))
    for minimum, molecule, positions, relaxation in zip(minima, moved, before, relaxations, strict=True):
        assert relaxation.converged
        assert relaxation.energy_drop is not None and relaxation.energy_drop > 1
        assert relaxation.rmsd is not None and 0.03 < relaxation.rmsd < 0.12
        displacement = relaxation.molecule.positions - molecule.positions
        assert np.sqrt((displacement**2).sum(1).mean()) == pytest.approx(relaxation.rmsd, abs=1e-5)
        first, second = (each.positions - each.positions.mean(0) for each in (molecule, relaxation.molecule))
        assert Rotation.align_vectors(first, second)[1] / np.sqrt(len(first)) == pytest.approx(relaxation.rmsd, abs=1e-5)
        assert (molecule.positions == positions).all()
        assert (relaxation.molecule.bonds == molecule.bonds).all()
        assert bond_lengths(relaxation.molecule) == pytest.approx(bond_lengths(minimum), abs=0.01)


def test_displacement_and_energy_do_not_depend_on_the_frame(molecules: Molecules) -> None:
    molecule = distorted(molecules[10], 3)
    turned = Rotation.from_rotvec([1.0, 0.2, -2.1]).apply(molecule.positions) + np.array([3, -20, 1])
    here, there = relax([molecule, replace(molecule, positions=turned.astype(np.float32))], workers=1)
    assert there.rmsd == pytest.approx(here.rmsd, abs=2e-3)
    assert there.energy_drop == pytest.approx(here.energy_drop, abs=0.02)
    assert there.steps == pytest.approx(here.steps, abs=1)


def test_the_step_limit_is_kept_and_said(molecules: Molecules) -> None:
    (relaxation,) = relax([distorted(molecules[10], 3)], workers=1, steps=2)
    assert (relaxation.state, relaxation.converged, relaxation.steps) == ("done", False, 2)
    assert relaxation.energy_drop is not None and relaxation.energy_drop > 0


def test_molecules_that_fail_do_not_stop_the_others(molecules: Molecules, capfd: pytest.CaptureFixture[str]) -> None:
    good = molecules[10]
    lost = replace(good, positions=np.full_like(good.positions, np.nan))
    fused = replace(good, positions=np.zeros_like(good.positions))
    relaxations = list(relax([lost, fused, good], workers=1))
    assert [relaxation.state for relaxation in relaxations] == ["failed", "failed", "done"]
    assert all(relaxation.reason and relaxation.rmsd is None for relaxation in relaxations[:2])
    assert capfd.readouterr() == ("", "")
