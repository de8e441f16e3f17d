"""Text2Data: the conditional loss falls while the unconditional one stays where pretraining left it."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from t2d_mol.errors import UsageError
from t2d_mol.text2data.constraint import SCOPES, RunningMean, combine
from t2d_mol.text2data.methods.plain import Loss, Plain
from t2d_mol.text2data.optimiser import ADAMS, METRICS, adam_metric


class Lexicographic(Plain):
    """Descends on L2 subject to L1' ≤ γξ, ξ being what pretraining reached (Wang et al., AAAI 2025, Algorithm 1).

    Attributes:
        gamma: γ, slack of the constraint; 1 asks for ξ itself.
        alpha, beta: how fast L1' is to return to γξ, see `combine`.
        scope, metric: see `combine`.
        memory: share of its past in the running mean of L1' that is held against γξ; 0 takes each batch's.
        every: steps between two looks at the constraint while it is slack, that is λ = 0; at every step while it is not.
        batches: of unlabelled data that ξ is the mean over.
        xi: ξ, once prepared.
    """

    def __init__(
        self,
        gamma: float = 1.0,
        alpha: float = 1.0,
        beta: float = 1.0,
        scope: str = "global",
        metric: str = "plain",
        memory: float = 0.0,
        every: int = 1,
        batches: int = 200,
    ) -> None:
        super().__init__()
        if scope not in SCOPES or metric not in METRICS:
            raise UsageError(
                f"no constraint with scope {scope!r} and metric {metric!r}",
                f"scopes: {', '.join(SCOPES)}; metrics: {', '.join(METRICS)}",
            )
        if min(gamma, alpha, beta) <= 0 or not 0 <= memory < 1:
            raise UsageError(
                f"no constraint with gamma {gamma}, alpha {alpha}, beta {beta} and memory {memory}",
                "gamma, alpha and beta must be positive, the memory at least 0 and below 1",
            )
        self.gamma, self.alpha, self.beta, self.scope, self.metric = gamma, alpha, beta, scope, metric
        self.every, self.batches, self.xi, self._mean = every, batches, 0.0, RunningMean(memory)
        self._optimiser: torch.optim.Optimizer | None = None
        self._slack = False

    def prepare(self, parameters: Sequence[nn.Parameter], pretraining: Callable[[int], Tensor]) -> None:
        """Estimate ξ; see `Plain.prepare`."""
        super().prepare(parameters, pretraining)
        with torch.no_grad():
            losses = [pretraining(number) for number in range(self.batches)]
        self.xi = float(torch.stack(losses).mean())
        self.bound = self.gamma * self.xi

    def attach(self, optimiser: torch.optim.Optimizer) -> None:
        """See the optimiser that will step, for Adam's metric.

        Raises:
            UsageError: if there is no Adam for it.
        """
        if self.metric == "adam" and not isinstance(optimiser, ADAMS):
            raise UsageError(f"{type(optimiser).__name__} does not step in Adam's metric", 'take metric="plain"')
        self._optimiser = optimiser

    def state(self) -> dict[str, Any]:
        """Return the running mean of L1', whether the constraint was slack, and γξ."""
        return {"mean": self._mean.value, "slack": self._slack, "bound": self.bound}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` returned.

        Raises:
            UsageError: if γξ was another.
        """
        if not math.isclose(held := state.get("bound", self.bound), self.bound, rel_tol=0.01):
            raise UsageError(f"the run was begun with L1' held at {held:.4f}, not {self.bound:.4f}", "start anew")
        self._mean.value, self._slack = state.get("mean"), state.get("slack", False)

    def backward(self, step: int, conditional: Loss, unconditional: Loss) -> dict[str, float]:
        """Leave the gradients of a step; see `Plain.backward`."""
        metrics = super().backward(step, conditional, unconditional)
        if self._slack and step % self.every:
            return metrics
        gradients = self._taken()
        free = self.descend(unconditional)
        others, metric = self._taken(), None
        if self.metric == "adam" and self._optimiser is not None:
            metric = adam_metric(self._optimiser, gradients, others)
        combined = combine(
            gradients, others, self._mean(free), self.bound,
            alpha=self.alpha, beta=self.beta, scope=self.scope, metric=metric,
        )  # fmt: skip
        self._slack = combined.multiplier == 0
        for parameter, gradient in zip(self.parameters, combined.gradients, strict=True):
            parameter.grad = gradient
        looked = {
            "unconditional": free,
            "lambda": combined.multiplier,
            "phi": combined.phi,
            "unconditional_norm": combined.norm,
            "cosine": combined.cosine,
            "violated": float(combined.violated),
        }
        return metrics | looked

    def _taken(self) -> list[Tensor | None]:
        gradients = [parameter.grad for parameter in self.parameters]
        for parameter in self.parameters:
            parameter.grad = None
        return gradients
