"""At which noise levels quality is lost: real molecules, noised to a level, are denoised along the rest of the grid.

Below the levels at which bonds are decided they are kept, and what is lost by the look-up rule is lost by lengths alone.

python benchmarks/noised_again.py --data data/qm9.safetensors -n 500 --levels 0.3 0.6 1 2 6
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from t2d_mol.chem.graph import is_closed
from t2d_mol.chem.lookup import lookup_stable_atoms
from t2d_mol.diffusion.process import Process
from t2d_mol.diffusion.sampler import Sampler, molecule_seed
from t2d_mol.evaluation.tables import Table
from t2d_mol.generation import Model
from t2d_mol.molecule import Molecule
from t2d_mol.padding import batches_by_size, pad, unpad
from t2d_mol.qm9.dataset import Molecules
from t2d_mol.qm9.splits import Split

HEAD = (
    "noised to σ",
    "grid",
    "calls",
    "bonds kept",
    "stable by look-up",
    "of those with kept bonds",
    "own bonds add up",
    "error, Å",
)


def denoised_again(
    model: Model, molecules: Sequence[Molecule], level: float, steps: int
) -> tuple[list[Molecule], list[float]]:
    """Return the molecules noised to the lowest level of the grid from `level` upwards and denoised, and the levels."""
    process = Process(model.checkpoint.config.diffusion)
    process.schedule = replace(process.schedule, repaired_from=level)
    sampler, made = Sampler(process, steps), list(molecules)
    for places in batches_by_size(molecules, 32):
        start = pad([molecules[place] for place in places])
        generators = [torch.Generator().manual_seed(molecule_seed(0, place, 0)) for place in places]
        with torch.no_grad():
            found = unpad(sampler(model.denoiser, start.mask, generators, start=start))
        for place, molecule in zip(places, found, strict=True):
            made[place] = molecule
    return made, process.schedule.repair_grid(steps)


def row(real: Sequence[Molecule], made: Sequence[Molecule]) -> tuple[str, ...]:
    """Return the cells of molecules denoised again, beside what they were."""
    kept = np.array([np.array_equal(one.bonds, other.bonds) for one, other in zip(real, made, strict=True)])
    stable = np.array([lookup_stable_atoms(molecule).all() for molecule in made])
    closed = np.array([is_closed(molecule) for molecule in made])
    errors = [
        bond_lengths(one, one) - bond_lengths(one, other) for one, other, same in zip(real, made, kept, strict=True) if same
    ]
    error = f"{np.sqrt(np.square(np.concatenate(errors)).mean()):.4f}" if errors else "-"
    of_kept = f"{100 * stable[kept].mean():.1f}" if kept.any() else "-"
    return *(f"{100 * share.mean():.1f}" for share in (kept, stable)), of_kept, f"{100 * closed.mean():.1f}", error


def bond_lengths(bonded: Molecule, placed: Molecule) -> NDArray[np.float32]:
    """Return the lengths in Å that bonds of one molecule, those to hydrogen aside, have at the positions of another."""
    assert bonded.bonds is not None
    heavy = bonded.numbers > 1
    left, right = np.nonzero(np.triu(bonded.bonds) * heavy * heavy[:, None])
    lengths: NDArray[np.float32] = np.linalg.norm(placed.positions[left] - placed.positions[right], axis=-1)
    return lengths


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/qm9.safetensors"))
    parser.add_argument("-n", type=int, default=500)
    parser.add_argument("--levels", type=float, nargs="+", default=[0.3, 0.6, 1.0, 2.0, 6.0])
    parser.add_argument("--steps", type=int, nargs="+", default=[20, 50])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--checkpoint", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    loaded, data = Model.load(options.checkpoint), Molecules.load(options.data)
    chosen = np.random.default_rng(0).permutation(data.select(Split.TEST))[: options.n]
    real = [data[int(index)] for index in chosen]
    rows = [("0", "-", "0", *row(real, real))]
    for steps in options.steps:
        for level in options.levels:
            made, levels = denoised_again(loaded, real, level, steps)
            rows.append((f"{levels[0]:.2f}", str(steps), str(len(levels) - 1), *row(real, made)))
    print(Table(f"{options.n} molecules of the test split, in %", HEAD, tuple(rows)).markdown())
