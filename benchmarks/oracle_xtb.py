"""Speed and errors of the xtb oracle on QM9; with --fit, make its linear map anew."""

import argparse
import json
import os
import resource
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from t2d_mol.evaluation.oracles.base import Reading
from t2d_mol.evaluation.oracles.xtb import FIELD, MAP_FILE, METHOD, LinearMap, XTBOracle, features, load_map, mapped
from t2d_mol.molecule import Molecule
from t2d_mol.properties import BY_KEY, KEYS
from t2d_mol.qm9.dataset import Molecules
from t2d_mol.qm9.splits import Half, Split

READ = ("homo", "lumo", "gap", "mu", "alpha")
COUNTS = ("H", "C", "N", "O", "F", "constant")
MODELS: dict[str, dict[str, tuple[str, ...]]] = {
    "a·x + b": {key: (key, "constant") for key in READ},
    "own value, elements": {key: (key, *COUNTS) for key in READ},
    "all values, elements": {key: ("homo", "lumo", "mu", *COUNTS) for key in READ[:4]}
    | {"alpha": ("homo", "lumo", "mu", "alpha", *COUNTS)},
}
"""Features of each property, by model. One set for homo, lumo and gap keeps gap = lumo - homo in a least-squares map."""
CHOSEN = "all values, elements"


class Sample:
    """Molecules of one split at random, as GFN2-xTB and QM9 see them; those that fail are left out and counted."""

    def __init__(self, data: Molecules, indices: NDArray[np.intp], count: int, workers: int) -> None:
        chosen = np.random.default_rng(0).choice(indices, min(count, len(indices)), replace=False)
        molecules = [data[index] for index in chosen]
        readings = list(XTBOracle(polarizability=True, workers=workers, calibrated=False).read(molecules))
        done = [place for place, reading in enumerate(readings) if reading.state == "done"]
        self.failed = len(readings) - len(done)
        self.molecules: list[Molecule] = [molecules[place] for place in done]
        self.readings: list[Reading] = [readings[place] for place in done]
        self.truth: dict[str, NDArray[np.float64]] = dict(zip(KEYS, data.properties()[chosen[done]].T, strict=True))

    def errors(self, coefficients: LinearMap | None) -> dict[str, float]:
        """Return the mean absolute error of each property, as computed if there is no map."""
        rows = [
            reading.values if coefficients is None else mapped(coefficients, molecule, reading.values)
            for molecule, reading in zip(self.molecules, self.readings, strict=True)
        ]
        return {key: float(np.mean([abs(row[key] - true) for row, true in zip(rows, self.truth[key], strict=True)]))
                for key in READ}  # fmt: skip

    def fit(self, model: dict[str, tuple[str, ...]]) -> LinearMap:
        """Return the coefficients of ordinary least squares."""
        given = [features(*pair) for pair in zip(self.molecules, (item.values for item in self.readings), strict=True)]
        fitted = {}
        for key, names in model.items():
            matrix = np.array([[row[name] for name in names] for row in given])
            weights = np.linalg.lstsq(matrix, self.truth[key], rcond=None)[0]
            fitted[key] = dict(zip(names, weights.tolist(), strict=True))
        return fitted


def fit(data: Molecules, test: Sample, arguments: argparse.Namespace) -> None:
    """Fit every model on half A of the train split, compare them on the validation split, and write the chosen one."""
    train = Sample(data, data.select(Split.TRAIN, Half.A), arguments.train, arguments.workers)
    validation = Sample(data, data.select(Split.VALIDATION), arguments.validation, arguments.workers)
    maps = {name: train.fit(model) for name, model in MODELS.items()}
    print(f"Mean absolute errors on {len(validation.molecules)} molecules of the validation split:\n")
    print("| model | " + " | ".join(f"{key} / {BY_KEY[key].unit}" for key in READ) + " |\n|---|" + "---|" * len(READ))
    for name, coefficients in maps.items():
        print(f"| {name} | " + " | ".join(f"{error:.3f}" for error in validation.errors(coefficients).values()) + " |")
    raw, after = test.errors(None), test.errors(maps[CHOSEN])
    content: dict[str, Any] = {
        "method": METHOD,
        "tblite": version("tblite"),
        "field": FIELD,
        "model": f"ordinary least squares, {CHOSEN}",
        "fitted": {"split": "train, half A", "molecules": len(train.molecules), "failed": train.failed},
        "tested": {"split": "test", "molecules": len(test.molecules), "failed": test.failed},
        "mae": {key: {"raw": round(raw[key], 4), "mapped": round(after[key], 4)} for key in READ},
        "coefficients": maps[CHOSEN],
    }
    MAP_FILE.write_text(json.dumps(content, indent=1) + "\n")
    print(f"\n{MAP_FILE.name} written.\n")


def print_errors(test: Sample) -> None:
    """Print a row a property: errors on the test split as computed and mapped."""
    raw, after = test.errors(None), test.errors(load_map())
    print(f"Mean absolute errors on {len(test.molecules)} molecules of the test split ({test.failed} failed):\n")
    print("| property | unit | QM9's mean absolute deviation | GFN2-xTB | mapped | mapped / deviation |")
    print("|---|---|---|---|---|---|")
    for key in READ:
        spread = float(np.abs(test.truth[key] - test.truth[key].mean()).mean())
        print(f"| {BY_KEY[key].name} | {BY_KEY[key].unit} | {spread:.3f} | {raw[key]:.3f} | {after[key]:.3f} "
              f"| {after[key] / spread:.2f} |")  # fmt: skip


def processor_seconds() -> float:
    """Return the processor time of this process and its ended children."""
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(item.ru_utime + item.ru_stime for item in usage)


def print_rates(molecules: list[Molecule]) -> None:
    """Print molecules/s, the start of the workers included, and processor time a molecule."""
    print(f"\nload average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors\n")
    print("| properties | workers | molecules | molecules/s | processor ms a molecule |\n|---|---|---|---|---|")
    for polarizability, share in ((False, 1), (True, 4)):
        part = molecules[: len(molecules) // share]
        for workers in (1, 2):
            oracle = XTBOracle(polarizability, workers)
            wall, processor = time.perf_counter(), processor_seconds()
            for _ in oracle.read(part):
                pass
            wall, processor = time.perf_counter() - wall, processor_seconds() - processor
            what = "with polarizability" if polarizability else "homo, lumo, gap, dipole"
            print(f"| {what} | {workers} | {len(part)} | {len(part) / wall:.0f} | {1e3 * processor / len(part):.1f} |",
                  flush=True)  # fmt: skip


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("T2D_MOL_DATA", "data/qm9.safetensors")))
    parser.add_argument("--fit", action="store_true", help="make the map anew instead of measuring speed")
    parser.add_argument("--train", type=int, default=4000, help="molecules to fit to")
    parser.add_argument("--validation", type=int, default=1000, help="molecules to compare models on")
    parser.add_argument("--test", type=int, default=1500, help="molecules to state errors and speed on")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    data = Molecules.load(arguments.data)
    test = Sample(data, data.select(Split.TEST), arguments.test, arguments.workers)
    if arguments.fit:
        fit(data, test, arguments)
    print_errors(test)
    if not arguments.fit:
        print_rates(test.molecules)


if __name__ == "__main__":
    main()
