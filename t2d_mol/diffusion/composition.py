"""Composition asked for: counts of each element between bounds, held softly while atoms are noise and exactly at the end."""

from dataclasses import dataclass, replace
from typing import Final

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from t2d_mol.denoising import Denoiser, Estimate, Memory, Noisy

SOFT_ABOVE: Final = 0.3
"""Noise level from which on types are pushed towards the exact assignment; types are decided about there."""

PUSH: Final = 6.0
"""What the logit of an assigned type gains below that level."""

ROUNDS: Final = 30
MANDATORY: Final = 1e4


@dataclass(frozen=True, eq=False)
class Composition:
    """Bounds on how many atoms of each type a molecule has.

    Attributes:
        low, high: (B, 5) least and most atoms of each type; (0, n) leaves a type free.
    """

    low: Tensor
    high: Tensor

    def scaled(self, logits: Tensor, mask: Tensor) -> Tensor:
        """Return logits (B, N, 5) whose expected counts lie within the bounds.

        Each type's probabilities are multiplied by the factor that brings its expected count to the nearest bound, and each
        atom's are normalised again, in turns: Sinkhorn's algorithm with inequalities (Knight, 2008). Equivariant to
        permutations of the atoms.
        """
        log = torch.log_softmax(logits.float(), -1)
        real = mask[..., None]
        for _ in range(ROUNDS):
            expected = (log.exp() * real).sum(1).clamp(min=1e-6)
            factor = torch.maximum(self.low / expected, torch.ones_like(expected))
            factor = torch.where(expected > self.high, self.high / expected, factor).clamp(min=1e-9)
            log = torch.log_softmax(log + factor.log()[:, None], -1)
        return log

    def assigned(self, logits: Tensor, mask: Tensor) -> Tensor:
        """Return the types (B, N) of highest total logit that keep the bounds: an assignment problem (Kuhn, 1955)."""
        types = logits.argmax(-1)
        for row, size in enumerate(mask.sum(1).tolist()):
            low, high = self.low[row].int().tolist(), self.high[row].int().tolist()
            places = [kind for kind, least in enumerate(low) for _ in range(least)]
            mandatory = len(places)
            places += [kind for kind, most in enumerate(high) for _ in range(min(most, size) - low[kind])]
            gain = logits[row, :size].float().cpu()[:, places]
            gain[:, :mandatory] += MANDATORY
            atoms, chosen = linear_sum_assignment(gain.numpy(), maximize=True)
            types[row, torch.as_tensor(atoms, device=types.device)] = torch.tensor(
                [places[place] for place in chosen], device=types.device
            )
        return types * mask


@dataclass(frozen=True, eq=False)
class Composed:
    """A denoiser whose estimates have the composition asked for. Meets `denoising.Denoiser`."""

    denoiser: Denoiser
    composition: Composition

    def __call__(self, noisy: Noisy, previous: Estimate | None = None, memory: Memory | None = None) -> Estimate:
        """Denoise; see `denoising.Denoiser`."""
        estimate = self.denoiser(noisy, previous, memory)
        types = self.composition.scaled(estimate.types, noisy.mask)
        if float(noisy.sigma.max()) < SOFT_ABOVE:
            exact = torch.nn.functional.one_hot(self.composition.assigned(types, noisy.mask), types.shape[-1])
            types = types + PUSH * exact
        return replace(estimate, types=types)
