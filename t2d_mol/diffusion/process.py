"""The process: encode a molecule, corrupt it, and the loss of an estimate. The schedule owns the noise arithmetic."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from t2d_mol.config import DiffusionConfig
from t2d_mol.denoising import Denoiser, Estimate, Memory, Noisy, centred
from t2d_mol.diffusion.schedule import NoiseSchedule
from t2d_mol.elements import BOND_ORDERS, SYMBOLS
from t2d_mol.molecule import MoleculeBatch

SIGMA_BINS = (0.0, 0.03, 0.1, 0.3, 1.0, 3.0, float("inf"))
"""Edges of the noise-level bins that losses are reported by."""


class State(NamedTuple):
    """What is noised and moved: positions (B, N, 3), types (B, N, 5) and bonds (B, N, N, 4), clean or noisy."""

    positions: Tensor
    types: Tensor
    bonds: Tensor

    def towards(self, other: "State", share: float) -> "State":
        """Return the state this share of the way to another; beyond it for more than 1, away from it for less than 0."""
        return State(*(torch.lerp(own, end, share) for own, end in zip(self, other, strict=True)))

    def plus(self, level: float | Tensor, noise: "State") -> "State":
        """Return the state with noise of a level, or of one (B,) a molecule, added."""
        if isinstance(level, float):
            return State(*(torch.add(own, unit, alpha=level) for own, unit in zip(self, noise, strict=True)))
        return State(*(own + level.view(-1, *[1] * (own.ndim - 1)) * unit for own, unit in zip(self, noise, strict=True)))


@dataclass(frozen=True, eq=False)
class Losses:
    """Losses per molecule, (B,) each, unweighted by modality but weighted by noise level."""

    positions: Tensor
    types: Tensor
    bonds: Tensor
    charges: Tensor


class Process:
    """Joint corruption of positions, atom types and bond orders by Gaussian noise of one level.

    Positions live in the zero-centroid subspace in units of `position_scale`; classes are one-hot vectors of ±scale.
    """

    def __init__(self, config: DiffusionConfig) -> None:
        self.config = config
        self.schedule = NoiseSchedule(config.log_sigma_mean, config.log_sigma_std)

    def one_hot_types(self, probabilities: Tensor) -> Tensor:
        """Return the scaled encoding of (…, 5) class probabilities."""
        return self.config.type_scale * (2 * probabilities - 1)

    def one_hot_bonds(self, probabilities: Tensor) -> Tensor:
        """Return the scaled encoding of (…, 4) class probabilities."""
        return self.config.bond_scale * (2 * probabilities - 1)

    def encoded(self, batch: MoleculeBatch) -> State:
        """Return the clean state of a batch, that noise is added to."""
        return State(
            centred(batch.positions / self.config.position_scale, batch.mask),
            self.one_hot_types(F.one_hot(batch.types, len(SYMBOLS)).float()),
            self.one_hot_bonds(F.one_hot(batch.bonds, len(BOND_ORDERS)).float()),
        )

    def expected(self, estimate: Estimate) -> State:
        """Return the clean state expected under an estimate."""
        types, bonds = (torch.softmax(logits, -1) for logits in (estimate.types, estimate.bonds))
        return State(estimate.positions, self.one_hot_types(types), self.one_hot_bonds(bonds))

    def noise(self, mask: Tensor, generator: Generator | None = None) -> State:
        """Draw unit noise for molecules of mask (B, N); that of positions has centroid 0, that of bonds is symmetric."""
        b, n = mask.shape
        draws = torch.randn(b, n, 3 + len(SYMBOLS), generator=generator).to(mask.device)
        pairs = torch.randn(b, n, n, len(BOND_ORDERS), generator=generator).to(mask.device)
        upper = torch.triu(torch.ones(n, n, device=mask.device), 1)[..., None] * pairs
        return State(centred(draws[..., :3], mask), draws[..., 3:], upper + upper.transpose(1, 2))

    def corrupt(self, batch: MoleculeBatch, sigma: Tensor, generator: Generator | None = None) -> Noisy:
        """Add noise of level sigma (B,) to a batch."""
        state = self.encoded(batch).plus(sigma, self.noise(batch.mask, generator))
        return Noisy(*state, batch.mask, sigma)

    def earlier(self, noisy: Noisy, estimate: Estimate, steps: Tensor, noise: State) -> Noisy:
        """Return what a sampler that now sees `noisy` may have seen a step before.

        Going down, its step keeps a part c of the unit noise, replaces the rest and aims at an estimate. Seen from below,
        the unit noise of the level before is c times what `noisy` has beside its estimate, and the rest is new. So it
        tells no more of the clean molecule than `noisy` does, as in sampling; noise laid over the molecule itself would.

        Args:
            noisy: molecules at noise levels (B,).
            estimate: of them.
            steps: (B,) of the grid that each is sampled on.
            noise: unit noise.
        """
        sigma, aim = noisy.sigma, self.expected(estimate)
        before = self.schedule.before(sigma, steps)
        kept = self.schedule.kept_noise(before, sigma, self.schedule.stochasticity)
        own = State(noisy.positions, noisy.types, noisy.bonds).plus(-1.0, aim)
        state = aim.plus(kept * before / sigma, own).plus(before * (1 - kept**2).sqrt(), noise)
        return Noisy(*state, noisy.mask, before)

    def estimate_before(
        self, denoiser: Denoiser, noisy: Noisy, steps: Tensor, noise: State, memory: Memory | None = None
    ) -> Estimate:
        """Return the estimate, without gradients, that a sampler may have made a step before it saw `noisy`; see `earlier`.

        That is what denoisers are given as their earlier estimate (self-conditioning; Chen et al., Analog Bits, ICLR 2023).
        """
        with torch.no_grad():
            return denoiser(self.earlier(noisy, denoiser(noisy, None, memory), steps, noise), None, memory)

    def losses(self, estimate: Estimate, batch: MoleculeBatch, sigma: Tensor) -> Losses:
        """Return the losses of an estimate of `batch` made at noise levels sigma (B,).

        Positions: squared error of the preconditioned output, mean over atoms and axes. Types and charges: cross-entropy,
        mean over atoms. Bonds: cross-entropy summed over an atom's partners, mean over atoms.
        """
        mask = batch.mask.float()
        atoms = mask.sum(1)
        pairs = mask[:, :, None] * mask[:, None] * (1 - torch.eye(mask.shape[1], device=mask.device))
        truth = centred(batch.positions / self.config.position_scale, batch.mask)
        square = (estimate.positions - truth).square().mean(-1)
        weight = self.schedule.class_weight(sigma) / atoms
        return Losses(
            positions=(square * mask).sum(1) / atoms * self.schedule.position_weight(sigma),
            types=(cross_entropy(estimate.types, batch.types) * mask).sum(1) * weight,
            bonds=(cross_entropy(estimate.bonds, batch.bonds) * pairs).sum((1, 2)) * weight,
            charges=(cross_entropy(estimate.charges, batch.charges) * mask).sum(1) * weight,
        )

    def total(self, losses: Losses) -> Tensor:
        """Return the weighted sum (B,) of the losses of the modalities."""
        config = self.config
        return (
            losses.positions
            + config.type_weight * losses.types
            + config.bond_weight * losses.bonds
            + config.charge_weight * losses.charges
        )


def cross_entropy(logits: Tensor, classes: Tensor) -> Tensor:
    """Return the cross-entropy (…) of logits (…, classes)."""
    return -torch.log_softmax(logits, -1).gather(-1, classes[..., None])[..., 0]
