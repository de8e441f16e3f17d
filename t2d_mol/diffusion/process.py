"""The process: encode a molecule, corrupt it, and the loss of an estimate. The schedule owns the noise arithmetic."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from t2d_mol.config import DiffusionConfig
from t2d_mol.denoising import Estimate, Noisy, centred
from t2d_mol.diffusion.schedule import NoiseSchedule
from t2d_mol.elements import BOND_ORDERS, SYMBOLS
from t2d_mol.molecule import MoleculeBatch

SIGMA_BINS = (0.0, 0.03, 0.1, 0.3, 1.0, 3.0, float("inf"))
"""Edges of the noise-level bins that losses are reported by."""


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

    def encoded(self, batch: MoleculeBatch) -> tuple[Tensor, Tensor, Tensor]:
        """Return the clean positions (B, N, 3), types (B, N, 5) and bonds (B, N, N, 4) that noise is added to."""
        return (
            centred(batch.positions / self.config.position_scale, batch.mask),
            self.one_hot_types(F.one_hot(batch.types, len(SYMBOLS)).float()),
            self.one_hot_bonds(F.one_hot(batch.bonds, len(BOND_ORDERS)).float()),
        )

    def corrupt(self, batch: MoleculeBatch, sigma: Tensor, generator: Generator | None = None) -> Noisy:
        """Add noise of level sigma (B,) to a batch.

        The noise of positions has centroid 0, that of bonds is symmetric.
        """
        mask = batch.mask
        b, n = mask.shape
        level = sigma[:, None, None]
        draws = torch.randn(b, n, 3 + len(SYMBOLS), generator=generator).to(mask.device)
        pairs = torch.randn(b, n, n, len(BOND_ORDERS), generator=generator).to(mask.device)
        upper = torch.triu(torch.ones(n, n, device=mask.device), 1)[..., None] * pairs
        positions, types, bonds = self.encoded(batch)
        positions = positions + level * centred(draws[..., :3], mask)
        bonds = bonds + level[..., None] * (upper + upper.transpose(1, 2))
        return Noisy(positions, types + level * draws[..., 3:], bonds, mask, sigma)

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
