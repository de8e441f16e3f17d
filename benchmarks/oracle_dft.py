"""How well the DFT oracle reproduces QM9's tables, and how long it takes."""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from t2d_mol.evaluation.oracles.dft import DFTOracle
from t2d_mol.evaluation.oracles.kohn_sham import ORBITALS
from t2d_mol.properties import BY_KEY, KEYS
from t2d_mol.qm9.dataset import Molecules
from t2d_mol.qm9.splits import Split

HEAVIEST = 7
SHOWN = {"homo": (1e3, "meV"), "lumo": (1e3, "meV"), "gap": (1e3, "meV"), "mu": (1.0, "D"), "alpha": (1.0, "%")}
LIMITS = {"homo": 3.0, "lumo": 3.0, "gap": 3.0, "mu": 0.002, "alpha": 0.5}


def main() -> None:
    """Print the errors on records of the test split drawn by seed 0, none left out, and the worst ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data/qm9.safetensors"))
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("-n", "--n", type=int, default=20, help=f"test records of at most {HEAVIEST} heavy atoms")
    parser.add_argument("--alpha", type=int, default=5, help="of how many of them, those of fewest atoms, also alpha")
    arguments = parser.parse_args()
    data = Molecules.load(arguments.data)
    small = [index for index in data.select(Split.TEST) if (data[index].numbers > 1).sum() <= HEAVIEST]
    chosen = np.random.default_rng(0).permutation(small)[: arguments.n]
    chosen = sorted(chosen, key=lambda index: -len(data[index]))
    print("| record | atoms | HOMO / meV | LUMO / meV | gap / meV | μ / D | α / % | wall / s |")
    print("|---|---|---|---|---|---|---|---|")
    rest = len(chosen) - arguments.alpha
    errors = compare(data, chosen[:rest], ORBITALS, arguments.workers)
    errors += compare(data, chosen[rest:], (*ORBITALS, "alpha"), arguments.workers)
    worst = {key: max((abs(row[key]) for row in errors if key in row), default=0.0) for key in LIMITS}
    for key, limit in LIMITS.items():
        print(f"worst {BY_KEY[key].name}: {worst[key]:.{_digits(key)}f} {SHOWN[key][1]} (limit {limit})")
    failed = sum(not row for row in errors)
    reached = failed == 0 and all(worst[key] <= limit for key, limit in LIMITS.items())
    print(f"failed: {failed} of {len(chosen)}; criterion {'reached' if reached else 'missed'}")


def compare(data: Molecules, indices: Sequence[int], properties: Sequence[str], workers: int) -> list[dict[str, float]]:
    """Print a row for each record and return its errors by property, none where the oracle failed."""
    oracle = DFTOracle(properties, workers=workers)
    rows: list[dict[str, float]] = []
    begun = time.perf_counter()
    for index, reading in zip(indices, oracle.read([data[i] for i in indices]), strict=True):
        table = dict(zip(KEYS, data.properties()[index], strict=True))
        rows.append({key: _error(key, value, table[key]) for key, value in reading.values.items()})
        cells = [f"{rows[-1][key]:+.{_digits(key)}f}" if key in rows[-1] else reading.reason for key in LIMITS]
        now = time.perf_counter()
        print(f"| {data.arrays.ids[index]} | {len(data[index])} | {' | '.join(cells)} | {now - begun:.0f} |", flush=True)
        begun = now
    return rows


def _error(key: str, value: float, table: float) -> float:
    return 100 * (value / table - 1) if key == "alpha" else SHOWN[key][0] * (value - table)


def _digits(key: str) -> int:
    return 4 if key == "mu" else 2


if __name__ == "__main__":
    main()
