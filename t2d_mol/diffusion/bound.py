"""A variational bound on −log p of molecules, in nats; derived in docs/likelihood.md."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from t2d_mol.denoising import Denoiser, Estimate, Memory, Noisy
from t2d_mol.diffusion.process import Process, cross_entropy
from t2d_mol.molecule import MoleculeBatch


@dataclass(frozen=True, eq=False)
class Bound:
    """The parts of the bound per molecule, (B,) each, in nats, positions in Å; invariant to E(3) and permutations in law.

    Attributes:
        prior: what the noise at the highest level still knows of the molecule.
        diffusion: an unbiased draw of what is lost on the way down.
        reconstruction: from the lowest level to the exact molecule; negative where densities exceed 1 / Å.
        size: −log p(n), n being the number of atoms.
    """

    prior: Tensor
    diffusion: Tensor
    reconstruction: Tensor
    size: Tensor

    @property
    def total(self) -> Tensor:
        """The bound (B,)."""
        return self.prior + self.diffusion + self.reconstruction + self.size


def variational_bound(
    denoiser: Denoiser,
    process: Process,
    batch: MoleculeBatch,
    sizes: Sequence[float] | Tensor,
    generator: Generator,
    memory: Memory | None = None,
) -> Bound:
    """Bound −log p(positions, types, bonds, charges, n) of molecules, self-conditioning off.

    Kingma et al., Variational Diffusion Models (NeurIPS 2021), equations 11 to 15, for noise of level σ on the clean
    entries, in the limit of infinitely many steps: the loss is ∫ σ⁻² E‖y − D(z; σ)‖² d ln σ over the sampler's levels.
    Each molecule gets one noise level, stratified over the batch, and one draw of noise.

    Args:
        denoiser: the network.
        process: of its training.
        batch: molecules.
        sizes: how many molecules of the train split have n atoms, by n.
        generator: of levels and noise; equal generators compare models on equal draws.
        memory: encoded prompts for −log p given them, None for none. p(n) stays that of the train split.
    """
    schedule = process.schedule
    low, high = math.log(schedule.sigma_min), math.log(schedule.sigma_max)
    count = len(batch)
    places = (torch.randperm(count, generator=generator) + torch.rand(count, generator=generator)) / count
    sigma = torch.exp(low + (high - low) * places).to(batch.mask.device)
    clean = Noisy(*process.encoded(batch), batch.mask, torch.zeros_like(sigma))
    noisy = process.corrupt(batch, sigma, generator)
    missed = _squares(clean, Noisy(*process.expected(denoiser(noisy, None, memory)), noisy.mask, sigma))
    last = process.corrupt(batch, torch.full_like(sigma, schedule.sigma_min), generator)
    estimate = denoiser(last, None, memory)
    frequencies = torch.as_tensor(sizes, dtype=torch.float32, device=sigma.device)
    atoms = batch.mask.sum(1)
    return Bound(
        prior=_squares(clean) / (2 * schedule.sigma_max**2),
        diffusion=(high - low) * missed / sigma**2,
        reconstruction=_positions_left(process, atoms) + _classes_left(estimate, batch),
        size=-torch.log(frequencies[atoms] / frequencies.sum()),
    )


def _squares(first: Noisy, second: Noisy | None = None) -> Tensor:
    """Return the sums of squares (B,) over the entries, or those of the difference; pairs of atoms count once."""
    atoms = first.mask
    pairs = torch.triu(atoms[:, :, None] & atoms[:, None], 1)
    total = torch.zeros(len(atoms), device=atoms.device)
    for name, counted in (("positions", atoms), ("types", atoms), ("bonds", pairs)):
        entries = getattr(first, name) if second is None else getattr(first, name) - getattr(second, name)
        total = total + (entries.square() * counted[..., None]).flatten(1).sum(1)
    return total


def _positions_left(process: Process, atoms: Tensor) -> Tensor:
    """Return −log N(x; z, σ_min²) of the positions in the zero-centroid subspace, 3(n − 1) dimensions, expected, in Å."""
    spread = process.schedule.sigma_min * process.config.position_scale
    return 1.5 * (atoms - 1) * (math.log(2 * math.pi * spread**2) + 1)


def _classes_left(estimate: Estimate, batch: MoleculeBatch) -> Tensor:
    """Return −log of the probabilities of types, charges and bonds, pairs counted once."""
    atoms = batch.mask
    pairs = torch.triu(atoms[:, :, None] & atoms[:, None], 1)
    left = (cross_entropy(estimate.types, batch.types) * atoms).sum(1)
    left = left + (cross_entropy(estimate.charges, batch.charges) * atoms).sum(1)
    return left + (cross_entropy(estimate.bonds, batch.bonds) * pairs).sum((1, 2))
