"""Noise levels: the law they are trained under, the loss weights that go with them, the grids samplers walk."""

import math
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Generator, Tensor

Level = TypeVar("Level", float, Tensor)


@dataclass(frozen=True)
class NoiseSchedule:
    """A variance-exploding process whose training noise levels are log-normal.

    Karras et al., Elucidating the Design Space of Diffusion-Based Generative Models (NeurIPS 2022), table 1.

    Attributes:
        log_mean, log_std: ln σ is normal with these in training.
        sigma_min, sigma_max: where sampling ends and begins.
        focus: the σ around which sampling steps are densest, near the data's standard deviation of 1.
        spread: width in ln σ of the range around `focus` where they are dense.
        churn: factor by which a churning solver raises σ before denoising, while σ lies within `churn_range`.
        noise_range: the σ between which a stochastic solver adds noise.
        repaired_from: the level a molecule that is to be repaired is noised to at least.
        fewest_steps, stochasticity: of the samplers that self-conditioning is trained for.
    """

    log_mean: float = -1.2
    log_std: float = 1.4
    sigma_min: float = 0.004
    sigma_max: float = 6.0
    focus: float = 0.9
    spread: float = 0.4
    churn: float = 1.4
    churn_range: tuple[float, float] = (0.15, 2.0)
    noise_range: tuple[float, float] = (0.03, 3.0)
    repaired_from: float = 1.2
    fewest_steps: int = 12
    stochasticity: float = 2.0

    def draw(self, count: int, generator: Generator | None = None) -> Tensor:
        """Draw (count,) noise levels, stratified: one in each of `count` equally probable intervals."""
        offsets = torch.rand(count, generator=generator)
        quantiles = (torch.randperm(count, generator=generator) + offsets) / count
        normal = math.sqrt(2) * torch.erfinv(2 * quantiles.clamp(1e-5, 1 - 1e-5) - 1)
        return torch.exp(self.log_mean + self.log_std * normal)

    def draw_steps(self, count: int, generator: Generator | None = None) -> Tensor:
        """Draw (count,) numbers of a sampler's steps: the spacing of its grid is uniform from 0 to that of the fewest."""
        return 1 + (self.fewest_steps - 1) / torch.rand(count, generator=generator).clamp(min=1e-3)

    def position_weight(self, sigma: Tensor) -> Tensor:
        """Return 1 / c_out² = (1 + σ²) / σ², under which every noise level's loss is of order one."""
        return (1 + sigma**2) / sigma**2

    def class_weight(self, sigma: Tensor) -> Tensor:
        """Return the weight of the cross-entropies, the inverse rate (1 + σ) / σ, at most 4."""
        return ((1 + sigma) / sigma).clamp(max=4)

    def grid(self, steps: int) -> list[float]:
        """Return the `steps` + 1 noise levels of a sampler, from `sigma_max` down to `sigma_min` and then 0.

        ln σ = ln focus + spread · sinh(u) with u linear: even steps near `focus`, ever longer ones away from it.
        """
        start, end = self._ends()
        fractions = (step / max(steps - 1, 1) for step in range(steps))
        levels = [self.focus * math.exp(self.spread * math.sinh(start + (end - start) * part)) for part in fractions]
        return [*levels, 0.0]

    def _ends(self) -> tuple[float, float]:
        """Return u at both ends of the grids; see `grid`."""
        start, end = (math.asinh(math.log(bound / self.focus) / self.spread) for bound in (self.sigma_max, self.sigma_min))
        return start, end

    def repair_grid(self, steps: int) -> list[float]:
        """Return the end of the grid that begins with its last level from `repaired_from` upwards."""
        levels = self.grid(steps)
        return levels[max(place for place, level in enumerate(levels) if level >= self.repaired_from) :]

    def churned(self, sigma: float) -> float:
        """Return the noise level to which a churning solver first raises a sample at σ."""
        low, high = self.churn_range
        return sigma * self.churn if low <= sigma <= high else sigma

    def step(self, sigma: float, following: float, stochasticity: float = 0.0) -> tuple[float, float]:
        """Return the share of a sample that a step from σ to a lower level keeps, and the level of the noise it adds.

        The rest of the sample becomes the estimate. Exact for a constant estimate: the probability flow for stochasticity
        0, the reverse diffusion of Song et al. (2021), ancestral sampling, for 1; in between and beyond the variance-
        controlled SDE of Xue et al., SA-Solver (NeurIPS 2023), for noise that is added without shrinking the
        data. Outside `noise_range` steps are deterministic.
        """
        if following == 0:
            return 0.0, 0.0
        kept = self.kept_noise(sigma, following, stochasticity)
        return following / sigma * kept, following * math.sqrt(1 - kept**2)

    def kept_noise(self, sigma: Level, following: Level, stochasticity: float) -> Level:
        """Return the correlation of the noise at σ with that at the lower level a step leads to; see `step`."""
        low, high = self.noise_range
        power = stochasticity**2 * ((sigma >= low) & (sigma <= high))
        return (following / sigma) ** power  # type: ignore[no-any-return]

    def before(self, sigma: Tensor, steps: Tensor) -> Tensor:
        """Return the noise levels (B,) from which grids of so many steps each come to sigma (B,)."""
        start, end = self._ends()
        place = torch.asinh((sigma.log() - math.log(self.focus)) / self.spread) + (start - end) / (steps - 1)
        return self.focus * torch.exp(self.spread * torch.sinh(place))

    def extrapolation(self, last: float, sigma: float, following: float) -> float:
        """Return how far a step of second order extrapolates beyond the estimate at σ, away from that at `last` > σ.

        The estimate is taken to be linear in ln σ. Lu et al., DPM-Solver++ (2022), algorithm 2, two-step.
        """
        return math.log(sigma / following) / (2 * math.log(last / sigma)) if following and last > sigma else 0.0
