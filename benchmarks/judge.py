"""What the judge flags as out of domain, and how far samples of QM9 itself lie from its test split."""

import argparse
import math
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from t2d_mol.evaluation.distributions import collect, compare
from t2d_mol.evaluation.oracles import Oracle
from t2d_mol.evaluation.oracles.network import Judge
from t2d_mol.evaluation.oracles.xtb import XTBOracle
from t2d_mol.evaluation.tables import Table
from t2d_mol.molecule import Molecule
from t2d_mol.qm9.dataset import Molecules
from t2d_mol.qm9.splits import Split

Change = Callable[[NDArray[np.float32]], NDArray[np.floating]]
NOISES = (0.0, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.2)
SCALES = (0.9, 1.1, 2.0, 10.0)
SIZES = (300, 1000, 2000, 10_000)


def flagged(judge: Judge, molecules: list[Molecule], change: Change) -> tuple[float, float, float]:
    """Return the share of changed molecules that is flagged, and the mean changes of the gap in eV by judge and GFN2-xTB.

    The latter is NaN where most molecules are flagged: few such geometries converge.
    """
    changed = [Molecule(m.numbers, change(m.positions).astype(np.float32)) for m in molecules]
    share = float(np.mean([bool(reading.out_of_domain) for reading in judge.read(changed)]))
    computed = gap_change(XTBOracle(), molecules, changed) if share < 0.9 else math.nan
    return share, gap_change(judge, molecules, changed), computed


def gap_change(oracle: Oracle, molecules: list[Molecule], changed: list[Molecule]) -> float:
    """Return the mean absolute change of the gap in eV over the molecules that are read before and after."""
    pairs = zip(oracle.read(molecules), oracle.read(changed), strict=True)
    moved = [abs(a.values["gap"] - b.values["gap"]) for a, b in pairs if "gap" in a.values and "gap" in b.values]
    return float(np.mean(moved)) if moved else math.nan


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("T2D_MOL_DATA", "data/qm9.safetensors")))
    parser.add_argument("-n", type=int, default=1000)
    arguments = parser.parse_args()
    data, judge, rng = Molecules.load(arguments.data), Judge.load(), np.random.default_rng(0)
    test = [data[int(place)] for place in rng.permutation(data.select(Split.TEST))[: arguments.n]]
    rows = []
    changes: dict[str, Change] = {
        f"Gaussian noise of {noise} Å": lambda x, noise=noise: x + rng.normal(scale=noise, size=x.shape) for noise in NOISES
    }
    changes |= {f"positions times {scale}": lambda x, scale=scale: scale * x for scale in SCALES}
    for name, change in changes.items():
        share, judged, computed = flagged(judge, test, change)
        rows.append((name, f"{100 * share:.1f}", f"{judged:.3f}", "-" if math.isnan(computed) else f"{computed:.3f}"))
    head: tuple[str, ...] = ("", "flagged, %", "mean change of the gap, eV", "the same by GFN2-xTB")
    print(Table(f"{len(test)} molecules of the test split, changed", head, tuple(rows)).markdown())
    validation = rng.permutation(data.select(Split.VALIDATION))
    rows = []
    for size in SIZES:
        found = compare(collect(data[int(place)] for place in validation[:size]), judge.checkpoint.reference)
        rows.append((str(size), *(f"{found[key]:.4f}" for key in ("atoms", "elements", "bonds", "angles"))))
    head = ("molecules", "atom count", "elements", "bond lengths, Å", "bond angles, °")
    print(Table("distance of random molecules of the validation split from the test split", head, tuple(rows)).markdown())


if __name__ == "__main__":
    main()
