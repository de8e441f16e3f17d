"""Steering: while a molecule takes shape, its noisy state is moved downhill on an energy that says what is asked of it."""

from dataclasses import dataclass, replace
from typing import Final, Protocol

import torch
from torch import Tensor

from t2d_mol.denoising import Estimate, Memory, Noisy, centred
from t2d_mol.diffusion.composition import outside
from t2d_mol.diffusion.guidance import Guided

DOUBT: Final = 0.1
"""Standard error of a reading, in the energies' units, at strength 1."""

FLAT: Final = 1e-16
"""Added to squares of gradients that are divided by."""


class Energy(Protocol):
    """A differentiable measure of how far estimates are from what is asked. Invariant to E(3) and permutations."""

    def __call__(self, estimate: Estimate, noisy: Noisy) -> Tensor:
        """Return the energies (B,): sums of squares of what is missed, in units of a clear miss."""
        ...

    def wishes(self, noisy: Noisy) -> Tensor:
        """Return how many squares (B,) each molecule's energy is the sum of."""
        ...


class Reader(Protocol):
    """Reads properties from estimates, as `nn.property_network.PropertyNetwork.of_estimate` does."""

    def __call__(self, estimate: Estimate, mask: Tensor, sigma: Tensor, position_scale: float) -> Tensor:
        """Return normalised properties (B, K) of estimates made at noise levels sigma (B,)."""
        ...


@dataclass(frozen=True, eq=False)
class PropertyEnergy:
    """How far the properties a network reads from the estimates are from what is asked. Meets `Energy`.

    Attributes:
        read: reads normalised properties from estimates.
        position_scale: Å per unit of the estimates' positions.
        low, high: (B, K) least and greatest normalised values that meet what is asked.
        weight: (B, K) 0 for properties that are not asked for.
    """

    read: Reader
    position_scale: float
    low: Tensor
    high: Tensor
    weight: Tensor

    def __call__(self, estimate: Estimate, noisy: Noisy) -> Tensor:
        """Return the weighted sum of squares of what each property misses."""
        read = self.read(estimate, noisy.mask, noisy.sigma, self.position_scale)
        return (self.weight * outside(read, self.low, self.high).square()).sum(1)

    def wishes(self, noisy: Noisy) -> Tensor:
        """Return how many properties each molecule is asked for."""
        return (self.weight > 0).sum(1)


@dataclass(frozen=True)
class Steering:
    """Moves noisy molecules to where what the denoiser, without prompt, would make of them is as asked.

    The gradient of the energy goes through the network to the noisy positions, types and bonds, as in universal guidance
    (Bansal et al., 2023) and diffusion posterior sampling (Chung et al., 2023). The step is the most probable one if every
    noisy entry may be off by σ and the reading, taken as linear, by `DOUBT` / `strength`: that of pseudoinverse guidance
    (Song et al., ICLR 2023), short where the reading hardly depends on the noise. Equivariant where denoiser and energies
    are.

    The energy is taken of the unconditional estimate, which guidance then holds against the conditional one of the moved
    molecule, so that it amplifies steering as it does the prompt.

    Attributes:
        guided: makes the estimates that are sampled from.
        energies: with the noise levels between which each acts.
        strength: how much the energies are trusted.
    """

    guided: Guided
    energies: tuple[tuple[Energy, float, float], ...]
    strength: float

    def __call__(self, noisy: Noisy, previous: Estimate | None, memory: Memory | None) -> tuple[Noisy, Estimate]:
        """Return the noisy molecules as they are to be sampled on from, and the estimate."""
        sigma = float(noisy.sigma[0])
        acting = [energy for energy, low, high in self.energies if low <= sigma <= high]
        if not acting:
            return noisy, self.guided(noisy, previous, memory)
        moved, free = self._moved(noisy, previous, acting)
        return moved, self.guided.beside(free, moved, previous, memory)

    def _moved(self, noisy: Noisy, previous: Estimate | None, acting: list[Energy]) -> tuple[Noisy, Estimate]:
        with torch.enable_grad():
            entries = [entry.detach().requires_grad_(True) for entry in (noisy.positions, noisy.types, noisy.bonds)]
            probed = replace(noisy, positions=entries[0], types=entries[1], bonds=entries[2])
            estimate = self.guided.denoiser(probed, previous, None)
            energy = torch.stack([measure(estimate, probed) for measure in acting]).sum(0)
            x, h, b = torch.autograd.grad(energy.sum(), entries, allow_unused=True, materialize_grads=True)
        x, b = centred(x, noisy.mask), b + b.transpose(1, 2)
        steepness = _squares(x) + _squares(h) + _squares(b) / 2
        wishes = torch.stack([measure.wishes(noisy) for measure in acting]).sum(0).clamp(min=1)
        step = self._length(energy.detach(), steepness, noisy.sigma, wishes)
        moved = replace(
            noisy,
            positions=noisy.positions - step[:, None, None] * x,
            types=noisy.types - step[:, None, None] * h,
            bonds=noisy.bonds - step[:, None, None, None] * b,
        )
        return moved, estimate.detach()

    def _length(self, energy: Tensor, steepness: Tensor, sigma: Tensor, wishes: Tensor) -> Tensor:
        """Return the lengths of steps (B,) along gradients whose squares are `steepness` (B,).

        The energy is taken for m², m being linear with slope s: the gradient is 2 m s, the length σ² / 2 (σ² s² + doubt²).
        Of several wishes doubts add up, and one direction overshoots some: steps are shorter by the root of their number.
        """
        doubt = wishes * (DOUBT / self.strength) ** 2
        full = 2 * energy * sigma**2 / (sigma**2 * steepness + 4 * doubt * energy + FLAT)
        return full / wishes.sqrt()


def _squares(entries: Tensor) -> Tensor:
    return entries.flatten(1).square().sum(1)
