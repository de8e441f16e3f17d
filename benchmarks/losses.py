"""Validation losses of checkpoints side by side, given earlier estimates as samplers give them: is a mean of runs any good?

python benchmarks/losses.py runs/a/last.safetensors runs/b/last.safetensors --data data/qm9.safetensors
"""

import argparse
from pathlib import Path

import torch

from t2d_mol.checkpoint import Checkpoint
from t2d_mol.config import TrainingConfig
from t2d_mol.evaluation.tables import Table
from t2d_mol.qm9.dataset import Molecules
from t2d_mol.training.finetune import Finetuning
from t2d_mol.training.pretrain import validation_loss

SHIFTED = ("loss", "positions", "types", "bonds")


def losses(checkpoint: Checkpoint, molecules: Molecules, training: TrainingConfig) -> list[float]:
    """Return the loss with prompts, that without, and that without under shifted noise with its parts."""
    objective = Finetuning(checkpoint, molecules, training, seed=0, bf16=False)
    found = objective.validate()
    shifted = validation_loss(objective.loss, objective.validation)
    return [found["loss"], found["unconditional_loss"], *(shifted[name] for name in SHIFTED)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoints", type=Path, nargs="+", help="finetuned ones, which know prompts")
    parser.add_argument("--data", type=Path, default=Path("data/qm9.safetensors"))
    parser.add_argument("--validation-molecules", type=int, default=1024)
    parser.add_argument("--noise-shift", type=float, default=0.4)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    molecules = Molecules.load(options.data)
    asked = TrainingConfig(
        method="plain", noise_shift=options.noise_shift, validation_molecules=options.validation_molecules
    )
    rows = [
        (str(path), *(f"{value:.4f}" for value in losses(Checkpoint.load(path), molecules, asked)))
        for path in options.checkpoints
    ]
    shift = f"shifted by {options.noise_shift:g}"
    head = ("checkpoint", f"with prompts, {shift}", "without", f"without, {shift}", *SHIFTED[1:])
    title = f"Losses of {options.validation_molecules} validation molecules"
    print(Table(title, head, tuple(rows)).markdown())
