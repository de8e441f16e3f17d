"""What earlier estimates are worth to a denoiser: losses of validation molecules, quality of generated ones.

python benchmarks/self_conditioning.py --data data/qm9.safetensors -n 400
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from solvers import COLUMNS, rates

from t2d_mol.config import SamplingConfig, TrainingConfig
from t2d_mol.denoising import Denoiser, Estimate, Memory, Noisy
from t2d_mol.evaluation.tables import Table
from t2d_mol.generation import Model
from t2d_mol.molecule import Prompt
from t2d_mol.qm9.dataset import Molecules
from t2d_mol.training.objective import step_generator
from t2d_mol.training.pretrain import MODALITIES, validation_batches

Seen = Callable[[Denoiser, Noisy, Estimate | None], Estimate | None]
"""Makes the estimate that a denoiser is given from what it sees and what it was given by the sampler."""

SEEN: dict[str, Seen] = {
    "of the step before": lambda denoiser, noisy, previous: previous,
    "none": lambda denoiser, noisy, previous: None,
    "of the same state, at a second evaluation a call": lambda denoiser, noisy, previous: denoiser(noisy),
}


def losses(model: Model, data: Path, count: int) -> Table:
    """Return the validation losses given estimates of several kinds."""
    process, denoiser = model.process, model.denoiser

    def of_step_before(steps: int) -> Callable[[Noisy, torch.Generator], Estimate]:
        def seen(noisy: Noisy, generator: torch.Generator) -> Estimate:
            grid = torch.full_like(noisy.sigma, steps)
            return process.estimate_before(denoiser, noisy, grid, process.noise(noisy.mask, generator))

        return seen

    kinds: dict[str, Callable[[Noisy, torch.Generator], Estimate | None]] = {
        "none": lambda noisy, generator: None,
        "of the same state": lambda noisy, generator: denoiser(noisy),
        **{f"of the step before, {steps} steps": of_step_before(steps) for steps in (100, 50, 20)},
    }
    batches = validation_batches(Molecules.load(data), TrainingConfig(validation_molecules=count))
    rows = []
    for kind, seen in kinds.items():
        sums = torch.zeros(1 + len(MODALITIES))
        for number, (batch, _) in enumerate(batches):
            generator = step_generator(0, number)
            noisy = process.corrupt(batch, process.schedule.draw(len(batch), generator), generator)
            found = process.losses(denoiser(noisy, seen(noisy, generator)), batch, noisy.sigma)
            parts = (process.total(found), *(getattr(found, name) for name in MODALITIES))
            sums += torch.stack([part.sum() for part in parts])
        rows.append((kind, *(f"{value:.4f}" for value in (sums / sum(len(batch) for batch, _ in batches)).tolist())))
    return Table(f"Losses of {count} validation molecules", ("estimate given", "loss", *MODALITIES), tuple(rows))


def quality(model: Model, steps: list[int], count: int, seed: int) -> Table:
    """Return the quality of molecules sampled given estimates of several kinds."""
    own, rows = model.conditioner.denoiser, []
    for calls in steps:
        for kind, seen in SEEN.items():

            def denoiser(
                noisy: Noisy, previous: Estimate | None = None, memory: Memory | None = None, seen: Seen = seen
            ) -> Estimate:
                return own(noisy, seen(own, noisy, previous), memory)

            model.conditioner.denoiser = denoiser
            made = model.sample([(0, Prompt(""))], count, replace(SamplingConfig(), steps=calls, seed=seed, repairs=0))
            rows.append((str(calls), kind, *rates(made)))
    return Table(f"{count} molecules a row, in %", ("calls", "estimate given", *COLUMNS), tuple(rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data/qm9.safetensors"))
    parser.add_argument("-n", type=int, default=400, help="generated molecules a row; 0 for losses alone")
    parser.add_argument("--validation-molecules", type=int, default=1024)
    parser.add_argument("--steps", type=int, nargs="+", default=[20, 50])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--checkpoint", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    loaded = Model.load(options.checkpoint)
    with torch.no_grad():
        print(losses(loaded, options.data, options.validation_molecules).markdown())
    if options.n:
        print(quality(loaded, options.steps, options.n, options.seed).markdown())
