"""Quality of unconditional molecules against calls of the denoiser, for every solver.

python benchmarks/solvers.py -n 400 --steps 10 20 30 50 100 250
"""

import argparse
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import torch

from t2d_mol.config import SamplingConfig
from t2d_mol.diffusion.sampler import SOLVERS
from t2d_mol.evaluation.score import Entry, Scorer
from t2d_mol.evaluation.summary import figures
from t2d_mol.evaluation.tables import Table
from t2d_mol.generation import Model
from t2d_mol.molecule import GeneratedMolecule, Prompt

FIGURES = ("lookup.atom_stable", "lookup.molecule_stable", "lookup.valid", "bonds.molecule_stable", "bonds.valid")
COLUMNS = ("look-up: atoms stable", "molecules stable", "valid", "own bonds: stable", "valid")


def rates(made: Iterable[GeneratedMolecule]) -> tuple[str, ...]:
    """Return the rates of `FIGURES` of molecules, in %."""
    found = figures(list(Scorer()(Entry(number, generated.molecule) for number, generated in enumerate(made, 1))))
    return tuple(f"{100 * found[name].value:.1f}" for name in FIGURES)


def row(model: Model, config: SamplingConfig, count: int) -> tuple[str, ...]:
    """Return the row of one solver at one number of calls."""
    began = time.monotonic()
    made = list(model.sample([(0, Prompt(""))], count, config))
    seconds = time.monotonic() - began
    return config.solver, str(config.steps), *rates(made), f"{seconds / count:.2f}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=400)
    parser.add_argument("--steps", type=int, nargs="+", default=[10, 20, 30, 50, 100, 250])
    parser.add_argument("--solvers", nargs="+", default=list(SOLVERS))
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--clamp", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--checkpoint", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    loaded = Model.load(options.checkpoint)
    base = SamplingConfig(seed=options.seed, repairs=0, temperature=options.temperature, clamp_below=options.clamp)
    rows = tuple(
        row(loaded, replace(base, solver=solver, steps=steps), options.n)
        for solver in options.solvers
        for steps in options.steps
    )
    head = ("solver", "calls", *COLUMNS, "s a molecule")
    print(Table(f"{options.n} molecules a row, in %", head, rows).markdown())
