"""Sampling: from noise to molecules along a grid of noise levels, with randomness that belongs to each molecule alone."""

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor

from t2d_mol.denoising import Denoiser, Estimate, Memory, Noisy, centred
from t2d_mol.diffusion.process import Process
from t2d_mol.elements import BOND_ORDERS, SYMBOLS
from t2d_mol.molecule import MoleculeBatch


def molecule_seed(seed: int, row: int, k: int, attempt: int = 0) -> int:
    """Return the seed of molecule k of prompt row `row`: all its randomness depends on these alone."""
    place = f"{seed}/{row}/{k}" + (f"/{attempt}" if attempt else "")
    digest = hashlib.blake2b(place.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def draw_noise(generators: Sequence[Generator], mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Draw unit noise for positions (B, N, 3), types (B, N, 5) and bonds (B, N, N, 4).

    Each molecule's noise is drawn on the CPU at its own size n and then padded, so it depends neither on the padded size nor
    on the other molecules. Positions have centroid 0; bonds are symmetric with an empty diagonal.
    """
    b, n = mask.shape
    types, bonds = len(SYMBOLS), len(BOND_ORDERS)
    atoms, pairs = torch.zeros(b, n, 3 + types), torch.zeros(b, n, n, bonds)
    for index, (generator, size) in enumerate(zip(generators, mask.sum(1).tolist(), strict=True)):
        draw = torch.randn(size * (3 + types) + size * size * bonds, generator=generator)
        atoms[index, :size] = draw[: size * (3 + types)].view(size, -1)
        pairs[index, :size, :size] = draw[size * (3 + types) :].view(size, size, -1)
    upper = torch.triu(torch.ones(n, n), 1)[..., None] * pairs
    atoms, pairs = atoms.to(mask.device), (upper + upper.transpose(1, 2)).to(mask.device)
    return centred(atoms[..., :3], mask), atoms[..., 3:], pairs


@dataclass(frozen=True)
class Sampler:
    """First-order sampler on the bent log-σ grid with churn: each step adds a little noise, then removes more.

    Karras et al. (2022), algorithm 2 without its second-order correction; the churn factor and its range are the
    schedule's.

    Attributes:
        process: encodes classes and knows the schedule.
        steps: calls of the denoiser, which equal the steps.
    """

    process: Process
    steps: int = 50

    def __call__(
        self, denoiser: Denoiser, mask: Tensor, generators: Sequence[Generator], memory: Memory | None = None
    ) -> MoleculeBatch:
        """Sample one molecule per row of the mask (B, N), row i with the i-th generator."""
        schedule, levels = self.process.schedule, self.process.schedule.grid(self.steps)
        positions, types, bonds = (levels[0] * noise for noise in draw_noise(generators, mask))
        noisy = Noisy(positions, types, bonds, mask, torch.full((len(mask),), levels[0], device=mask.device))
        estimate: Estimate | None = None
        for level, following in itertools.pairwise(levels):
            raised = schedule.churned(level)
            noisy = self._renoise(noisy, generators, level, raised)
            estimate = denoiser(noisy, estimate, memory)
            noisy = self._step(noisy, estimate, following / raised)
        assert estimate is not None
        return self.decide(estimate, mask)

    def decide(self, estimate: Estimate, mask: Tensor) -> MoleculeBatch:
        """Return the most probable classes and the positions in Å of an estimate."""
        pairs = (mask[:, :, None] & mask[:, None]) & ~torch.eye(mask.shape[1], dtype=torch.bool, device=mask.device)
        return MoleculeBatch(
            estimate.types.argmax(-1) * mask,
            estimate.positions * self.process.config.position_scale,
            estimate.bonds.argmax(-1) * pairs,
            estimate.charges.argmax(-1),
            mask,
        )

    def _renoise(self, noisy: Noisy, generators: Sequence[Generator], level: float, raised: float) -> Noisy:
        if raised == level:
            return noisy
        extra = (raised**2 - level**2) ** 0.5
        positions, types, bonds = draw_noise(generators, noisy.mask)
        return Noisy(
            noisy.positions + extra * positions,
            noisy.types + extra * types,
            noisy.bonds + extra * bonds,
            noisy.mask,
            torch.full_like(noisy.sigma, raised),
        )

    def _step(self, noisy: Noisy, estimate: Estimate, ratio: float) -> Noisy:
        """Move towards the estimate: the probability-flow step from σ to ratio · σ."""
        types = self.process.one_hot_types(torch.softmax(estimate.types, -1))
        bonds = self.process.one_hot_bonds(torch.softmax(estimate.bonds, -1))
        return replace(
            noisy,
            positions=torch.lerp(estimate.positions, noisy.positions, ratio),
            types=torch.lerp(types, noisy.types, ratio),
            bonds=torch.lerp(bonds, noisy.bonds, ratio),
            sigma=noisy.sigma * ratio,
        )
