"""A folder of calculated values, found by the molecule they belong to."""

import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from t2d_mol.molecule import Molecule

STEP: Final = 1e-5
"""Å; geometries that agree to this share an entry."""


@dataclass(frozen=True)
class Cache:
    """Values by geometry: one small JSON file each, written beside its place and renamed.

    Atoms in another order, or moved or turned as a whole, are another molecule to it.

    Attributes:
        folder: made when first written to.
        level: what else the values depend on; entries of another level are not seen.
    """

    folder: Path
    level: str

    def get(self, molecule: Molecule) -> dict[str, float]:
        """Return the values known of a molecule; none if there is no entry or it is damaged."""
        try:
            values = json.loads(self._path(molecule).read_text())["values"]
            return {str(key): float(value) for key, value in values.items()}
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            return {}

    def put(self, molecule: Molecule, values: dict[str, float]) -> None:
        """Write the values of a molecule in place of those known."""
        path = self._path(molecule)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".part")
        with os.fdopen(handle, "w") as file:
            json.dump({"level": self.level, "values": values}, file)
        Path(partial).chmod(0o644)
        Path(partial).replace(path)

    def _path(self, molecule: Molecule) -> Path:
        steps = np.round(molecule.positions.astype(np.float64) / STEP).astype("<i8")
        system = f"{self.level}, charge {molecule.net_charge}"
        parts = (system.encode(), molecule.numbers.tobytes(), steps.tobytes())
        digest = hashlib.sha256(b"\0".join(parts)).hexdigest()
        return self.folder / f"{digest[:32]}.json"
