"""Algorithm 1 of Text2Data: the direction of descent for L2 subject to L1' ≤ γξ, with one global λ."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Combined:
    """The combined gradient of a step and what decided it.

    Attributes:
        gradients: ∇L2 + λ ∇L1', one per parameter; None where both were None.
        multiplier: λ.
        phi: φ.
        norm: ‖∇L1'‖.
        cosine: between ∇L2 and ∇L1'.
        violated: whether L1' exceeded γξ.
    """

    gradients: list[Tensor | None]
    multiplier: float
    phi: float
    norm: float
    cosine: float
    violated: bool


def combine(
    conditional: Sequence[Tensor | None],
    unconditional: Sequence[Tensor | None],
    unconditional_loss: float,
    bound: float,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
) -> Combined:
    """Combine the gradients of the conditional loss L2 and the unconditional loss L1'.

    φ = min(α (L1' − γξ), β ‖∇L1'‖²), λ = max((φ − ∇L2 · ∇L1') / ‖∇L1'‖², 0), direction ∇L2 + λ ∇L1'
    (equation 8 and Algorithm 1). Where the constraint holds with room to spare and the gradients agree, λ is 0.

    Args:
        conditional: ∇L2, one per parameter; None where the pass does not touch it.
        unconditional: ∇L1', likewise.
        unconditional_loss: L1' of this step.
        bound: γξ, the level L1' should stay at.
        alpha, beta: the method's positive constants.

    Returns:
        The combined gradients. If either gradient is not finite, or ∇L1' is 0, they are ∇L2 with λ = 0.
    """
    device = next((g.device for g in (*conditional, *unconditional) if g is not None), None)
    zero = torch.zeros((), device=device)
    pairs = list(zip(conditional, unconditional, strict=True))
    dot = sum(((a.float() * b.float()).sum() for a, b in pairs if a is not None and b is not None), zero)
    square = sum((g.float().square().sum() for g in unconditional if g is not None), zero)
    other = sum((g.float().square().sum() for g in conditional if g is not None), zero)
    inner, squared, length = float(dot), float(square), float(other.sqrt())
    phi = min(alpha * (unconditional_loss - bound), beta * squared)
    finite = all(map(torch.isfinite, (dot, square, other))) and squared > 0
    multiplier = max((phi - inner) / squared, 0.0) if finite else 0.0
    return Combined(
        gradients=[_sum(a, b, multiplier) for a, b in pairs],
        multiplier=multiplier,
        phi=phi,
        norm=squared**0.5,
        cosine=inner / (squared**0.5 * length) if finite and length > 0 else 0.0,
        violated=unconditional_loss > bound,
    )


def _sum(first: Tensor | None, second: Tensor | None, multiplier: float) -> Tensor | None:
    if second is None or multiplier == 0.0:
        return first
    return multiplier * second if first is None else first + multiplier * second
