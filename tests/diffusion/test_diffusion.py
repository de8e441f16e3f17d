"""Closed forms for the noise arithmetic; samplers on a Gaussian whose denoiser is known."""

import itertools
import math
from dataclasses import replace

import pytest
import torch

from t2d_mol.config import DiffusionConfig, SamplingConfig
from t2d_mol.denoising import Estimate, Memory, Noisy
from t2d_mol.diffusion.guidance import Guided
from t2d_mol.diffusion.process import Process
from t2d_mol.diffusion.sampler import SOLVERS, Sampler, draw_noise, molecule_seed
from t2d_mol.diffusion.schedule import NoiseSchedule
from t2d_mol.molecule import MoleculeBatch


def generators(count: int, seed: int = 0) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(molecule_seed(seed, 0, k)) for k in range(count)]


def mask(sizes: list[int], padded: int | None = None) -> torch.Tensor:
    return torch.arange(padded or max(sizes)) < torch.tensor(sizes)[:, None]


def test_training_noise_levels_are_log_normal_and_stratified() -> None:
    schedule = NoiseSchedule()
    logs = schedule.draw(4096, torch.Generator().manual_seed(0)).log()
    assert float(logs.mean()) == pytest.approx(-1.2, abs=0.01)
    assert float(logs.std()) == pytest.approx(1.4, abs=0.01)
    quantiles = 0.5 * (1 + torch.erf((logs + 1.2) / 1.4 / math.sqrt(2)))
    assert torch.bincount((quantiles * 4096).long().clamp(0, 4095), minlength=4096).max() <= 2


def test_position_weight_undoes_the_preconditioning() -> None:
    sigma = torch.tensor([0.01, 0.5, 7.0], dtype=torch.float64)
    c_out = sigma / (sigma**2 + 1).sqrt()
    torch.testing.assert_close(NoiseSchedule().position_weight(sigma), 1 / c_out**2)


@pytest.mark.parametrize("steps", [2, 10, 50, 250])
def test_the_grid_falls_from_first_to_last_level_and_then_to_zero(steps: int) -> None:
    schedule = NoiseSchedule()
    grid = schedule.grid(steps)
    assert len(grid) == steps + 1
    assert grid[0] == pytest.approx(schedule.sigma_max)
    assert grid[-2] == pytest.approx(schedule.sigma_min)
    assert grid[-1] == 0
    assert all(high > low for high, low in itertools.pairwise(grid))


@pytest.mark.parametrize("steps", [1, 2, 3, 20, 50])
def test_a_repairs_grid_is_the_end_of_the_grid(steps: int) -> None:
    schedule = NoiseSchedule()
    grid = schedule.repair_grid(steps)
    assert grid == schedule.grid(steps)[-len(grid) :]
    assert grid[0] >= schedule.repaired_from > grid[1]


@pytest.mark.parametrize("steps", [12, 20, 50])
def test_the_level_before_is_that_of_the_grid(steps: int) -> None:
    grid = torch.tensor(NoiseSchedule().grid(steps)[:-1], dtype=torch.float64)
    before = NoiseSchedule().before(grid[1:], torch.full((steps - 1,), steps))
    torch.testing.assert_close(before, grid[:-1])


def test_self_conditioning_is_trained_for_the_default_solver_and_grids_of_its_steps_or_more() -> None:
    schedule = NoiseSchedule()
    assert SOLVERS[SamplingConfig().solver].stochasticity == schedule.stochasticity
    spacing = (schedule.fewest_steps - 1) / (schedule.draw_steps(4096, torch.Generator().manual_seed(0)) - 1)
    assert 0 < spacing.min() < 0.01 < 0.99 < spacing.max() <= 1
    assert float(spacing.mean()) == pytest.approx(0.5, abs=0.02)


def test_churn_raises_the_middle_levels_alone() -> None:
    schedule = NoiseSchedule()
    assert schedule.churned(0.5) == pytest.approx(0.5 * schedule.churn)
    assert schedule.churned(5.0) == 5.0
    assert schedule.churned(0.01) == 0.01


def batch(count: int = 64, size: int = 9) -> MoleculeBatch:
    generator = torch.Generator().manual_seed(0)
    bonds = torch.randint(0, 4, (count, size, size), generator=generator).triu(1)
    return MoleculeBatch(
        torch.randint(0, 5, (count, size), generator=generator),
        torch.randn(count, size, 3, generator=generator) + 5.0,
        bonds + bonds.transpose(1, 2),
        torch.ones(count, size, dtype=torch.long),
        mask([size] * count),
    )


def test_corruption_adds_noise_of_the_asked_level_in_the_right_subspace() -> None:
    process, clean = Process(DiffusionConfig()), batch()
    sigma = torch.full((64,), 2.0)
    noisy = process.corrupt(clean, sigma, torch.Generator().manual_seed(1))
    assert noisy.positions.sum(1).abs().max() < 1e-4
    torch.testing.assert_close(noisy.bonds, noisy.bonds.transpose(1, 2))
    truth = process.corrupt(clean, torch.full((64,), 1e-9), torch.Generator().manual_seed(1))
    for name, share in (("positions", 8 / 9), ("types", 1.0)):
        spread = (getattr(noisy, name) - getattr(truth, name)).std()
        assert float(spread) == pytest.approx(2.0 * share**0.5, rel=0.05)
    upper = torch.ones(9, 9, dtype=torch.bool).triu(1)
    assert float((noisy.bonds - truth.bonds)[:, upper].std()) == pytest.approx(2.0, rel=0.05)
    assert not (noisy.bonds - truth.bonds).diagonal(dim1=1, dim2=2).abs().gt(1e-6).any()


@pytest.mark.parametrize(("sigma", "correlated"), [(0.5, True), (0.005, False)])
def test_what_was_seen_a_step_before_has_the_noise_of_its_level_and_what_a_step_keeps_of_it(
    sigma: float, correlated: bool
) -> None:
    """With the truth for an estimate; from the pair's correlation the step that leads down again is the sampler's."""
    process, clean, generator = Process(DiffusionConfig()), batch(), torch.Generator().manual_seed(2)
    truth, levels, steps = process.encoded(clean), torch.full((64,), sigma), torch.full((64,), 20.0)
    sure = Estimate(truth.positions, *(40.0 * entry.sign() for entry in truth[1:]), torch.zeros(64, 9, 3))
    noisy = process.corrupt(clean, levels, generator)
    earlier = process.earlier(noisy, sure, steps, process.noise(clean.mask, generator))
    before = float(earlier.sigma[0])
    assert before > sigma
    torch.testing.assert_close(earlier.bonds, earlier.bonds.transpose(1, 2))
    assert earlier.positions.sum(1).abs().max() < 1e-4
    kept, _ = process.schedule.step(before, sigma, process.schedule.stochasticity)
    assert (kept < 0.9 * sigma / before) == correlated
    for name, entry in (("positions", truth.positions), ("types", truth.types)):
        old, new = (getattr(noisy, name) - entry) / sigma, (getattr(earlier, name) - entry) / before
        assert float(new.std()) == pytest.approx(float(old.std()), rel=0.06)
        assert float((old * new).mean() / old.square().mean()) == pytest.approx(kept * before / sigma, abs=0.06)


def test_losses_of_a_known_estimate() -> None:
    process, clean = Process(DiffusionConfig()), batch(4)
    sigma = torch.tensor([0.1, 0.5, 1.0, 4.0])
    truth = process.corrupt(clean, torch.full((4,), 1e-9)).positions
    estimate = Estimate(truth + 0.1, torch.zeros(4, 9, 5), torch.zeros(4, 9, 9, 4), torch.zeros(4, 9, 3))
    losses = process.losses(estimate, clean, sigma)
    weight = ((1 + sigma) / sigma).clamp(max=4)
    torch.testing.assert_close(losses.positions, 0.01 * (1 + sigma**2) / sigma**2, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(losses.types, weight * math.log(5))
    torch.testing.assert_close(losses.bonds, weight * 8 * math.log(4))
    torch.testing.assert_close(losses.charges, weight * math.log(3))


def test_noise_belongs_to_the_molecule_not_to_the_batch() -> None:
    together = draw_noise(generators(3), mask([4, 9, 7], 12))
    alone = draw_noise(generators(3)[2:], mask([7]))
    for padded, own in zip(together, alone, strict=True):
        window = padded[2:, :7, :7] if padded.dim() == 4 else padded[2:, :7]
        torch.testing.assert_close(window, own, rtol=1e-5, atol=1e-6)
    assert not together[0][0, 4:].any()


class GaussianDenoiser:
    """The exact denoiser of positions drawn from N(0, s²) in the zero-centroid subspace; every atom carbon."""

    def __init__(self, scale: float) -> None:
        self.scale = scale

    def __call__(self, noisy: Noisy, previous: Estimate | None = None, memory: Memory | None = None) -> Estimate:
        shrink = self.scale**2 / (self.scale**2 + noisy.sigma**2)
        b, n = noisy.mask.shape
        types = torch.zeros(b, n, 5)
        types[..., 1] = 50.0
        bonds = torch.zeros(b, n, n, 4)
        bonds[..., 0] = 50.0
        return Estimate(noisy.positions * shrink[:, None, None], types, bonds, torch.zeros(b, n, 3))


@pytest.mark.parametrize("stochasticity", [0.0, 0.5, 1.0, 2.0])
def test_a_step_leaves_noise_of_the_following_level(stochasticity: float) -> None:
    kept, added = NoiseSchedule().step(2.0, 1.5, stochasticity)
    assert (2.0 * kept) ** 2 + added**2 == pytest.approx(1.5**2)
    assert NoiseSchedule().step(2.0, 0.0, stochasticity) == (0.0, 0.0)


def test_the_extrapolation_is_exact_for_estimates_linear_in_log_sigma() -> None:
    """Against the exact solution of dx/dλ = -x + D(λ), D(λ) = λ, from λ = 0 with λ = -ln σ, to second order in the step."""
    schedule, errors = NoiseSchedule(), []
    for h in (0.2, 0.1):
        last, sigma, following = math.exp(h / 2), 1.0, math.exp(-h)
        aim = 0.0 + schedule.extrapolation(last, sigma, following) * (0.0 - -h / 2)
        kept, _ = schedule.step(sigma, following)
        errors.append(abs(kept * 3.0 + (1 - kept) * aim - ((3.0 + 1.0) * math.exp(-h) + h - 1.0)))
    assert errors[1] < errors[0] / 6


@pytest.mark.parametrize("scale", [0.5, 1.0])
@pytest.mark.parametrize(
    ("solver", "tolerance"),
    [
        ("euler", 0.03),
        ("ancestral", 0.05),
        ("dpm++", 0.03),
        ("dpm++sde", 0.03),
        ("churn", 0.15),
        ("churn2", 0.15),
        ("sa", 0.03),
    ],
)
def test_every_solver_recovers_a_gaussian(scale: float, solver: str, tolerance: float) -> None:
    """Up to the error of its steps and of 2,000 independent numbers; churn of a fixed factor narrows the result somewhat."""
    process, sizes = Process(DiffusionConfig()), [6] * 400
    sampled = Sampler(process, 100, SOLVERS[solver])(GaussianDenoiser(scale), mask(sizes), generators(400))
    spread = (sampled.positions / 1.4).std() / (5 / 6) ** 0.5
    assert float(spread) == pytest.approx(scale, rel=tolerance)
    assert (sampled.types == 1).all()
    assert not sampled.bonds.any()


def test_a_repair_keeps_of_a_gaussian_what_its_noise_leaves() -> None:
    """The exact flow of N(0, 1) takes x + σ ε to (x + σ ε) / √(1 + σ²), so that much of x is kept; atoms outside stay 0."""
    process, sizes = Process(DiffusionConfig()), [6] * 300 + [4]
    shape = mask(sizes)
    positions = 1.4 * draw_noise(generators(301, seed=1), shape).positions
    empty = torch.zeros(301, 6, dtype=torch.long)
    start = MoleculeBatch(empty, positions, torch.zeros(301, 6, 6, dtype=torch.long), empty, shape)
    sampler = Sampler(process, 200, SOLVERS["euler"])
    repaired = sampler(GaussianDenoiser(1.0), shape, generators(301), start=start)
    kept = (repaired.positions * positions).sum() / positions.square().sum()
    assert float(kept) == pytest.approx((1 + process.schedule.repaired_from**2) ** -0.5, abs=0.03)
    assert float((repaired.positions[:300] / 1.4).std()) == pytest.approx((5 / 6) ** 0.5, rel=0.03)
    assert not repaired.positions[300, 4:].any()
    assert (repaired.types[shape] == 1).all()


@pytest.mark.parametrize(("solver", "least", "most"), [("euler", 1.7, 2.5), ("dpm++", 3.0, 6.0)])
def test_the_order_of_the_deterministic_solvers(solver: str, least: float, most: float) -> None:
    """Twice the steps divide the distance from the exact flow of a Gaussian by two, or by four."""
    process, errors = Process(DiffusionConfig()), []
    process.schedule = replace(process.schedule, spread=1000.0)
    for steps in (100, 200):
        sampled = Sampler(process, steps, SOLVERS[solver])(GaussianDenoiser(1.0), mask([6] * 8), generators(8))
        start = process.schedule.sigma_max * draw_noise(generators(8), mask([6] * 8)).positions
        exact = 1.4 * start / (1 + process.schedule.sigma_max**2) ** 0.5
        errors.append(float((sampled.positions - exact).abs().max()))
    assert least < errors[0] / errors[1] < most


def test_classes_are_sharpened_and_clamped() -> None:
    process = Process(DiffusionConfig())
    logits = torch.log(torch.tensor([[[0.4, 0.3, 0.1, 0.1, 0.1]]]))
    estimate = Estimate(torch.zeros(1, 1, 3), logits, torch.zeros(1, 1, 1, 4), torch.zeros(1, 1, 3))
    assert (Sampler(process).clean(estimate, 0.1).types[0, 0, 0] / 0.25 + 1) / 2 == pytest.approx(0.4, abs=1e-6)
    sharp = Sampler(process, temperature=0.5).clean(estimate, 0.1).types[0, 0]
    assert (sharp[0] / 0.25 + 1) / 2 == pytest.approx(0.16 / 0.28, abs=1e-6)
    clamped = Sampler(process, clamp_below=0.2)
    assert clamped.clean(estimate, 0.1).types[0, 0].tolist() == [0.25, -0.25, -0.25, -0.25, -0.25]
    torch.testing.assert_close(clamped.clean(estimate, 0.3).types, Sampler(process).clean(estimate, 0.3).types)


class Constant:
    """A denoiser that answers 1 with a prompt and 0 without."""

    def __call__(self, noisy: Noisy, previous: Estimate | None = None, memory: Memory | None = None) -> Estimate:
        b, n = noisy.mask.shape
        value = 0.0 if memory is None else 1.0
        return Estimate(*(torch.full(shape, value) for shape in ((b, n, 3), (b, n, 5), (b, n, n, 4), (b, n, 3))))


@pytest.mark.parametrize(
    ("weight", "above", "positions", "types"), [(0, 0, 0, 0), (1, 0, 1, 1), (3, 0, 3, 2), (3, 2, 1, 1), (0, 2, 0, 0)]
)
def test_guidance_extrapolates_above_its_noise_level(weight: float, above: float, positions: float, types: float) -> None:
    noisy = Noisy(torch.zeros(1, 2, 3), torch.zeros(1, 2, 5), torch.zeros(1, 2, 2, 4), mask([2]), torch.ones(1))
    prompt = Memory(torch.zeros(1, 1, 8), torch.ones(1, 1, dtype=torch.bool), torch.ones(1, dtype=torch.bool))
    estimate = Guided(Constant(), weight, above=above)(noisy, None, prompt)
    assert estimate.positions.unique().tolist() == [positions]
    assert estimate.types.unique().tolist() == [types]
