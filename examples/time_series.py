"""Text2Data without molecules: waves of an asked frequency and amplitude, from few labels.

A small diffusion model learns the distribution of all waves without labels, and is then finetuned on the few that have
some: plainly, and under the constraint. Run `python examples/time_series.py`; it takes a few minutes on two cores.
"""

import argparse
import copy
import math
import time

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from t2d_mol.text2data import Constraint, run_step

LENGTH = 48
METHODS = ("scratch", "plain", "constraint", "constraint, unlabelled")
WIDTHS = (7, 24, 16, 16, 16, 16, 10)
FREQUENCIES, AMPLITUDES = (1.5, 6.0), (0.4, 1.6)


def waves(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return noisy sine waves (count, LENGTH) of random phase, and their labels (count, 2) in [-1, 1]."""
    labels = 2 * torch.rand(count, 2, generator=generator) - 1
    frequency, amplitude = asked(labels)
    phase = 2 * math.pi * torch.rand(count, 1, generator=generator)
    at = torch.linspace(0, 1, LENGTH)
    clean = amplitude[:, None] * torch.sin(2 * math.pi * frequency[:, None] * at + phase)
    return clean + 0.05 * torch.randn(count, LENGTH, generator=generator), labels


def asked(labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the frequencies and amplitudes that labels stand for."""
    frequency, amplitude = ((labels + 1) / 2).unbind(1)
    (slow, fast), (faint, strong) = FREQUENCIES, AMPLITUDES
    return slow + (fast - slow) * frequency, faint + (strong - faint) * amplitude


def read(series: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return frequency and amplitude of the sine that fits each series best, and the root mean square of what it misses."""
    grid = torch.linspace(1.0, 7.0, 241)
    phases = 2 * math.pi * grid[:, None] * torch.linspace(0, 1, LENGTH)
    shapes = torch.stack([phases.sin(), phases.cos()], -1)
    weights = torch.einsum("fkl,nl->nfk", torch.linalg.pinv(shapes), series)
    residues = (series[:, None] - torch.einsum("flk,nfk->nfl", shapes, weights)).square().mean(-1)
    best = residues.argmin(1)
    rows = torch.arange(len(series))
    return grid[best], weights[rows, best].norm(dim=-1), residues[rows, best].sqrt()


class Network(nn.Module):
    """Predicts the velocity of a noisy series (Salimans and Ho, 2022), with labels or without."""

    def __init__(self, width: int = 192, layers: int = 4) -> None:
        super().__init__()
        self.null = nn.Parameter(torch.zeros(width))
        self.condition = nn.Sequential(nn.Linear(2 * 9, width), nn.SiLU(), nn.Linear(width, width))
        self.moment = nn.Sequential(nn.Linear(16, width), nn.SiLU(), nn.Linear(width, width))
        self.first = nn.Linear(LENGTH, width)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.SiLU(), nn.Linear(2 * width, width))
            for _ in range(layers)
        )
        self.last = nn.Linear(width, LENGTH)

    def forward(self, data: tuple[Tensor, Tensor], cond: Tensor | None) -> Tensor:
        """Return velocities (B, LENGTH) of noisy series, from angles (B,) of their noise and labels, if any are given."""
        noisy, angle = data
        told = self.null if cond is None else self.condition(harmonics(cond))
        waves_of_angle = torch.arange(1, 9) * angle[:, None]
        context = told + self.moment(torch.cat([waves_of_angle.sin(), waves_of_angle.cos()], 1))
        hidden = self.first(noisy)
        for layer in self.layers:
            hidden = hidden + layer(hidden + context)
        velocity: Tensor = self.last(hidden)
        return velocity


def harmonics(labels: Tensor) -> Tensor:
    """Return labels (B, 2) and waves of them, (B, 18)."""
    phases = math.pi / 2 * 2.0 ** torch.arange(4) * labels[..., None]
    return torch.cat([labels[..., None], phases.sin(), phases.cos()], -1).flatten(1)


def noised(series: Tensor, generator: torch.Generator) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """Return what the network sees, noisy series and angles of their noise, and the velocities it is to predict."""
    angle = math.pi / 2 * torch.rand(len(series), generator=generator)
    noise = torch.randn(series.shape, generator=generator)
    c, s = angle.cos()[:, None], angle.sin()[:, None]
    return (c * series + s * noise, angle), c * noise - s * series


@torch.no_grad()
def sample(model: Network, cond: Tensor | None, count: int, generator: torch.Generator, steps: int = 60) -> Tensor:
    """Return series (count, LENGTH), by the deterministic sampler of Song et al. (DDIM, 2021)."""
    state = torch.randn(count, LENGTH, generator=generator)
    for step in range(steps, 0, -1):
        angle, following = (math.pi / 2 * torch.full((count,), place / steps) for place in (step, step - 1))
        velocity = model((state, angle), cond)
        clean = angle.cos()[:, None] * state - angle.sin()[:, None] * velocity
        noise = angle.sin()[:, None] * state + angle.cos()[:, None] * velocity
        state = following.cos()[:, None] * clean + following.sin()[:, None] * noise
    return state


@torch.no_grad()
def loss_on(model: Network, series: Tensor, labels: Tensor | None) -> float:
    """Return L2 on labelled series, or L1' without labels, always with the same noise."""
    data, target = noised(series, torch.Generator().manual_seed(0))
    return float(mse_loss(model(data, labels), target))


def pretrain(model: Network, series: Tensor, steps: int, generator: torch.Generator) -> None:
    """Learn the distribution of all series, without labels."""
    optimiser = torch.optim.Adam(model.parameters(), 2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, steps)
    for _ in range(steps):
        data, target = noised(series[torch.randint(len(series), (256,), generator=generator)], generator)
        optimiser.zero_grad()
        mse_loss(model(data, None), target).backward()
        optimiser.step()
        schedule.step()


def finetune(
    model: Network, labelled: tuple[Tensor, Tensor], unlabelled: Tensor, method: str, steps: int, bound: float, seed: int
) -> None:
    """Learn from labelled series by one of `METHODS`; a bound of L1' is for the constrained ones."""
    generator = torch.Generator().manual_seed(seed)
    optimiser = Constraint(model.parameters(), torch.optim.Adam, alpha=100.0, memory=0.9, lr=1e-3)
    for _ in range(steps):
        chosen = torch.randint(len(labelled[0]), (128,), generator=generator)
        series, labels = (part[chosen] for part in labelled)
        data, target = noised(series, generator)
        if method == "constraint":
            run_step(optimiser, bound, model, labels, data, target, mse_loss)
            continue
        optimiser.zero_grad()
        mse_loss(model(data, labels), target).backward()
        if method == "constraint, unlabelled":
            optimiser.hold()
            others = unlabelled[torch.randint(len(unlabelled), (128,), generator=generator)]
            data, target = noised(others, generator)
            free = mse_loss(model(data, None), target)
            free.backward()
            optimiser.constrained_step(free.detach(), bound)
        else:
            optimiser.step()


def figures(model: Network, held_out: tuple[Tensor, Tensor], count: int) -> tuple[float, ...]:
    """Return both losses on series never seen, and of `count` generated ones what the titles of the table say."""
    series, labels = held_out
    made = sample(model, labels[:count], count, torch.Generator().manual_seed(1))
    frequency, amplitude, off = read(made)
    wanted = asked(labels[:count])
    return (
        loss_on(model, series, labels),
        loss_on(model, series, None),
        float((frequency - wanted[0]).abs().mean()),
        float((amplitude - wanted[1]).abs().mean()),
        100 * float((off < 0.15).float().mean()),
    )


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=int, nargs="+", default=[50, 400])
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--pretraining", type=int, default=3_000, help="steps of pretraining")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--generated", type=int, default=500, help="series generated to be measured")
    options = parser.parse_args()
    began = time.monotonic()
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    series, labels = waves(20_000, generator)
    held_out = waves(2_000, generator)
    base = Network()
    pretrain(base, series, options.pretraining, generator)
    bound = loss_on(base, series[:5_000], None)
    print(f"pretrained on {len(series)} series without labels: {time.monotonic() - began:.0f} s, L1' = {bound:.4f}")
    titles = ("labels", "method", "L2 held out", "L1' held out", "frequency off", "amplitude off", "waves %")
    print("".join(f"{title:>{width}}" for title, width in zip(titles, WIDTHS, strict=True)), flush=True)
    for count in options.labels:
        for method in METHODS:
            rows = []
            for seed in range(options.seeds):
                torch.manual_seed(seed)
                model = Network() if method == "scratch" else copy.deepcopy(base)
                chosen = torch.randperm(len(series), generator=torch.Generator().manual_seed(seed))[:count]
                steps = options.steps // 2 if method.startswith("constraint") else options.steps
                finetune(model, (series[chosen], labels[chosen]), series, method, steps, bound, seed)
                rows.append(figures(model, held_out, options.generated))
            mean, spread = torch.tensor(rows).mean(0).tolist(), torch.tensor(rows).std(0, correction=0).tolist()
            cells = [f"{m:.{d}f} ± {s:.{d}f}" for m, s, d in zip(mean, spread, (3, 3, 3, 3, 0), strict=True)]
            row = zip((str(count), method, *cells), WIDTHS, strict=True)
            print("".join(f"{cell:>{width}}" for cell, width in row), flush=True)
    print(f"{time.monotonic() - began:.0f} s; a constrained step costs two plain ones, so half as many were taken")


if __name__ == "__main__":
    main()
