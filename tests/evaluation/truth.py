"""An oracle that knows the data set's own properties, by geometry."""

from collections.abc import Iterator, Sequence

from t2d_mol.evaluation.oracles.base import Reading
from t2d_mol.molecule import Molecule
from t2d_mol.properties import KEYS
from t2d_mol.qm9.dataset import Molecules


class Truth:
    name = "truth"

    def __init__(self, molecules: Molecules) -> None:
        rows = molecules.properties().tolist()
        self.known = {molecules[i].positions.tobytes(): row for i, row in enumerate(rows)}

    def read(self, molecules: Sequence[Molecule]) -> Iterator[Reading]:
        for molecule in molecules:
            row = self.known.get(molecule.positions.tobytes())
            yield Reading(state="failed", reason="unknown") if row is None else Reading(dict(zip(KEYS, row, strict=True)))
