"""Calibration: how sure the judge is, what it was measured to be worth, and what it can be compared with."""

from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from t2d_mol.checkpoint import Statistics
from t2d_mol.evaluation.distributions import collect, reference
from t2d_mol.evaluation.oracles.network import Judge
from t2d_mol.evaluation.oracles.strangeness import strangeness, usual_surroundings
from t2d_mol.judge_checkpoint import JudgeCheckpoint
from t2d_mol.properties import KEYS
from t2d_mol.qm9.dataset import Molecules
from t2d_mol.qm9.splits import Half, Split
from t2d_mol.targets import HIT_WIDTH

COVERAGE: Final = 0.9
BINS: Final = 5
"""Fifths of strangeness, fewer where there are less than `FEWEST` validation molecules for each."""

FEWEST: Final = 20
USUAL_MOLECULES: Final = 5000
"""Molecules of half A whose atoms say what is usual."""

Values = NDArray[np.float64]


def calibrate(checkpoint: JudgeCheckpoint, molecules: Molecules) -> JudgeCheckpoint:
    """Return the judge with prediction intervals and its sense of the usual.

    How unusual a molecule is, `oracles.strangeness` says, by the atoms of half A. The intervals are split-conformal on the
    validation split (Vovk et al., Algorithmic Learning in a Random World, 2005), one radius for each fifth of strangeness;
    beyond its 99th percentile a molecule counts as out of domain.
    """
    half_a = molecules.select(Split.TRAIN, Half.A)
    chosen = half_a[np.random.default_rng(0).permutation(len(half_a))[:USUAL_MOLECULES]]
    means, whitening = usual_surroundings([molecules[int(index)] for index in chosen])
    validation = molecules.select(Split.VALIDATION)
    shapes = [molecules[int(index)] for index in validation]
    errors = np.abs(Judge(checkpoint).measure(shapes) - molecules.properties()[validation])
    strange = strangeness(shapes, means, whitening)
    bins = max(1, min(BINS, len(validation) // FEWEST))
    edges = np.quantile(strange, np.arange(1, bins) / bins)
    place = np.searchsorted(edges, strange)
    radii = np.stack([conformal_radius(errors[place == number]) for number in range(bins)])
    limits = {"edges": edges, "radii": radii, "limit": np.quantile(strange, [0.99])}
    usual = {"means": means, "whitening": whitening}
    return checkpoint.replace(calibration=usual | {name: torch.from_numpy(array).float() for name, array in limits.items()})


def finished(checkpoint: JudgeCheckpoint, molecules: Molecules) -> JudgeCheckpoint:
    """Return a trained judge calibrated, with the test split's geometry as reference and with what it was measured to be."""
    calibrated = calibrate(checkpoint, molecules)
    test = reference(collect(molecules[int(index)] for index in molecules.select(Split.TEST)))
    return calibrated.replace(reference=test, results=measure(calibrated, molecules))


def conformal_radius(errors: Values) -> Values:
    """Return (K,) the half-width that holds `COVERAGE` of fresh absolute errors, from exchangeable ones (n, K)."""
    rank = min(int(np.ceil((len(errors) + 1) * COVERAGE)), len(errors))
    radius: Values = np.sort(errors, axis=0)[rank - 1]
    return radius


def measure(checkpoint: JudgeCheckpoint, molecules: Molecules) -> dict[str, Any]:
    """Return what the judge was measured to be worth on half B and on the test split, beside what needs no generator.

    The keys:
        l_bound, test: MAE on half B and on the test split.
        u_bound: half B's labels shuffled.
        atom_count: the median of half A's values at the same atom count, on half B.
        same_size: the judged value of a random half-B record of the same atom count: what control of that alone gives.
        nearest, nearest_joint: the judged value of another half-B record, nearest in the label or in all K normalised ones.
        coverage, radius: of the 90 % intervals on the test split, and their mean half-width.
        out_of_domain: share of the test split that is flagged.
        hit, level_hit: hit rates of real test molecules under the judge, the ceilings of every hit rate it gives.
    """
    judge, labels, statistics = Judge(checkpoint), molecules.properties(), checkpoint.statistics
    half_b, test = molecules.select(Split.TRAIN, Half.B), molecules.select(Split.TEST)
    judged_b = judge.measure([molecules[int(index)] for index in half_b])
    readings = list(judge.read([molecules[int(index)] for index in test]))
    judged = np.array([[reading.values[key] for key in KEYS] for reading in readings])
    bounds = np.array([[reading.intervals[key] for key in KEYS] for reading in readings])
    true_b, true = labels[half_b], labels[test]
    inside = (bounds[..., 0] <= true) & (true <= bounds[..., 1])
    shuffled = np.random.default_rng(0).permutation(len(half_b))
    tables = {
        "l_bound": np.abs(judged_b - true_b).mean(0),
        "test": np.abs(judged - true).mean(0),
        "u_bound": np.abs(judged_b - true_b[shuffled]).mean(0),
        "atom_count": np.abs(by_atom_count(molecules, half_b) - true_b).mean(0),
        "same_size": np.abs(same_size_values(molecules.sizes()[half_b], judged_b) - true_b).mean(0),
        "nearest": np.abs(nearest_values(true_b, judged_b) - true_b).mean(0),
        "nearest_joint": np.abs(nearest_joint_values(true_b, judged_b, statistics) - true_b).mean(0),
        "coverage": inside.mean(0),
        "radius": (bounds[..., 1] - bounds[..., 0]).mean(0) / 2,
        "hit": (np.abs(judged - true) <= HIT_WIDTH * np.array(statistics.mad)).mean(0),
        "level_hit": (levels(judged, statistics) == levels(true, statistics)).mean(0),
    }
    results: dict[str, Any] = {
        name: {key: round(float(row[k]), 5) for k, key in enumerate(KEYS)} for name, row in tables.items()
    }
    flagged = sum(bool(reading.out_of_domain) for reading in readings)
    return results | {"out_of_domain": round(flagged / len(readings), 5), "n_half_b": len(half_b), "n_test": len(test)}


def by_atom_count(molecules: Molecules, asked: NDArray[np.intp]) -> Values:
    """Return (n, K) the medians over half A's molecules of the same atom count."""
    half_a, sizes, labels = molecules.select(Split.TRAIN, Half.A), molecules.sizes(), molecules.properties()
    overall = np.median(labels[half_a], axis=0)
    median = {size: np.median(labels[half_a][sizes[half_a] == size], axis=0) for size in np.unique(sizes[half_a])}
    return np.stack([median.get(size, overall) for size in sizes[asked]])


def same_size_values(sizes: NDArray[np.int32], judged: Values, seed: int = 0) -> Values:
    """Return (n, K) the judged values of another record of the same atom count, its own where there is no other."""
    found, rng = judged.copy(), np.random.default_rng(seed)
    for size in np.unique(sizes):
        places = rng.permutation(np.flatnonzero(sizes == size))
        found[places] = judged[np.roll(places, 1)]
    return found


def nearest_values(labels: Values, judged: Values) -> Values:
    """Return (n, K) the judged value of the other record whose label is nearest, property by property."""
    found = np.empty_like(judged)
    for k in range(labels.shape[1]):
        order = np.argsort(labels[:, k], kind="stable")
        row = labels[order, k]
        below, above = np.diff(row, prepend=-np.inf), np.diff(row, append=np.inf)
        place = np.arange(len(row)) + np.where(below <= above, -1, 1)
        found[order, k] = judged[order[place], k]
    return found


def nearest_joint_values(labels: Values, judged: Values, statistics: Statistics) -> Values:
    """Return (n, K) the judged values of the other record nearest in all K normalised labels."""
    from scipy.spatial import KDTree

    normalised = (labels - np.array(statistics.mean)) / np.array(statistics.mad)
    _, places = KDTree(normalised).query(normalised, k=2)
    own = places[:, 0] == np.arange(len(labels))
    found: Values = judged[np.where(own, places[:, 1], places[:, 0])]
    return found


def levels(values: Values, statistics: Statistics) -> NDArray[np.intp]:
    """Return (n, K) the levels, indices into `properties.LEVELS`, of values (n, K)."""
    columns = [np.searchsorted(statistics.thresholds(k), values[:, k]) for k in range(values.shape[1])]
    return np.stack(columns, 1)
