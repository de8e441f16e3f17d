"""Algorithm 1 of Text2Data: the direction of descent for L2 subject to L1' ≤ γξ."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from t2d_mol.errors import unknown

SCOPES: Final = ("global", "tensor")
"""One λ for all parameters, as the paper has it, or one for each tensor, as its published code does."""

Gradients = Sequence[Tensor | None]


@dataclass
class RunningMean:
    """The L1' that is held against the bound: each batch's, or a running mean of them, which is less noisy.

    Attributes:
        memory: share of its past in the mean; 0 takes each batch's.
        value: the mean so far, None before the first.
    """

    memory: float = 0.0
    value: float | None = None

    def __call__(self, loss: float) -> float:
        """Take a loss in and return the mean; without a memory, or where the loss is not finite, that loss."""
        if not self.memory or not math.isfinite(loss):
            return loss
        self.value = loss if self.value is None else self.memory * self.value + (1 - self.memory) * loss
        return self.value


@dataclass(frozen=True, eq=False)
class Combined:
    """The combined gradient of a step and what decided it.

    Attributes:
        gradients: ∇L2 + λ ∇L1', one per parameter; None where both were None.
        multiplier: λ; of several the mean over the tensors ∇L1' touches.
        phi: φ, likewise.
        norm: ‖∇L1'‖, in the metric.
        cosine: between ∇L2 and ∇L1', in the metric.
        violated: whether L1' exceeded γξ.
    """

    gradients: list[Tensor | None]
    multiplier: float
    phi: float
    norm: float
    cosine: float
    violated: bool


@dataclass(frozen=True, eq=False)
class Products:
    """Inner products of ∇L2 and ∇L1' in a metric P, (T,) of the tensors they are taken over.

    Attributes:
        inner: ∇L2ᵀ P ∇L1'.
        squared: ∇L1'ᵀ P ∇L1'.
        other: ∇L2ᵀ P ∇L2.
    """

    inner: Tensor
    squared: Tensor
    other: Tensor

    @classmethod
    def of(cls, conditional: Gradients, unconditional: Gradients, metric: Gradients | None = None) -> "Products":
        """Take them of each tensor; a gradient that is None counts as zero, a metric that is None as the identity."""
        weights = metric or [None] * len(conditional)
        known = next((gradient for gradient in (*conditional, *unconditional) if gradient is not None), torch.zeros(()))
        zero = torch.zeros((), device=known.device)
        rows = [_products(a, b, p, zero) for a, b, p in zip(conditional, unconditional, weights, strict=True)]
        return cls(*torch.stack(rows, 1)) if rows else cls(*torch.zeros(3, 0))

    def summed(self) -> "Products":
        """Return those of all tensors together, as one."""
        return Products(*(part.sum(0, keepdim=True) for part in (self.inner, self.squared, self.other)))


def combine(
    conditional: Gradients,
    unconditional: Gradients,
    unconditional_loss: float,
    bound: float,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    scope: str = "global",
    metric: Gradients | None = None,
) -> Combined:
    """Combine the gradients of the conditional loss L2 and the unconditional loss L1'.

    φ = min(α (L1' − γξ), β ‖∇L1'‖²), λ = max((φ − ∇L2 · ∇L1') / ‖∇L1'‖², 0), direction ∇L2 + λ ∇L1'
    (equation 8 and Algorithm 1). Where the constraint holds with room to spare and the gradients agree, λ is 0.

    An optimiser that steps along P times the gradient, P being a positive diagonal, lowers L1' at the rate φ if the products
    are taken in P: λ = (φ − ∇L1'ᵀ P ∇L2) / (∇L1'ᵀ P ∇L1').

    Args:
        conditional: ∇L2, one per parameter; None where the pass does not touch it.
        unconditional: ∇L1', likewise.
        unconditional_loss: L1' of this step.
        bound: γξ, the level L1' should stay at.
        alpha, beta: the method's positive constants.
        scope: one of `SCOPES`.
        metric: the diagonal of P, one tensor per parameter, None for ones.

    Returns:
        The combined gradients. Where a gradient is not finite, or ∇L1' is 0, they are ∇L2 with λ = 0.

    Raises:
        UsageError: if there is no such scope.
    """
    if scope not in SCOPES:
        raise unknown("scope", scope, SCOPES)
    each = Products.of(conditional, unconditional, metric)
    whole = each.summed()
    over = each if scope == "tensor" else whole
    phi = torch.clamp(beta * over.squared, max=alpha * (unconditional_loss - bound))
    sound = torch.isfinite(over.inner + over.squared + over.other + phi) & (over.squared > 0)
    multipliers = torch.where(sound, ((phi - over.inner) / over.squared).clamp(min=0), 0.0)
    inner, squared, other = (float(part) for part in (whole.inner, whole.squared, whole.other))
    length = (squared * other) ** 0.5
    return Combined(
        gradients=_added(conditional, unconditional, multipliers.expand(len(each.inner)).tolist()),
        multiplier=_mean(multipliers, sound),
        phi=_mean(phi, sound | (scope == "global")),
        norm=squared**0.5,
        cosine=inner / length if 0 < length < float("inf") else 0.0,
        violated=unconditional_loss > bound,
    )


def _products(a: Tensor | None, b: Tensor | None, weight: Tensor | None, zero: Tensor) -> Tensor:
    """Return the inner, squared and other product (3,) of one tensor's gradients."""
    scaled = None if b is None else b.float() if weight is None else b.float() * weight
    other = None if a is None else a.float() if weight is None else a.float() * weight
    return torch.stack([
        zero if a is None or scaled is None else (a.float() * scaled).sum(),
        zero if b is None or scaled is None else (b.float() * scaled).sum(),
        zero if a is None or other is None else (a.float() * other).sum(),
    ])  # fmt: skip


def _added(first: Gradients, second: Gradients, multipliers: Iterable[float]) -> list[Tensor | None]:
    """Return first + λ second, tensor by tensor."""
    added: list[Tensor | None] = []
    for a, b, multiplier in zip(first, second, multipliers, strict=True):
        if b is None or multiplier == 0.0:
            added.append(a)
        else:
            added.append(multiplier * b if a is None else a + multiplier * b)
    return added


def _mean(values: Tensor, counted: Tensor) -> float:
    return float(values[counted].mean()) if bool(counted.any()) else 0.0
