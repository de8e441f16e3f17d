"""Ways to pretrain at equal wall-clock: size, optimiser, law of noise levels, scales and weights of classes, batch.

python benchmarks/recipes.py --minutes 8 -n 500 --threads 1

Validation losses are taken by one law of noise levels whatever a recipe trains by; those of recipes with other scales of
types or bonds are of other noise for those, and cannot be held against the rest. SOAP needs `pip install pytorch-optimizer`.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn
from torch.optim import Optimizer

from t2d_mol.checkpoint import Checkpoint
from t2d_mol.config import PRESETS, DiffusionConfig, ModelConfig, SamplingConfig, TrainingConfig
from t2d_mol.diffusion.process import SIGMA_BINS, Process
from t2d_mol.evaluation.distributions import collect, compare
from t2d_mol.evaluation.score import Entry, Scorer
from t2d_mol.evaluation.summary import figures
from t2d_mol.evaluation.tables import Table
from t2d_mol.generation import Model
from t2d_mol.judge_checkpoint import BUNDLED_JUDGE, JudgeCheckpoint
from t2d_mol.molecule import Prompt
from t2d_mol.qm9.dataset import Molecules
from t2d_mol.training.loop import Loop
from t2d_mol.training.objective import step_generator
from t2d_mol.training.pretrain import DenoisingLoss, Pretraining, validation_batches

Optimise = Callable[[Iterable[nn.Parameter], TrainingConfig], Optimizer]

FIGURES: Final = ("lookup.molecule_stable", "lookup.valid", "bonds.molecule_stable", "bonds.valid")


def soap(parameters: Iterable[nn.Parameter], training: TrainingConfig) -> Optimizer:
    """Return SOAP (Vyas et al., 2025): Adam in the eigenbasis of Shampoo's preconditioner."""
    from pytorch_optimizer import SOAP

    found: Optimizer = SOAP(parameters, training.learning_rate, weight_decay=training.weight_decay)
    return found


@dataclass(frozen=True)
class Recipe:
    """What is changed of `tiny` and of how it is pretrained: fields of its configurations, and the optimiser."""

    denoiser: dict[str, Any] = field(default_factory=dict)
    diffusion: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    optimise: Optimise | None = None
    seed: int = 0

    def model(self) -> ModelConfig:
        """Return the model."""
        base = PRESETS["tiny"]
        denoiser, diffusion = replace(base.denoiser, **self.denoiser), replace(base.diffusion, **self.diffusion)
        return replace(base, denoiser=denoiser, diffusion=diffusion)


RECIPES: Final = {
    "tiny": Recipe(),
    "tiny, another seed": Recipe(seed=1),
    "deep: 6 blocks of 40 scalars": Recipe(denoiser={"blocks": 6, "scalars": 40, "vectors": 12, "pairs": 14}),
    "wide: 2 blocks of 88 scalars": Recipe(denoiser={"blocks": 2, "scalars": 88, "vectors": 24, "pairs": 32}),
    "SOAP, 1.5e-3": Recipe(optimise=soap),
    "SOAP, 3e-3": Recipe(optimise=soap, training={"learning_rate": 3e-3}),
    "AdamW, 3e-3": Recipe(training={"learning_rate": 3e-3}),
    "batches of 32": Recipe(training={"batch_size": 32}),
    "flow matching's law, t uniform": Recipe(diffusion={"log_sigma_mean": 0.0, "log_sigma_std": 1.81}),
    "flow matching's law, t logit-normal": Recipe(diffusion={"log_sigma_mean": 0.0, "log_sigma_std": 1.0}),
    "types as slow as bonds": Recipe(diffusion={"type_scale": 1.0}),
    "bonds as fast as types": Recipe(diffusion={"bond_scale": 0.25}),
    "twice the weight of bonds": Recipe(diffusion={"bond_weight": 0.3}),
    "no self-conditioning": Recipe(diffusion={"self_conditioning": 0.0}),
}
"""What is compared. Gaussian flow matching is this diffusion under σ = t / (1 - t) with nearly the same weight of positions:
what it changes is how often each noise level is seen; ln σ is logistic, of standard deviation 1.81, or normal."""


class Run(Loop):
    """A run that leaves its averaged weights alone: what an optimiser remembers need not be of the form that resumes."""

    def save(self) -> None:
        """Write the averaged weights."""
        self._write_checkpoint(self.folder / "last.safetensors")


def trained(recipe: Recipe, molecules: Molecules, minutes: float, folder: Path) -> tuple[Model, Run]:
    """Return the model a recipe makes in so many minutes, and the run."""
    training = TrainingConfig(max_minutes=minutes, checkpoint_minutes=minutes + 1, **recipe.training)
    objective = Pretraining(molecules, recipe.model(), training, seed=recipe.seed, bf16=True)
    run = Run(objective, training, folder)
    if recipe.optimise:
        run.optimiser = recipe.optimise(objective.network.parameters(), training)  # type: ignore[assignment]
    run.run()
    return Model(Checkpoint.load(folder / "last.safetensors")), run


def validation(model: Model, molecules: Molecules, count: int) -> list[str]:
    """Return the validation loss under the default law of noise levels, whole and by bin, self-conditioned."""
    usual = DiffusionConfig()
    law = {"log_sigma_mean": usual.log_sigma_mean, "log_sigma_std": usual.log_sigma_std}
    process = Process(replace(model.checkpoint.config.diffusion, **law))
    loss = DenoisingLoss(model.denoiser, process, bf16=False)
    sums: dict[str, float] = {}
    with torch.no_grad():
        for number, (batch, _) in enumerate(validation_batches(molecules, TrainingConfig(validation_molecules=count))):
            generator = step_generator(0, number)
            sigma = loss.draw_sigma(len(batch), generator)
            row = loss.metrics(loss(batch, sigma, generator, self_condition=True), sigma)
            row["loss"] *= len(batch)
            sums = {name: sums.get(name, 0.0) + value for name, value in row.items()}
    bins = [f"loss/sigma<{edge:g}" for edge in SIGMA_BINS[1:]]
    return [f"{sums['loss'] / sums['molecules']:.3f}", *(f"{sums[name] / sums[f'count/{name}']:.3f}" for name in bins)]


def quality(model: Model, count: int) -> list[str]:
    """Return the rates of `FIGURES` in %, and the distance of bond lengths from the test split's in Å."""
    made = [one.molecule for one in model.sample([(0, Prompt(""))], count, SamplingConfig(seed=1, repairs=0))]
    found = figures(list(Scorer()(Entry(number, molecule) for number, molecule in enumerate(made, 1))))
    distance = compare(collect(made), JudgeCheckpoint.load(BUNDLED_JUDGE).reference)["bonds"]
    shares = [100 * (found[name].value or 0.0) for name in FIGURES]
    return [*(f"{share:.1f}" for share in shares), "-" if distance is None else f"{distance:.4f}"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("-n", type=int, default=500)
    parser.add_argument("--data", type=Path, default=Path("data/qm9.safetensors"))
    parser.add_argument("--validation-molecules", type=int, default=2048)
    parser.add_argument("--only", nargs="+", choices=RECIPES, default=list(RECIPES), metavar="RECIPE")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    molecules = Molecules.load(options.data)
    rows = []
    for name in options.only:
        with tempfile.TemporaryDirectory() as folder:
            model, run = trained(RECIPES[name], molecules, options.minutes, Path(folder))
        weights = sum(parameter.numel() for parameter in model.denoiser.parameters()) / 1e6
        losses = validation(model, molecules, options.validation_molecules)
        rows.append((name, f"{weights:.2f}", str(run.step), *losses, *quality(model, options.n)))
        print(rows[-1], flush=True)
    below = [f"σ < {edge:g}" for edge in SIGMA_BINS[1:]]
    columns = ("look-up: stable", "valid", "own bonds: stable", "valid", "bond lengths, Å")
    head = ("recipe", "M weights", "steps", "validation loss", *below, *columns)
    print(Table(f"{options.minutes:g} minutes of each", head, tuple(rows)).markdown())
