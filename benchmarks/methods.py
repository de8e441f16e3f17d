"""What a step of each finetuning method costs, in steps of plain descent, on the bundled model. Run by `make bench`."""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from t2d_mol.checkpoint import Checkpoint
from t2d_mol.chem.annotation import annotate
from t2d_mol.cli.options import pick_bf16
from t2d_mol.config import TrainingConfig
from t2d_mol.generation import BUNDLED
from t2d_mol.qm9.archive import prepare
from t2d_mol.qm9.dataset import Molecules
from t2d_mol.training.finetune import METHODS, Finetuning

FIXTURE = Path(__file__).parents[1] / "data" / "fixture"
VARIANTS = {name: {"method": name} for name in ("plain", *(name for name in METHODS if name != "plain"))} | {
    "lexicographic, per tensor": {"method": "lexicographic", "scope": "tensor"},
    "lexicographic, Adam's metric": {"method": "lexicographic", "metric": "adam"},
    "lexicographic, unlabelled": {"method": "lexicographic", "constraint_data": "unlabelled"},
}


@dataclass
class Timed:
    """A method's finetuning and the seconds its steps have taken."""

    objective: Finetuning
    optimiser: torch.optim.Optimizer
    seconds: float = 0.0

    def step(self, number: int) -> None:
        """Take a step; the first one only warms up."""
        began = time.perf_counter()
        self.optimiser.zero_grad(set_to_none=True)
        self.objective.backward(number)
        torch.nn.utils.clip_grad_norm_(self.objective.network.parameters(), 1.0)
        self.optimiser.step()
        if number:
            self.seconds += time.perf_counter() - began


def timed(base: Checkpoint, molecules: Molecules, how: dict[str, str]) -> Timed:
    """Return a method ready to be timed."""
    training = TrainingConfig(steps=1, **how)  # type: ignore[arg-type]
    objective = Finetuning(base, molecules, training, seed=0, bf16=pick_bf16("auto", "cpu", training=True))
    optimiser = torch.optim.AdamW(objective.network.parameters(), 1e-6, fused=True)
    objective.attach(optimiser)
    return Timed(objective, optimiser)


def main() -> None:
    """Print the table; methods take turns step by step, on equal batches, so that a busy machine slows all alike."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=12)
    steps = parser.parse_args().steps
    molecules = prepare(FIXTURE / "fixture.xyz.tar.bz2", FIXTURE / "uncharacterized.txt", annotate)
    base = Checkpoint.load(BUNDLED)
    methods = {name: timed(base, molecules, how) for name, how in VARIANTS.items()}
    for number in range(steps + 1):
        for method in methods.values():
            method.step(number)
    print(f"{'finetuning step, small':32}{'ms':>8}{'plain steps':>13}")
    for name, method in methods.items():
        print(f"{name:32}{1000 * method.seconds / steps:8.0f}{method.seconds / methods['plain'].seconds:13.2f}")


if __name__ == "__main__":
    main()
