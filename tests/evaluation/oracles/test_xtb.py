"""GFN2-xTB readings of real molecules, those that fail included, and the map to QM9's level of theory."""

import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from t2d_mol.errors import MissingError, UsageError
from t2d_mol.evaluation.oracles.xtb import XTBOracle, features, load_map, mapped
from t2d_mol.molecule import Molecule
from t2d_mol.properties import KEYS, PROPERTIES, qm9_column
from t2d_mol.qm9.archive import read_archive
from t2d_mol.qm9.dataset import Molecules
from t2d_mol.qm9.records import parse_record

pytest.importorskip("tblite")
pytest.importorskip("ase")

READ = ("homo", "lumo", "gap", "mu", "alpha")
ETHANOL = 10


def molecule_of(numbers: list[int], positions: list[list[float]]) -> Molecule:
    return Molecule(np.array(numbers, np.uint8), np.array(positions, np.float32))


def test_the_fixtures_own_values_are_found(molecules: Molecules) -> None:
    places = [0, 3, 10, 25, 45]
    readings = list(XTBOracle(True, 1, calibrated=False).read([molecules[place] for place in places]))
    for place, reading in zip(places, readings, strict=True):
        truth = dict(zip(KEYS, molecules.properties()[place], strict=True))
        assert reading.values == pytest.approx({key: truth[key] for key in READ}, abs=0.02)


def test_readings_do_not_depend_on_the_frame(molecules: Molecules) -> None:
    one = molecules[ETHANOL]
    turned = Rotation.from_rotvec([0.3, -1.1, 2.0]).apply(one.positions) @ np.diag([1, 1, -1]) + [40, -7, 3]
    there, here = XTBOracle(True, 1).read([one, replace(one, positions=turned.astype(np.float32))])
    assert here.values == pytest.approx(there.values, abs=5e-3)


def test_molecules_that_fail_say_why_and_do_not_stop_the_others(
    molecules: Molecules, capfd: pytest.CaptureFixture[str]
) -> None:
    good = molecules[ETHANOL]
    lost = replace(good, positions=np.where(good.positions == good.positions[0], np.nan, good.positions))
    methyl = molecule_of([6, 1, 1, 1], [[0, 0, 0], [1.08, 0, 0], [-0.54, 0.94, 0], [-0.54, -0.94, 0]])
    fused = replace(good, positions=np.zeros_like(good.positions))
    heap = Molecule(np.array([9, 8, 7, 6] * 6, np.uint8), np.random.default_rng(9).normal(0, 2, (24, 3)).astype(np.float32))
    nothing = molecule_of([], np.zeros((0, 3)).tolist())
    readings = list(XTBOracle(workers=2).read([good, lost, methyl, fused, heap, nothing, good]))
    assert [reading.state for reading in readings] == ["done", *["failed"] * 5, "done"]
    reasons = [reading.reason for reading in readings]
    assert [bool(reading.values) for reading in readings] == [not reason for reason in reasons]
    assert reasons[1:3] == ["positions that are not finite", "odd number of electrons"]
    assert "distance" in reasons[3]
    assert "converged" in reasons[4]
    assert reasons[5] == "no atoms"
    assert readings[0] == readings[6]
    assert capfd.readouterr() == ("", "")


def test_formal_charges_make_an_ion(molecules: Molecules) -> None:
    ammonia = next(molecules[i] for i in range(len(molecules)) if sorted(molecules[i].numbers) == [1, 1, 1, 7])
    hydrogen = ammonia.positions[ammonia.numbers == 7] * 2 - ammonia.positions[ammonia.numbers == 1].mean(0) * 1
    numbers = np.append(ammonia.numbers, 1).astype(np.uint8)
    charges = (numbers == 7).astype(np.int8)
    ion = Molecule(numbers, np.vstack([ammonia.positions, hydrogen]).astype(np.float32), None, charges)
    neutral, charged, bare = XTBOracle(workers=1).read([ammonia, ion, replace(ion, charges=None)])
    assert (neutral.out_of_domain, charged.out_of_domain) == (False, True)
    assert charged.values["homo"] < neutral.values["homo"] - 3
    assert bare.reason == "odd number of electrons"


def test_workers_change_nothing_but_the_time(molecules: Molecules) -> None:
    few = [molecules[place] for place in range(20)]
    assert list(XTBOracle(workers=1).read(few)) == list(XTBOracle(workers=2).read(few))


def test_readings_come_before_the_last_molecule_is_looked_at(molecules: Molecules) -> None:
    broken: list[Molecule] = [molecules[0], molecules[1], None]  # type: ignore[list-item]
    assert len(list(islice(XTBOracle(workers=1).read(broken), 2))) == 2


def test_the_map_is_linear_and_keeps_the_gap(molecules: Molecules) -> None:
    one = molecules[ETHANOL]
    (raw,) = XTBOracle(True, 1, calibrated=False).read([one])
    (reading,) = XTBOracle(True, 1).read([one])
    weights = load_map()["mu"]
    given = features(one, raw.values)
    assert reading.values["mu"] == pytest.approx(sum(weight * given[name] for name, weight in weights.items()))
    assert reading.values["gap"] == pytest.approx(reading.values["lumo"] - reading.values["homo"], abs=2e-3)
    assert reading.values["homo"] > raw.values["homo"] + 2
    assert raw.out_of_domain is None
    assert reading.out_of_domain is False
    assert mapped(load_map(), one, {"homo": -12.0, "lumo": -5.0, "mu": 1.0}).keys() == {"homo", "lumo", "mu"}


def test_other_elements_are_refused_and_ions_are_out_of_domain() -> None:
    ammonium = np.array([[0, 0, 0], [0.6, 0.6, 0.6], [-0.6, -0.6, 0.6], [-0.6, 0.6, -0.6], [0.6, -0.6, -0.6]], np.float32)
    ion = Molecule(np.array([7, 1, 1, 1, 1], np.uint8), ammonium, charges=np.array([1, 0, 0, 0, 0], np.int8))
    chloride, read = XTBOracle(workers=1).read([molecule_of([1, 17], [[0, 0, 0], [0, 0, 1.275]]), ion])
    assert (chloride.state, "element" in chloride.reason) == ("failed", True)
    assert (read.state, read.out_of_domain) == ("done", True)


def test_a_missing_package_or_map_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(MissingError):
        load_map(tmp_path / "none.json")
    monkeypatch.setitem(sys.modules, "tblite", None)
    with pytest.raises(UsageError, match="tblite"):
        XTBOracle()


def test_mapped_values_are_near_the_real_archives(real_archive: Path) -> None:
    records = [parse_record(text, name) for name, text in islice(read_archive(real_archive), 1000, 4000, 60)]
    few = [Molecule(record.numbers, record.positions) for record in records]
    readings = list(XTBOracle(True, 1).read(few))
    bounds = {"homo": 0.35, "lumo": 0.6, "gap": 0.7, "mu": 0.35, "alpha": 1.6}
    for prop in PROPERTIES[:5]:
        truth = [record.properties[qm9_column(prop)] * prop.factor for record in records]
        errors = np.abs([reading.values[prop.key] for reading in readings] - np.array(truth))
        assert errors.mean() < bounds[prop.key], prop.key
