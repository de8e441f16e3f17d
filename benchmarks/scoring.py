"""Speed of scoring on this machine: rules, distributions, oracles, in seconds for 10,000 molecules. `make bench` runs it."""

import argparse
import os
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from t2d_mol.chem.annotation import annotate
from t2d_mol.chem.graph import judge
from t2d_mol.chem.lookup import lookup_smiles, lookup_stable_atoms
from t2d_mol.evaluation.distributions import collect
from t2d_mol.evaluation.oracles.network import Judge
from t2d_mol.evaluation.oracles.xtb import XTBOracle
from t2d_mol.molecule import Molecule
from t2d_mol.qm9.archive import prepare
from t2d_mol.qm9.dataset import Molecules
from t2d_mol.qm9.splits import Split

FIXTURE = Path(__file__).parents[1] / "data" / "fixture"
WHOLE = 10_000


def chosen(data: Path, count: int) -> list[Molecule]:
    """Return molecules of QM9's test split, or of the fixture, which are half as large, where QM9 is not prepared."""
    if data.exists():
        molecules = Molecules.load(data)
        places = molecules.select(Split.TEST)
    else:
        print("QM9 is not prepared: the fixture's molecules, half as large, stand in")
        molecules = prepare(FIXTURE / "fixture.xyz.tar.bz2", FIXTURE / "uncharacterized.txt", annotate)
        places = np.arange(len(molecules))
    return [molecules[int(index)] for index in np.random.default_rng(0).choice(places, count)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("T2D_MOL_DATA", "data/qm9.safetensors")))
    parser.add_argument("-n", type=int, default=1000)
    arguments = parser.parse_args()
    molecules = chosen(arguments.data, arguments.n)
    works: dict[str, Callable[[Sequence[Molecule]], object]] = {
        "stability by the look-up rule": lambda some: [lookup_stable_atoms(molecule) for molecule in some],
        "validity by the look-up rule": lambda some: [lookup_smiles(molecule) for molecule in some],
        "validity by own bonds": lambda some: [judge(molecule) for molecule in some],
        "distributions of geometry": collect,
        "oracle network": lambda some: list(Judge.load().read(some)),
    }
    if find_spec("tblite") and find_spec("ase"):
        works["oracle xtb"] = lambda some: list(XTBOracle().read(some))
        works["oracle xtb with polarizability"] = lambda some: list(XTBOracle(True).read(some[: len(some) // 4]))
    print(f"{torch.get_num_threads()} threads, {os.cpu_count()} processors\n{'':34}{'molecules/s':>12}{'s for 10,000':>14}")
    for name, work in works.items():
        share = 4 if name.endswith("polarizability") else 1
        start = time.perf_counter()
        work(molecules)
        rate = len(molecules) / share / (time.perf_counter() - start)
        print(f"{name:34}{rate:12.0f}{WHOLE / rate:14.1f}")


if __name__ == "__main__":
    main()
