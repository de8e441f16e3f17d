"""The judge: its symmetries, its intervals, its sense of the unusual, its file, and the bundled one's worth."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from e3nn import o3
from numpy.typing import NDArray

from t2d_mol.errors import MissingError
from t2d_mol.evaluation.calibration import (
    by_atom_count,
    conformal_radius,
    nearest_joint_values,
    nearest_values,
    same_size_values,
)
from t2d_mol.evaluation.oracles.network import Judge
from t2d_mol.evaluation.oracles.strangeness import strangeness
from t2d_mol.judge_checkpoint import BUNDLED_JUDGE, JudgeCheckpoint
from t2d_mol.molecule import Molecule
from t2d_mol.properties import KEYS
from t2d_mol.qm9.dataset import Molecules


@pytest.fixture(scope="module")
def judge(tiny_judge: JudgeCheckpoint) -> Judge:
    return Judge(tiny_judge)


def strange(judge: Judge, molecules: Sequence[Molecule]) -> NDArray[np.float64]:
    calibration = judge.checkpoint.calibration
    return strangeness(molecules, calibration["means"], calibration["whitening"])


@pytest.mark.parametrize("flip", [1, -1])
def test_readings_do_not_depend_on_place_orientation_or_order(judge: Judge, molecules: Molecules, flip: int) -> None:
    torch.manual_seed(3)
    rotation = (flip * o3.rand_matrix()).numpy()
    for index in (0, 15, 47):
        molecule = molecules[index]
        order = np.random.default_rng(index).permutation(len(molecule))
        moved = Molecule(molecule.numbers[order], (molecule.positions[order] @ rotation.T + 5).astype(np.float32))
        np.testing.assert_allclose(judge.measure([molecule]), judge.measure([moved]), rtol=2e-4, atol=2e-3)
        np.testing.assert_allclose(strange(judge, [molecule]), strange(judge, [moved]), rtol=1e-3)


def test_batch_mates_do_not_matter(judge: Judge, molecules: Molecules) -> None:
    some = [molecules[i] for i in (0, 33, 5, 47)]
    alone = [(judge.measure([molecule])[0], strange(judge, [molecule])[0]) for molecule in some]
    np.testing.assert_allclose([row for row, _ in alone], judge.measure(some), rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose([value for _, value in alone], strange(judge, some), rtol=1e-3)


def test_a_reading_holds_values_within_their_intervals(judge: Judge, molecules: Molecules) -> None:
    readings = list(judge.read([molecules[i] for i in range(20)]))
    assert len(readings) == 20
    for reading in readings:
        assert set(reading.values) == set(reading.intervals) == set(KEYS)
        for key in KEYS:
            low, high = reading.intervals[key]
            assert low < reading.values[key] < high


def test_molecules_beyond_the_largest_fail_alone(judge: Judge, molecules: Molecules) -> None:
    large = Molecule(np.full(40, 6, np.uint8), np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32) * 9)
    readings = list(judge.read([molecules[0], large, molecules[1]]))
    assert [reading.state for reading in readings] == ["done", "failed", "done"]
    assert "40 atoms" in readings[1].reason


def test_conformal_radii_cover_fresh_errors() -> None:
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(200):
        radius = conformal_radius(rng.exponential(size=(300, 2)))
        covered.append((rng.exponential(size=(300, 2)) <= radius).mean())
    assert np.mean(covered) == pytest.approx(0.9, abs=0.01)


def test_baselines_by_hand(molecules: Molecules) -> None:
    labels = np.array([[0.0], [1.0], [1.4], [5.0]])
    assert nearest_values(labels, labels + 10)[:, 0].tolist() == [11.0, 11.4, 11.0, 11.4]
    sizes = np.array([3, 5, 3, 9], np.int32)
    assert same_size_values(sizes, labels)[:, 0].tolist() == [1.4, 1.0, 0.0, 5.0]
    asked = np.arange(len(molecules))
    medians = by_atom_count(molecules, asked)
    same = np.flatnonzero((molecules.half == 1) & (molecules.sizes() == molecules.sizes()[30]))
    assert medians[30] == pytest.approx(np.median(molecules.properties()[same], axis=0))


def test_the_nearest_in_all_labels_is_never_the_record_itself(molecules: Molecules, tiny_judge: JudgeCheckpoint) -> None:
    labels = molecules.properties()
    found = nearest_joint_values(labels, labels, tiny_judge.statistics)
    assert not (found == labels).all(1).any()


def test_the_file_says_all(tiny_judge: JudgeCheckpoint, judge_file: Path, molecules: Molecules) -> None:
    read = Judge.load(judge_file)
    assert read.checkpoint.results == tiny_judge.results
    np.testing.assert_array_equal(read.measure([molecules[3]]), Judge(tiny_judge).measure([molecules[3]]))


@pytest.mark.parametrize("damage", ["truncated", "text", "uncalibrated", "absent"])
def test_damaged_files_are_refused(damage: str, judge_file: Path, tiny_judge: JudgeCheckpoint, tmp_path: Path) -> None:
    path = tmp_path / "judge.safetensors"
    if damage == "truncated":
        path.write_bytes(judge_file.read_bytes()[:-100])
    elif damage == "text":
        path.write_text("hello")
    elif damage == "uncalibrated":
        tiny_judge.replace(calibration={}).save(path)
    with pytest.raises(MissingError):
        Judge.load(path)


def test_the_bundled_judge_is_small_enough_and_as_good_as_asked() -> None:
    assert BUNDLED_JUDGE.stat().st_size <= 8e6
    results = Judge.load().checkpoint.results
    limits = {"alpha": 0.6, "gap": 0.18, "homo": 0.12, "lumo": 0.12, "mu": 0.35, "cv": 0.2}
    for key, limit in limits.items():
        assert results["test"][key] <= limit
        assert 0.88 <= results["coverage"][key] <= 0.92
    assert results["n_test"] == 13_083


def test_the_bundled_judge_knows_a_broken_geometry(molecules: Molecules) -> None:
    judge = Judge.load()
    rng = np.random.default_rng(0)
    own = [molecules[i] for i in range(len(molecules)) if len(molecules[i]) > 8]

    def flagged(change: Callable[[NDArray[np.float32]], NDArray[np.float64]]) -> float:
        changed = [Molecule(m.numbers, change(m.positions).astype(np.float32)) for m in own]
        return float(np.mean([bool(reading.out_of_domain) for reading in judge.read(changed)]))

    assert flagged(lambda x: x.astype(float)) < 0.3
    assert flagged(lambda x: x + rng.normal(scale=0.2, size=x.shape)) > 0.9
    for factor in (0.0, 0.5, 1.5, 5.0, 100.0):
        assert flagged(lambda x, factor=factor: factor * x) == 1.0, factor
    assert flagged(lambda x: x + np.eye(1, len(x)).T * 30.0) == 1.0
