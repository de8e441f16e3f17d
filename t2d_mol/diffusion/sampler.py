"""Sampling: from noise to molecules along a grid of noise levels, with randomness that belongs to each molecule alone."""

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from t2d_mol.denoising import Denoiser, Estimate, Memory, Noisy, centred
from t2d_mol.diffusion.process import Process, State
from t2d_mol.diffusion.steering import Steering
from t2d_mol.elements import BOND_ORDERS, SYMBOLS
from t2d_mol.molecule import MoleculeBatch


def molecule_seed(seed: int, row: int, k: int, attempt: int = 0) -> int:
    """Return the seed of molecule k of prompt row `row`: all its randomness depends on these alone."""
    place = f"{seed}/{row}/{k}" + (f"/{attempt}" if attempt else "")
    digest = hashlib.blake2b(place.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def draw_noise(generators: Sequence[Generator], mask: Tensor) -> State:
    """Draw unit noise.

    Each molecule's noise is drawn on the CPU at its own size n and then padded, so it depends neither on the padded size nor
    on the other molecules. Positions have centroid 0; bonds are symmetric with an empty diagonal.
    """
    b, n = mask.shape
    types, bonds = len(SYMBOLS), len(BOND_ORDERS)
    atoms, pairs = torch.zeros(b, n, 3 + types), torch.zeros(b, n, n, bonds)
    for index, (generator, size) in enumerate(zip(generators, mask.sum(1).tolist(), strict=True)):
        draw = torch.randn(size * (3 + types) + size * size * bonds, generator=generator)
        atoms[index, :size] = draw[: size * (3 + types)].view(size, -1)
        pairs[index, :size, :size] = draw[size * (3 + types) :].view(size, size, -1)
    upper = torch.triu(torch.ones(n, n), 1)[..., None] * pairs
    atoms, pairs = atoms.to(mask.device), (upper + upper.transpose(1, 2)).to(mask.device)
    return State(centred(atoms[..., :3], mask), atoms[..., 3:], pairs)


@dataclass(frozen=True)
class Solver:
    """How a sample is moved from one noise level to the next, by estimates already made.

    Attributes:
        order: 2 extrapolates from the last two estimates (Lu et al., DPM-Solver++, 2022), at no further call.
        stochasticity: noise added while stepping; 0 follows the probability flow, 1 the reverse diffusion, more corrects
            more of what earlier steps got wrong.
        churns: whether each step first raises the noise level (Karras et al., 2022, algorithm 2, without its correction).
            The extrapolation is then that between the levels of the grid: stable, but of no higher order.
    """

    order: int = 1
    stochasticity: float = 0.0
    churns: bool = False


SOLVERS: Final = {
    "euler": Solver(),
    "ancestral": Solver(stochasticity=1.0),
    "dpm++": Solver(order=2),
    "dpm++sde": Solver(order=2, stochasticity=1.0),
    "churn": Solver(churns=True),
    "churn2": Solver(order=2, churns=True),
    "sa": Solver(order=2, stochasticity=2.0),
}
"""The solvers by name."""


@dataclass(frozen=True)
class Sampler:
    """Walks down the schedule's grid of noise levels, one call of the denoiser a step.

    Attributes:
        process: encodes classes and knows the schedule.
        steps: calls of the denoiser, which equal the steps; a repair takes fewer.
        solver: how each step is taken.
        temperature: of the predicted classes; below 1 sharpens them.
        clamp_below: noise level below which predicted classes count as certain (Li et al., Diffusion-LM, 2022).
    """

    process: Process
    steps: int = 50
    solver: Solver = SOLVERS["sa"]
    temperature: float = 1.0
    clamp_below: float = 0.0

    def __call__(
        self,
        denoiser: Denoiser,
        mask: Tensor,
        generators: Sequence[Generator],
        memory: Memory | None = None,
        steering: Steering | None = None,
        start: MoleculeBatch | None = None,
    ) -> MoleculeBatch:
        """Sample a molecule per row of the mask (B, N), row i with the i-th generator; steering replaces the denoiser.

        Molecules to `start` from are repaired: noised to a level that leaves most of their bonds, though seldom the formula,
        from where the rest of the grid is walked down (Meng et al., SDEdit, ICLR 2022).
        """
        schedule, solver = self.process.schedule, self.solver
        levels = schedule.grid(self.steps) if start is None else schedule.repair_grid(self.steps)
        noise = draw_noise(generators, mask)
        if start is None:
            state = State(*(levels[0] * unit for unit in noise))
        else:
            state = self.process.encoded(start).plus(levels[0], noise)
        estimate: Estimate | None = None
        before: State | None = None
        last = levels[0]
        for level, following in itertools.pairwise(levels):
            raised = schedule.churned(level) if solver.churns else level
            if raised > level:
                state = state.plus((raised**2 - level**2) ** 0.5, draw_noise(generators, mask))
            sigma = torch.full((len(mask),), raised, device=mask.device)
            noisy = Noisy(*state, mask, sigma)
            if steering is None:
                estimate = denoiser(noisy, estimate, memory)
            else:
                noisy, estimate = steering(noisy, estimate, memory)
                state = State(noisy.positions, noisy.types, noisy.bonds)
            clean = aim = self.clean(estimate, raised)
            if solver.order == 2 and before is not None:
                aim = before.towards(clean, 1 + schedule.extrapolation(last, level, following))
            kept, added = schedule.step(raised, following, solver.stochasticity)
            state, before, last = aim.towards(state, kept), clean, level
            if added > 0:
                state = state.plus(added, draw_noise(generators, mask))
        assert estimate is not None
        return self.decide(estimate, mask)

    def decide(self, estimate: Estimate, mask: Tensor) -> MoleculeBatch:
        """Return the most probable classes and the positions in Å of an estimate."""
        pairs = (mask[:, :, None] & mask[:, None]) & ~torch.eye(mask.shape[1], dtype=torch.bool, device=mask.device)
        return MoleculeBatch(
            estimate.types.argmax(-1) * mask,
            estimate.positions * self.process.config.position_scale,
            estimate.bonds.argmax(-1) * pairs,
            estimate.charges.argmax(-1),
            mask,
        )

    def clean(self, estimate: Estimate, sigma: float) -> State:
        """Return an estimate as a state: classes in their scaled encoding."""
        return State(
            estimate.positions,
            self.process.one_hot_types(self._probabilities(estimate.types, sigma)),
            self.process.one_hot_bonds(self._probabilities(estimate.bonds, sigma)),
        )

    def _probabilities(self, logits: Tensor, sigma: float) -> Tensor:
        if sigma < self.clamp_below:
            return F.one_hot(logits.argmax(-1), logits.shape[-1]).to(logits.dtype)
        return torch.softmax(logits / self.temperature, -1)
