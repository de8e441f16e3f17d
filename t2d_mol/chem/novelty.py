"""Novelty as molecules come: whether the train split knows one, and whether it was made before."""

import numpy as np
from numpy.typing import NDArray

from t2d_mol.chem.graph import hash_smiles


def is_known(smiles: str, hashes: NDArray[np.int64]) -> bool:
    """Return whether the hash of a SMILES is among hashes that are sorted."""
    wanted = hash_smiles(smiles)
    place = int(np.searchsorted(hashes, wanted))
    return place < len(hashes) and int(hashes[place]) == wanted


class Novelty:
    """Tells of one SMILES after another whether it is novel, and which earlier one it repeats."""

    def __init__(self, known: NDArray[np.int64]) -> None:
        """Start with none made.

        Args:
            known: hashes of the SMILES that are not novel.
        """
        self._known = np.sort(known)
        self._first: dict[int, int] = {}

    def __call__(self, smiles: str | None, index: int) -> tuple[bool | None, int | None]:
        """Return whether a SMILES is novel, None without one, and the index it came with first, None if it is new."""
        if not smiles:
            return None, None
        first = self._first.setdefault(hash_smiles(smiles), index)
        return not is_known(smiles, self._known), None if first == index else first
