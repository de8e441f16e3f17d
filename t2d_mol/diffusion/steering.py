"""Steering: while a molecule takes shape, its noisy state is moved downhill on an energy that says what is asked of it."""

from dataclasses import dataclass, replace
from typing import Final, Protocol

import torch
from torch import Tensor

from t2d_mol.denoising import Estimate, Memory, Noisy, centred
from t2d_mol.diffusion.composition import outside
from t2d_mol.diffusion.guidance import Guided

LARGEST: Final = 3.0
"""No coordinate moves farther than this many times the root mean square of its molecule's."""


class Energy(Protocol):
    """A differentiable measure of how far estimates are from what is asked. Invariant to E(3) and permutations."""

    def __call__(self, estimate: Estimate, noisy: Noisy) -> Tensor:
        """Return the energies (B,), 0 where all is met; a unit is a clear miss."""
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
        """Return the weighted sum of Huber's function of what each property misses."""
        read = self.read(estimate, noisy.mask, noisy.sigma, self.position_scale)
        missed = outside(read, self.low, self.high)
        return (self.weight * torch.where(missed < 1, missed.square(), 2 * missed - 1)).sum(1)


@dataclass(frozen=True)
class Steering:
    """Moves noisy molecules towards lower energy of what the denoiser, without prompt, would make of them.

    The gradient of the energy goes through the network to the noisy positions and bonds, as in universal guidance (Bansal
    et al., 2023) and diffusion posterior sampling (Chung et al., 2023). Each molecule's step is normalised: `strength` · σ
    times the direction (about 0.7 of that for bonds), fading as the energy falls below 1. Equivariant where denoiser and
    energies are. The estimate the energy is taken of is also the unconditional one that guidance needs.

    Attributes:
        guided: makes the estimates that are sampled from.
        energies: with the noise levels between which each acts.
        strength: length of a step in units of the noise.
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
        return moved, self.guided.beside(free, noisy, previous, memory)

    def _moved(self, noisy: Noisy, previous: Estimate | None, acting: list[Energy]) -> tuple[Noisy, Estimate]:
        with torch.enable_grad():
            positions = noisy.positions.detach().requires_grad_(True)
            bonds = noisy.bonds.detach().requires_grad_(True)
            probed = replace(noisy, positions=positions, bonds=bonds)
            estimate = self.guided.denoiser(probed, previous, None)
            energy = torch.stack([measure(estimate, probed) for measure in acting]).sum(0)
            slopes = torch.autograd.grad(energy.sum(), [positions, bonds], allow_unused=True, materialize_grads=True)
        miss = energy.detach().sqrt()
        length = self.strength * noisy.sigma * miss / (miss + 1)
        atoms = noisy.mask.sum(1)
        x = _direction(slopes[0], 3 * atoms) * length[:, None, None]
        b = _direction(slopes[1], slopes[1].shape[-1] * atoms**2) * length[:, None, None, None]
        moved = replace(
            noisy,
            positions=centred(noisy.positions - x, noisy.mask),
            bonds=noisy.bonds - (b + b.transpose(1, 2)) / 2,
        )
        return moved, estimate.detach()


def _direction(slope: Tensor, entries: Tensor) -> Tensor:
    """Divide each molecule's gradient by its root mean square over its own entries, outliers cut off."""
    size = (slope.flatten(1).square().sum(1) / entries).sqrt().clamp(min=1e-8)
    return (slope / size.view(-1, *[1] * (slope.dim() - 1))).clamp(-LARGEST, LARGEST)
