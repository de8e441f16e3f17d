"""Unordered pairs of atoms: what is the same for (i, j) and (j, i) is computed once, on the upper triangle.

Shape letters: B molecules, N atoms, P = N(N + 1) / 2 unordered pairs, the diagonal included, C channels.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True, eq=False)
class UnorderedPairs:
    """The places of unordered pairs among the N·N ordered ones.

    Attributes:
        upper, lower: (P,) where (i, j) and (j, i) lie, i ≤ j.
        number: (N·N,) the unordered pair of each ordered one.
        ends: (P, N) how often each atom is an end of each pair.
    """

    upper: Tensor
    lower: Tensor
    number: Tensor
    ends: Tensor

    @classmethod
    def of(cls, size: int, device: torch.device) -> "UnorderedPairs":
        """Return the pairs of N = size atoms."""
        return _pairs_of(size, device)

    def pick(self, pairs: Tensor) -> Tensor:
        """Take one of both orders of every pair: (B, N, N, …) to (B, P, …)."""
        return pairs.flatten(1, 2).index_select(1, self.upper)

    def fold(self, pairs: Tensor) -> Tensor:
        """Add up both orders of every pair: (B, N, N, C) to (B, P, C); the diagonal counts once. The adjoint of `spread`."""
        return _Fold.apply(pairs, self.upper, self.lower, self.number)  # type: ignore[no-any-return, no-untyped-call]

    def spread(self, unordered: Tensor) -> Tensor:
        """Give both orders of every pair its value: (B, P, C) to (B, N, N, C)."""
        return _Spread.apply(unordered, self.upper, self.lower, self.number)  # type: ignore[no-any-return, no-untyped-call]

    def sums(self, atoms: Tensor) -> Tensor:
        """Add up the features of both atoms of every pair: (B, N, C) to (B, P, C)."""
        return self.ends.to(atoms.dtype) @ atoms


@lru_cache(maxsize=64)
@torch.inference_mode(False)
def _pairs_of(size: int, device: torch.device) -> UnorderedPairs:
    ends = torch.triu_indices(size, size, device=device)
    first, second = ends
    number = torch.zeros(size, size, dtype=torch.long, device=device)
    number[first, second] = number[second, first] = torch.arange(len(first), device=device)
    incidence = F.one_hot(ends, size).sum(0).float()
    return UnorderedPairs(first * size + second, second * size + first, number.flatten(), incidence)


def _fold(pairs: Tensor, upper: Tensor, lower: Tensor) -> Tensor:
    flat = pairs.flatten(1, 2)
    once = (upper != lower).to(pairs.dtype)[:, None]
    return torch.addcmul(flat.index_select(1, upper), flat.index_select(1, lower), once)


def _spread(unordered: Tensor, number: Tensor) -> Tensor:
    size = round(len(number) ** 0.5)
    return unordered.index_select(1, number).view(len(unordered), size, size, -1)


class _Fold(torch.autograd.Function):
    """`fold` with its gradient as a gather: scattering is slow on CPUs."""

    @staticmethod
    def forward(ctx: Any, pairs: Tensor, upper: Tensor, lower: Tensor, number: Tensor) -> Tensor:
        ctx.save_for_backward(number)
        return _fold(pairs, upper, lower)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        return _spread(gradient, *ctx.saved_tensors), None, None, None


class _Spread(torch.autograd.Function):
    """`spread` with its gradient as a gather."""

    @staticmethod
    def forward(ctx: Any, unordered: Tensor, upper: Tensor, lower: Tensor, number: Tensor) -> Tensor:
        ctx.save_for_backward(upper, lower)
        return _spread(unordered, number)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        return _fold(gradient, *ctx.saved_tensors), None, None, None
