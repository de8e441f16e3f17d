"""The DFT oracle against published QM9 records, its cache, and molecules that fail."""

import json
import os
import signal
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from t2d_mol.errors import UsageError
from t2d_mol.evaluation.oracles import dft
from t2d_mol.evaluation.oracles.cache import Cache
from t2d_mol.evaluation.oracles.dft import DFTOracle
from t2d_mol.evaluation.oracles.workers import Lost, apply
from t2d_mol.molecule import Molecule
from t2d_mol.properties import BY_KEY, qm9_column
from t2d_mol.qm9.archive import read_archive, read_uncharacterized
from t2d_mol.qm9.records import parse_record
from t2d_mol.qm9.splits import Split, assign_splits

METHANE = Molecule(
    np.array([6, 1, 1, 1, 1], np.uint8),
    np.array(
        [
            [-0.0126981359, 1.0858041578, 0.0080009958],
            [0.002150416, -0.0060313176, 0.0019761204],
            [1.0117308433, 1.4637511618, 0.0002765748],
            [-0.540815069, 1.4475266138, -0.8766437152],
            [-0.5238136345, 1.4379326443, 0.9063972942],
        ],
        np.float32,
    ),
)
WATER = Molecule(
    np.array([8, 1, 1], np.uint8),
    np.array(
        [
            [-0.0343604951, 0.9775395708, 0.0076015923],
            [0.0647664923, 0.0205721989, 0.0015346341],
            [0.8717903737, 1.3007924048, 0.0006931336],
        ],
        np.float32,
    ),
)
HYDROGEN = Molecule(np.array([1, 1], np.uint8), np.array([[0, 0, 0], [0, 0, 0.74]], np.float32))
HYDROXYL = Molecule(WATER.numbers[:2], WATER.positions[:2])
RECORDS = {
    "methane": (METHANE, {"homo": -0.3877, "lumo": 0.1171, "gap": 0.5048, "mu": 0.0, "alpha": 13.21}),
    "water": (WATER, {"homo": -0.2928, "lumo": 0.0687, "gap": 0.3615, "mu": 1.8511, "alpha": 6.31}),
}
TOLERANCE = {"homo": 3e-3, "lumo": 3e-3, "gap": 3e-3, "mu": 2e-3}


def agrees(values: dict[str, float], table: dict[str, float]) -> bool:
    """Whether values agree with QM9's, given in its own units, as well as is promised."""
    return all(
        values[key] == pytest.approx(table[key] * BY_KEY[key].factor, abs=TOLERANCE.get(key, 5e-3 * table[key]), rel=0)
        for key in values
    )


@pytest.fixture(autouse=True)
def needs_pyscf() -> None:
    pytest.importorskip("pyscf")


def test_published_records_are_reproduced_and_one_that_fails_is_alone(tmp_path: Path) -> None:
    oracle = DFTOracle(("homo", "lumo", "gap", "mu", "alpha"), workers=2, cache=tmp_path)
    methane, odd, water = oracle.read([METHANE, HYDROXYL, WATER])
    for reading, (_, table) in zip((methane, water), RECORDS.values(), strict=True):
        assert (reading.state, set(reading.values)) == ("done", set(table))
        assert agrees(reading.values, table)
        assert not agrees(reading.values | {"lumo": reading.values["lumo"] + 0.005}, table)
    assert (odd.state, odd.reason, odd.values) == ("failed", "odd number of electrons", {})
    assert len(list(tmp_path.glob("*.json"))) == 2
    assert len(list(tmp_path.iterdir())) == 2


def test_a_hit_costs_no_calculation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    oracle = DFTOracle(("homo", "mu"), workers=1, cache=tmp_path)
    assert oracle.cache is not None
    oracle.cache.put(WATER, {"homo": -1.0, "lumo": 2.0, "gap": 3.0, "mu": 4.0})
    begun: list[object] = []
    monkeypatch.setattr(dft, "apply", lambda _, wanted, *rest: iter(begun.extend(wanted) or [Lost("")] * len(wanted)))
    nudged = Molecule(WATER.numbers, WATER.positions - np.float32(1e-6))
    assert [reading.values for reading in oracle.read([WATER, nudged])] == [{"homo": -1.0, "mu": 4.0}] * 2
    assert not begun


def test_only_what_the_cache_lacks_is_calculated(tmp_path: Path) -> None:
    oracle = DFTOracle(("homo", "alpha"), workers=1, cache=tmp_path)
    assert oracle.cache is not None
    oracle.cache.put(WATER, {"homo": -1.0, "lumo": 2.0, "gap": 3.0, "mu": 4.0})
    (reading,) = oracle.read([WATER])
    assert reading.values == {"homo": -1.0, "alpha": pytest.approx(6.31, rel=5e-3)}
    assert oracle.cache.get(WATER) == {"homo": -1.0, "lumo": 2.0, "gap": 3.0, "mu": 4.0} | reading.values


def test_cache_entries_belong_to_one_geometry_order_charge_and_level(tmp_path: Path) -> None:
    cache = Cache(tmp_path, "a level")
    cache.put(WATER, {"homo": 1.0})
    moved = WATER.positions.copy()
    moved[2, 0] += 3e-5
    backwards = Molecule(WATER.numbers[::-1], WATER.positions[::-1])
    charged = Molecule(WATER.numbers, WATER.positions, charges=np.array([1, 0, 0], np.int8))
    neutral = Molecule(WATER.numbers, WATER.positions, charges=np.zeros(3, np.int8))
    assert cache.get(WATER) == cache.get(neutral) == {"homo": 1.0}
    assert cache.get(Molecule(WATER.numbers, moved)) == cache.get(backwards) == cache.get(charged) == {}
    assert Cache(tmp_path, "another level").get(WATER) == {}
    (entry,) = tmp_path.iterdir()
    assert json.loads(entry.read_text())["level"] == "a level"
    entry.write_text("{")
    assert cache.get(WATER) == {}


def test_what_does_not_converge_fails_and_is_not_cached(tmp_path: Path) -> None:
    (reading,) = DFTOracle(workers=1, cycles=1, cache=tmp_path).read([WATER])
    assert (reading.state, reading.values) == ("failed", {})
    assert "no convergence within 1 cycles" in reading.reason
    assert not list(tmp_path.iterdir())


def test_second_order_cycles_save_what_the_first_do_not_converge() -> None:
    (reading,) = DFTOracle(workers=1, cycles=4).read([WATER])
    assert reading.state == "done"
    assert agrees(reading.values, RECORDS["water"][1])


def test_one_that_runs_out_of_time_or_raises_leaves_the_rest() -> None:
    coinciding = Molecule(HYDROGEN.numbers, np.zeros((2, 3), np.float32))
    sulphur = Molecule(np.array([16], np.uint8), np.zeros((1, 3), np.float32))
    readings = list(DFTOracle(workers=1).read([coinciding, sulphur, HYDROGEN]))
    assert [reading.state for reading in readings] == ["failed", "failed", "done"]
    assert readings[0].reason and "element" in readings[1].reason
    (late,) = DFTOracle(workers=1, seconds=0.01).read([HYDROGEN])
    assert (late.state, late.reason) == ("failed", "time limit reached")


def test_other_properties_are_refused() -> None:
    with pytest.raises(UsageError, match="does not give cv"):
        DFTOracle(("homo", "cv"))


def behave(order: str) -> str:
    """Do what a test asks of a worker."""
    if order == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if order == "raise":
        raise ValueError("as asked")
    if order == "hang":
        time.sleep(60)
    if order == "slow":
        time.sleep(0.5)
    return f"{order} {os.environ['OMP_NUM_THREADS']}"


def test_workers_keep_the_order_and_lose_only_what_is_lost() -> None:
    before = dict(os.environ)
    results = list(apply(behave, ["slow", "a", "die", "b", "raise", "c"], workers=2))
    killed, raised = Lost("worker process ended with SIGKILL"), Lost("ValueError: as asked")
    assert results == ["slow 1", "a 1", killed, "b 1", raised, "c 1"]
    assert list(apply(behave, ["hang"], workers=1, seconds=1)) == [Lost("time limit reached")]
    assert dict(os.environ) == before
    assert list(apply(behave, [], workers=2)) == []


def test_workers_end_with_their_parent() -> None:
    script = "import time; from t2d_mol.evaluation.oracles.workers import apply; work = apply(time.sleep, [0, 60], 1)"
    command = [sys.executable, "-c", f"{script}; next(work); print(1, flush=True); next(work)"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"1\n"
        time.sleep(0.2)
        parent.kill()
        parent.communicate(timeout=10)  # ends when the worker, which holds the other end too, has ended


@pytest.mark.slow
def test_the_first_records_of_the_test_split_are_reproduced(real_archive: Path) -> None:
    left_out = read_uncharacterized(real_archive.parent / "uncharacterized.txt")
    records = (parse_record(text, name) for name, text in read_archive(real_archive))
    split, _ = assign_splits(130_831)
    characterised = (record for record in records if record.id not in left_out)
    tested = [record for record, part in zip(islice(characterised, 200), split, strict=False) if part == Split.TEST][:3]
    molecules = [Molecule(record.numbers, record.positions) for record in tested]
    oracle = DFTOracle(("homo", "lumo", "gap", "mu", "alpha"), workers=1)
    for record, reading in zip(tested, oracle.read(molecules), strict=True):
        assert agrees(reading.values, {key: float(record.properties[qm9_column(BY_KEY[key])]) for key in reading.values})
