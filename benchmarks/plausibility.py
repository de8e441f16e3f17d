"""PoseBusters' checks, strain and relaxation on QM9's own molecules: what a perfect generator would show."""

import argparse
import os
from pathlib import Path

import numpy as np

from t2d_mol.evaluation.score import Entry, Scorer
from t2d_mol.evaluation.summary import summarise
from t2d_mol.evaluation.tables import physics
from t2d_mol.qm9.dataset import Molecules
from t2d_mol.qm9.splits import Split


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("T2D_MOL_DATA", "data/qm9.safetensors")))
    parser.add_argument("-n", type=int, default=300)
    arguments = parser.parse_args()
    data = Molecules.load(arguments.data)
    places = np.random.default_rng(0).permutation(data.select(Split.TEST))[: arguments.n]
    entries = (Entry(number, data[int(place)]) for number, place in enumerate(places, 1))
    print(physics(summarise(list(Scorer(check=True, relax=True)(entries)))).markdown())


if __name__ == "__main__":
    main()
