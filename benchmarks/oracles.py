"""The oracles against one another, and against the records' own properties where there are any.

`python benchmarks/oracles.py --data data/qm9.safetensors` reads molecules of the test split;
`python benchmarks/oracles.py --molecules made.sdf --dft` reads generated ones, by density functional theory too.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from t2d_mol.chem.graph import judge
from t2d_mol.evaluation.oracles import Oracle, oracle
from t2d_mol.evaluation.tables import Table
from t2d_mol.io.contents import read_content
from t2d_mol.io.formats import read_molecules
from t2d_mol.molecule import Molecule
from t2d_mol.properties import BY_KEY, KEYS
from t2d_mol.qm9.dataset import Molecules
from t2d_mol.qm9.splits import Split

Values = NDArray[np.float64]


def read(source: Oracle, molecules: list[Molecule]) -> Values:
    """Return (n, K) values, NaN where the oracle gives none."""
    rows = [[reading.values.get(key, np.nan) for key in KEYS] for reading in source.read(molecules)]
    return np.array(rows)


def main() -> None:
    """Print the table of mean absolute differences."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/qm9.safetensors"))
    parser.add_argument("--molecules", help="generated molecules instead of the test split; valid ones are read")
    parser.add_argument("-n", type=int, default=1000)
    parser.add_argument("--polarizability", action="store_true", help="xtb and dft read it too")
    parser.add_argument("--dft", action="store_true")
    parser.add_argument("--cache", type=Path, default=Path(".t2d-mol/dft"))
    arguments = parser.parse_args()
    found: dict[str, Values] = {}
    if arguments.molecules:
        records = [record.molecule for record in read_molecules(read_content(arguments.molecules))]
        molecules = [molecule for molecule in records if molecule and judge(molecule).state == "valid"][: arguments.n]
    else:
        data = Molecules.load(arguments.data)
        places = np.random.default_rng(0).permutation(data.select(Split.TEST))[: arguments.n]
        molecules = [data[int(place)] for place in places]
        found["QM9"] = data.properties()[places]
    for name in ("network", "xtb", *(["dft"] if arguments.dft else [])):
        source = oracle(name, polarizability=arguments.polarizability, cache=arguments.cache)
        assert source is not None
        found[name] = read(source, molecules)
    rows = []
    for number, first in enumerate(found):
        for second in list(found)[number + 1 :]:
            difference = np.abs(found[first] - found[second])
            known = np.isfinite(difference)
            means = [f"{difference[known[:, k], k].mean():.3f}" if known[:, k].any() else "-" for k in range(len(KEYS))]
            rows.append((f"{first} and {second}", str(int(known.any(1).sum())), *means))
    head = ("", "n", *(f"{key} ({BY_KEY[key].unit})" for key in KEYS))
    print(Table(f"mean absolute differences, {len(molecules)} molecules", head, tuple(rows)).markdown())


if __name__ == "__main__":
    main()
