"""Distributions of geometry against those of the test split: stability saturates, these do not."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from t2d_mol.chem.perception import with_perceived_bonds
from t2d_mol.elements import NUMBERS, SYMBOL_OF_NUMBER, SYMBOLS
from t2d_mol.errors import InputError
from t2d_mol.molecule import Molecule

QUANTILES: Final = 512
"""A reference distribution is kept as this many equally likely values."""

FEWEST: Final = 20
"""A kind of bond or angle is compared where both sides hold at least this many."""

Samples = dict[str, NDArray[np.float64]]
_ORDERS: Final = {1: "-", 2: "=", 3: "#"}


def collect(molecules: Iterable[Molecule]) -> Samples:
    """Return samples of atom counts, elements, bond lengths in Å and bond angles in degrees.

    Invariant to rotation, reflection, translation and the order of atoms. The keys are `atoms`, `elements` (indices into
    `elements.SYMBOLS`), `bond C=O` and so on, and `angle O2` for the angles at oxygen with two neighbours. Molecules whose
    bonds can neither be read nor perceived count in `atoms` and `elements` alone.
    """
    found: dict[str, list[float]] = {"atoms": [], "elements": []}
    for molecule in molecules:
        found["atoms"].append(len(molecule))
        found["elements"] += [float(NUMBERS.index(int(number))) for number in molecule.numbers]
        try:
            bonds = with_perceived_bonds(molecule).bonds
        except InputError:
            continue
        assert bonds is not None
        for name, value in (*_lengths(molecule, bonds), *_angles(molecule, bonds)):
            found.setdefault(name, []).append(value)
    return {name: np.array(values) for name, values in found.items()}


def _lengths(molecule: Molecule, bonds: NDArray[np.uint8]) -> Iterable[tuple[str, float]]:
    for i, j in zip(*np.nonzero(np.triu(bonds)), strict=True):
        first, second = sorted((int(molecule.numbers[i]), int(molecule.numbers[j])))
        length = float(np.linalg.norm(molecule.positions[i] - molecule.positions[j]))
        yield f"bond {SYMBOL_OF_NUMBER[first]}{_ORDERS[int(bonds[i, j])]}{SYMBOL_OF_NUMBER[second]}", length


def _angles(molecule: Molecule, bonds: NDArray[np.uint8]) -> Iterable[tuple[str, float]]:
    for centre in range(len(molecule)):
        neighbours = np.flatnonzero(bonds[centre])
        arms = molecule.positions[neighbours] - molecule.positions[centre]
        arms = arms / np.maximum(np.linalg.norm(arms, axis=1, keepdims=True), 1e-9)
        name = f"angle {SYMBOL_OF_NUMBER[int(molecule.numbers[centre])]}{len(neighbours)}"
        for a in range(len(neighbours)):
            for b in range(a):
                yield name, float(np.degrees(np.arccos(np.clip(arms[a] @ arms[b], -1, 1))))


def reference(samples: Samples) -> dict[str, Tensor]:
    """Return samples in the few numbers that are kept of them: quantiles, and how many there were."""
    kept = {}
    for name, values in samples.items():
        if name == "elements" or name == "atoms":
            kept[name] = torch.from_numpy(np.bincount(values.astype(int), minlength=len(SYMBOLS)))
        elif len(values) >= FEWEST:
            middles = (np.arange(QUANTILES) + 0.5) / QUANTILES
            kept[name] = torch.from_numpy(np.quantile(values, middles)).float()
            kept[f"count {name}"] = torch.tensor([len(values)])
    return kept


def compare(samples: Samples, kept: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return the Wasserstein distances of samples from a reference.

    `atoms` in atoms; `elements` with every two elements at distance 1 (half the sum of the differences in share); `bonds` in
    Å and `angles` in degrees, means over the kinds both sides hold, weighted by their frequency in the reference; `kinds`.
    """
    from scipy.stats import wasserstein_distance

    atoms, elements = kept["atoms"].numpy(), kept["elements"].numpy()
    sizes = samples["atoms"]
    shares = np.bincount(samples["elements"].astype(int), minlength=len(SYMBOLS)) / len(samples["elements"])
    kinds = {}
    for name in kept:
        if name in samples and len(samples[name]) >= FEWEST and name.startswith(("bond", "angle")):
            kinds[name] = float(wasserstein_distance(samples[name], kept[name].numpy()))
    distances: dict[str, Any] = {
        "atoms": round(float(wasserstein_distance(sizes, np.arange(len(atoms)), None, atoms)), 5),
        "elements": round(float(np.abs(shares - elements / elements.sum()).sum() / 2), 5),
    }
    for title, start in (("bonds", "bond "), ("angles", "angle ")):
        own = {name: distance for name, distance in kinds.items() if name.startswith(start)}
        weights = [float(kept[f"count {name}"]) for name in own]
        distances[title] = round(float(np.average(list(own.values()), weights=weights)), 5) if own else None
    return distances | {"kinds": {name: round(distance, 5) for name, distance in kinds.items()}}
