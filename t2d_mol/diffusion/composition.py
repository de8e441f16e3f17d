"""Composition and rings asked for: types that are excluded, and an energy of counts for what can only be steered."""

from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor

from t2d_mol.denoising import Denoiser, Estimate, Memory, Noisy

NEVER: Final = -30.0
"""Logit of a type that is excluded; finite, so that guidance can subtract logits."""


@dataclass(frozen=True, eq=False)
class Restricted:
    """A denoiser that never proposes excluded atom types. Meets `denoising.Denoiser`.

    Attributes:
        denoiser: makes the estimates.
        allowed: (B, 5) False for types a molecule must not hold.
    """

    denoiser: Denoiser
    allowed: Tensor

    def __call__(self, noisy: Noisy, previous: Estimate | None = None, memory: Memory | None = None) -> Estimate:
        """Denoise; see `denoising.Denoiser`."""
        estimate = self.denoiser(noisy, previous, memory)
        return replace(estimate, types=estimate.types.masked_fill(~self.allowed[:, None], NEVER))


@dataclass(frozen=True, eq=False)
class GraphEnergy:
    """How far the expected composition and number of rings are from what is asked. Meets `steering.Energy`.

    Attributes:
        low, high: (B, 5) least and most atoms of each type.
        rings: (B, 2) least and most rings.
    """

    low: Tensor
    high: Tensor
    rings: Tensor

    def __call__(self, estimate: Estimate, noisy: Noisy) -> Tensor:
        """Return the sum of squares by which counts leave their bounds; rings are bonds - atoms + 1."""
        mask = noisy.mask.float()
        counts = (torch.softmax(estimate.types, -1) * mask[..., None]).sum(1)
        pairs = torch.triu(mask[:, :, None] * mask[:, None], 1)
        bonds = ((1 - torch.softmax(estimate.bonds, -1)[..., 0]) * pairs).sum((1, 2))
        rings = bonds - mask.sum(1) + 1
        missed = outside(counts, self.low, self.high).square().sum(1)
        return missed + outside(rings, self.rings[:, 0], self.rings[:, 1]).square()

    def wishes(self, noisy: Noisy) -> Tensor:
        """Return how many counts each molecule has bounds for."""
        atoms = noisy.mask.sum(1)
        counts = (self.low > 0) | (self.high < atoms[:, None])
        rings = (self.rings[:, 0] > 0) | (self.rings[:, 1] < atoms)
        return counts.sum(1) + rings


def outside(value: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Return by how much values leave their bounds, 0 inside."""
    return torch.relu(low - value) + torch.relu(value - high)
