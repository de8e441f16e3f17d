"""Choosing among candidates: several molecules are made for one place of a prompt, and one of them is kept."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from t2d_mol.checkpoint import Statistics
from t2d_mol.molecule import GeneratedMolecule
from t2d_mol.properties import KEYS
from t2d_mol.targets import error

Chooser = Callable[[Sequence[GeneratedMolecule], Statistics, Mapping[str, float]], GeneratedMolecule]


def nearest(
    candidates: Sequence[GeneratedMolecule], statistics: Statistics, weights: Mapping[str, float] = {}
) -> GeneratedMolecule:
    """Return the candidate whose predicted properties miss the targets least; valid ones of the right structure first.

    A miss is the sum over the targets of weighted squares of `targets.error` in mean absolute deviations. Of equals the
    first is kept, which is any valid one where nothing is asked.
    """

    def miss(generated: GeneratedMolecule) -> float:
        """Return the miss of one candidate; properties that no network predicted count nothing."""
        squares = 0.0
        for target in generated.prompt.targets:
            if target.property not in generated.predicted:
                continue
            off = error(target, generated.predicted[target.property], statistics)
            squares += weights.get(target.property, 1.0) * (off / statistics.mad[KEYS.index(target.property)]) ** 2
        return squares

    return min(candidates, key=lambda generated: (*_flaws(generated), miss(generated)))


def consensus(
    candidates: Sequence[GeneratedMolecule], statistics: Statistics, weights: Mapping[str, float] = {}
) -> GeneratedMolecule:
    """Return the candidate of least Bayes risk: whose predicted properties are on average nearest to the others'.

    Kumar and Byrne, Minimum Bayes-Risk Decoding (2004), as in Li et al., Diffusion-LM (2022); the loss is the Euclidean
    distance in mean absolute deviations. Only valid candidates of the right structure are compared, where there are any.
    """
    best = min(map(_flaws, candidates))
    rivals = [generated for generated in candidates if _flaws(generated) == best]
    if not rivals[0].predicted:
        return rivals[0]
    scale = [weights.get(key, 1.0) ** 0.5 / mad for key, mad in zip(KEYS, statistics.mad, strict=True)]
    values: NDArray[np.float64] = np.array([[generated.predicted[key] for key in KEYS] for generated in rivals]) * scale
    risks = np.linalg.norm(values[:, None] - values[None], axis=-1).mean(1)
    return rivals[int(risks.argmin())]


def _flaws(generated: GeneratedMolecule) -> tuple[bool, bool]:
    return bool(generated.unmet), generated.state != "valid"


CHOOSERS: Final[dict[str, Chooser]] = {"nearest": nearest, "consensus": consensus}
"""The ways to choose by name."""
