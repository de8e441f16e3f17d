"""The variational bound on molecules whose likelihood is known, and its symmetries."""

import math
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical

from t2d_mol.config import PRESETS, DiffusionConfig
from t2d_mol.denoising import Estimate, Memory, Noisy, centred
from t2d_mol.diffusion.bound import variational_bound
from t2d_mol.diffusion.process import Process
from t2d_mol.molecule import MoleculeBatch
from t2d_mol.nn.denoiser import EquivariantDenoiser

TYPES = torch.tensor([0.5, 0.2, 0.15, 0.1, 0.05])
BONDS = torch.tensor([0.1, 0.6, 0.2, 0.1])
CHARGES = torch.tensor([0.05, 0.9, 0.05])
SIZES = [0.0, 0.0, 3.0, 1.0]
SPREAD = 0.8


@dataclass(frozen=True)
class Exact:
    """The exact denoiser of molecules of `draw`, or one that is wrong by `error` in its positions."""

    process: Process
    error: float = 0.0

    def __call__(self, noisy: Noisy, previous: Estimate | None = None, memory: Memory | None = None) -> Estimate:
        assert previous is None
        variance = noisy.sigma[:, None, None] ** 2
        positions = noisy.positions * SPREAD**2 / (SPREAD**2 + variance) * (1 + self.error)
        types = self.logits(noisy.types, TYPES, self.process.one_hot_types(torch.eye(5)), noisy.sigma)
        bonds = self.logits(noisy.bonds, BONDS, self.process.one_hot_bonds(torch.eye(4)), noisy.sigma)
        charges = CHARGES.log().expand(*noisy.mask.shape, 3)
        return Estimate(positions, types, bonds, charges)

    @staticmethod
    def logits(entries: Tensor, law: Tensor, codes: Tensor, sigma: Tensor) -> Tensor:
        away = (entries[..., None, :] - codes).square().sum(-1)
        return law.log() - away / (2 * sigma.view(-1, *[1] * (away.dim() - 1)) ** 2)


def draw(count: int, size: int, generator: torch.Generator, scale: float, padding: int = 0) -> MoleculeBatch:
    """Draw molecules whose positions are normal in the zero-centroid subspace and whose classes are independent.

    Classes are drawn in the padding as well, where they must not count.
    """
    mask = torch.arange(size + padding) < torch.full((count, 1), size)
    size += padding
    positions = centred(SPREAD * scale * torch.randn(count, size, 3, generator=generator), mask)
    types = torch.multinomial(TYPES, count * size, True, generator=generator).view(count, size)
    upper = torch.multinomial(BONDS, count * size * size, True, generator=generator).view(count, size, size).triu(1)
    charges = torch.multinomial(CHARGES, count * size, True, generator=generator).view(count, size)
    return MoleculeBatch(types, positions, upper + upper.transpose(1, 2), charges, mask)


def known(size: int, scale: float) -> float:
    """Return the mean −log p of molecules of `draw`, in nats and Å."""
    positions = 1.5 * (size - 1) * math.log(2 * math.pi * math.e * (SPREAD * scale) ** 2)
    classes = size * (Categorical(TYPES).entropy() + Categorical(CHARGES).entropy())
    classes = classes + size * (size - 1) / 2 * Categorical(BONDS).entropy()
    return positions + float(classes) - math.log(SIZES[size] / sum(SIZES))


@pytest.mark.parametrize(("size", "padding"), [(2, 0), (3, 0), (2, 2)])
def test_the_bound_of_an_exact_model_is_the_entropy(size: int, padding: int) -> None:
    process, generator = Process(DiffusionConfig()), torch.Generator().manual_seed(0)
    molecules = draw(40_000, size, generator, process.config.position_scale, padding)
    totals = variational_bound(Exact(process), process, molecules, SIZES, generator).total
    error = float(totals.std()) / len(totals) ** 0.5
    assert error < 0.15
    # besides chance the bound may be above by what the prior misses: the noise at its highest level is not all there is
    assert known(size, process.config.position_scale) - 3 * error < float(totals.mean())
    assert float(totals.mean()) < known(size, process.config.position_scale) + 3 * error + 0.03 * size**2


def test_a_worse_model_needs_more_nats_by_its_squared_error() -> None:
    """Positions wrong by a share e cost e² ∫ s⁴ / (s² + σ²) σ⁻² d ln σ a dimension, s being their spread."""
    process, size, wrong = Process(DiffusionConfig()), 3, 0.02
    molecules = draw(20_000, size, torch.Generator().manual_seed(1), process.config.position_scale)
    exact, worse = (
        variational_bound(Exact(process, error), process, molecules, SIZES, torch.Generator().manual_seed(2)).total
        for error in (0.0, wrong)
    )
    levels = torch.logspace(math.log10(process.schedule.sigma_min), math.log10(process.schedule.sigma_max), 20_001)
    integrand = wrong**2 * SPREAD**4 / (SPREAD**2 + levels**2) / levels**2
    cost = 3 * (size - 1) * float(torch.trapezoid(integrand, levels.log()))
    assert float((worse - exact).mean()) == pytest.approx(cost, rel=0.05)


def test_equal_draws_give_equal_bounds_wherever_a_molecule_lies() -> None:
    process = Process(DiffusionConfig())
    torch.manual_seed(0)
    network = EquivariantDenoiser(PRESETS["tiny"].denoiser, process.config).eval()
    molecules = draw(6, 3, torch.Generator().manual_seed(3), process.config.position_scale)
    with torch.no_grad():
        first, again = (
            variational_bound(network, process, molecules, SIZES, torch.Generator().manual_seed(4)).total for _ in range(2)
        )
        turned = replace(molecules, positions=molecules.positions + 1.0)
        moved = variational_bound(network, process, turned, SIZES, torch.Generator().manual_seed(4)).total
        tokens = torch.randn(6, 2, PRESETS["tiny"].denoiser.memory, generator=torch.Generator().manual_seed(7))
        memory = Memory(tokens, torch.ones(6, 2, dtype=torch.bool), torch.ones(6, dtype=torch.bool))
        told = variational_bound(network, process, molecules, SIZES, torch.Generator().manual_seed(4), memory).total
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    torch.testing.assert_close(first, moved, rtol=1e-3, atol=1e-2)
    assert (told != first).all()


def test_sizes_count_by_their_frequency() -> None:
    process = Process(DiffusionConfig())
    molecules = draw(4, 3, torch.Generator().manual_seed(5), process.config.position_scale)
    parts = variational_bound(Exact(process), process, molecules, SIZES, torch.Generator().manual_seed(6))
    torch.testing.assert_close(parts.size, torch.full((4,), math.log(4.0)))
