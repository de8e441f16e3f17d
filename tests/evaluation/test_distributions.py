"""Distances between distributions of geometry: nought against themselves, known shifts recovered."""

import numpy as np
import pytest

from t2d_mol.evaluation.distributions import collect, compare, reference
from t2d_mol.molecule import Molecule
from t2d_mol.qm9.dataset import Molecules


def test_the_geometry_of_water() -> None:
    angle = np.radians(104.5)
    positions = np.array([[0, 0, 0], [0.96, 0, 0], [0.96 * np.cos(angle), 0.96 * np.sin(angle), 0]], np.float32)
    samples = collect([Molecule(np.array([8, 1, 1], np.uint8), positions)])
    assert samples["bond H-O"] == pytest.approx([0.96, 0.96], abs=1e-5)
    assert samples["angle O2"] == pytest.approx([104.5], abs=1e-3)
    assert samples["atoms"].tolist() == [3]


def test_a_set_is_at_no_distance_from_itself_and_a_stretch_is_measured(molecules: Molecules) -> None:
    own = [molecules[i] for i in range(len(molecules))]
    kept = reference(collect(own))
    same = compare(collect(own), kept)
    assert same["atoms"] == same["elements"] == 0
    assert same["bonds"] < 1e-3
    assert same["angles"] < 0.3
    stretched = [Molecule(m.numbers, m.positions * np.float32(1.02), m.bonds, m.charges) for m in own]
    longer = compare(collect(stretched), kept)
    kinds = [name for name in longer["kinds"] if name.startswith("bond")]
    mean = np.average([kept[name].mean() for name in kinds], weights=[kept[f"count {name}"].item() for name in kinds])
    assert longer["bonds"] == pytest.approx(0.02 * mean, rel=0.05)
    assert longer["angles"] == pytest.approx(same["angles"], abs=1e-3)


def test_order_and_place_do_not_matter(molecules: Molecules) -> None:
    molecule = molecules[20]
    order = np.random.default_rng(0).permutation(len(molecule))
    rotation, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    assert molecule.bonds is not None and molecule.charges is not None
    moved = Molecule(
        molecule.numbers[order],
        (molecule.positions @ rotation.T + 3)[order].astype(np.float32),
        molecule.bonds[np.ix_(order, order)],
        molecule.charges[order],
    )
    first, second = collect([molecule]), collect([moved])
    assert set(first) == set(second)
    for name in first:
        np.testing.assert_allclose(np.sort(first[name]), np.sort(second[name]), atol=1e-2)
