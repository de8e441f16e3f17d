"""The constraint as an optimiser around any of torch's, and one training step with it, for any model."""

from collections.abc import Callable, Iterable
from typing import Any, Final

import torch
from torch import Tensor, nn

from t2d_mol.errors import UsageError
from t2d_mol.text2data.constraint import SCOPES, Combined, RunningMean, combine
from t2d_mol.text2data.processes import averaged

METRICS: Final = ("plain", "adam")
"""In what gradients are measured: as they are, or divided by Adam's running root mean squares."""

ADAMS: Final = (torch.optim.Adam, torch.optim.AdamW, torch.optim.NAdam)
"""Optimisers whose steps Adam's metric describes."""


class Constraint(torch.optim.Optimizer):
    """Text2Data's lexicographic optimiser: minimises L2 while L1' stays at γξ (Wang et al., AAAI 2025, Algorithm 1).

    One step takes two backward passes. After that of L2 call `hold`, after that of L1' `constrained_step`; of either several
    may be accumulated. `run_step` does all of it for one batch. Learning-rate schedulers, `state_dict` and parameter groups
    are those of the optimiser inside, which must step without a closure.
    """

    def __init__(
        self,
        params: Iterable[Any],
        base_optimizer: type[torch.optim.Optimizer],
        alpha: float = 1.0,
        beta: float = 1.0,
        scope: str = "global",
        metric: str = "plain",
        max_norm: float | None = None,
        memory: float = 0.0,
        **kwargs: Any,
    ) -> None:
        """Wrap an optimiser.

        Args:
            params: parameters or parameter groups.
            base_optimizer: class of the optimiser inside.
            alpha, beta: the method's positive constants (equation 8).
            scope: "global" for one λ, "tensor" for one λ for each tensor.
            metric: "plain", or "adam" to take λ in the metric of an Adam inside, in which it steps.
            max_norm: largest norm of the combined gradient; None does not clip.
            memory: share of its past in the running mean of L1' that is held against the bound; 0 takes each batch's.
            kwargs: of the optimiser inside.

        Raises:
            UsageError: if a constant is not positive, or there is no such scope or metric, or no Adam inside for it.
        """
        if scope not in SCOPES or metric not in METRICS:
            raise UsageError(
                f"no scope {scope!r} with metric {metric!r}", f"scopes: {', '.join(SCOPES)}; metrics: {', '.join(METRICS)}"
            )
        if not (alpha > 0 and beta > 0 and 0 <= memory < 1):
            raise UsageError("alpha and beta must be positive and memory at least 0 and below 1")
        self.base = base_optimizer(params, **kwargs)
        self.alpha, self.beta, self.scope, self.metric, self.max_norm = alpha, beta, scope, metric, max_norm
        if metric == "adam" and not isinstance(self.base, ADAMS):
            raise UsageError(f"{base_optimizer.__name__} does not step in Adam's metric", 'take metric="plain"')
        super().__init__(self.base.param_groups, self.base.defaults)
        self.param_groups, self.state = self.base.param_groups, self.base.state
        self._held: list[Tensor | None] | None = None
        self._mean = RunningMean(memory)

    @property
    def parameters(self) -> list[nn.Parameter]:
        """All parameters, in the order of their groups."""
        return [parameter for group in self.param_groups for parameter in group["params"]]

    def hold(self) -> None:
        """Take the gradients that lie in the parameters as ∇L2 and clear them."""
        self._held = [None if parameter.grad is None else parameter.grad.clone() for parameter in self.parameters]
        for parameter in self.parameters:
            parameter.grad = None

    def constrained_step(self, unconditional_loss: float | Tensor, bound: float) -> Combined:
        """Combine what `hold` took with ∇L1', which now lies in the parameters, and step.

        Where processes train together, gradients must be averaged over them, as DistributedDataParallel does; the loss is
        averaged here, so that all take the same step.

        Args:
            unconditional_loss: L1' of the step.
            bound: γξ.

        Returns:
            The combination.

        Raises:
            UsageError: if nothing was held.
        """
        if self._held is None:
            raise UsageError("the gradients of L2 are missing", "call hold after their backward pass")
        held, self._held = self._held, None
        metric = adam_metric(self) if self.metric == "adam" else None
        combined = combine(
            held, [parameter.grad for parameter in self.parameters], self._level(unconditional_loss), bound,
            alpha=self.alpha, beta=self.beta, scope=self.scope, metric=metric,
        )  # fmt: skip
        for parameter, gradient in zip(self.parameters, combined.gradients, strict=True):
            parameter.grad = gradient
        if self.max_norm is not None:
            nn.utils.clip_grad_norm_(self.parameters, self.max_norm)
        self.step()
        return combined

    def step(self, closure: Any = None) -> Any:
        """Step along the gradients that lie in the parameters, without constraint."""
        return self.base.step(closure)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear the gradients, the held ones too."""
        self._held = None
        self.base.zero_grad(set_to_none)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the optimiser inside, with the running mean of L1'."""
        return {**self.base.state_dict(), "mean": self._mean.value}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load what `state_dict` returned."""
        self._mean.value = state_dict.get("mean")
        self.base.load_state_dict({key: value for key, value in state_dict.items() if key != "mean"})
        self.param_groups, self.state = self.base.param_groups, self.base.state

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__.copy()

    def _level(self, loss: float | Tensor) -> float:
        """Return the loss that is held against the bound: averaged over processes and, with a memory, over steps."""
        return self._mean(averaged(loss, self.parameters[0].device))


def adam_metric(optimiser: torch.optim.Optimizer) -> list[Tensor | None]:
    """Return by how much an Adam multiplies each gradient, by its second moments as they were after its last step.

    One tensor per parameter in the order of the groups, None before the first step; groups that learn faster count for more.
    """
    fastest = max(group["lr"] for group in optimiser.param_groups) or 1.0
    scales: list[Tensor | None] = []
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            state = optimiser.state.get(parameter, {})
            if "exp_avg_sq" not in state:
                scales.append(None)
                continue
            moment = state.get("max_exp_avg_sq", state["exp_avg_sq"]).float()
            corrected = moment / (1 - group["betas"][1] ** float(state["step"]))
            scales.append(group["lr"] / fastest / (corrected.sqrt() + group["eps"]))
    return scales


def run_step(
    optimizer: Constraint,
    g_constraint: float,
    model: Callable[..., Tensor],
    cond: Any,
    data: Any,
    label: Any,
    loss_fn: Callable[..., Tensor],
) -> Combined:
    """Take one step of Text2Data's finetuning.

    Args:
        optimizer: around the model's parameters.
        g_constraint: γξ, the level the unconditional loss should stay at.
        model: called as `model(data, cond)`, and as `model(data, None)` for the unconditional pass; a module, or any
            function of two arguments. What it draws at random from torch's generators is drawn alike in both passes.
        cond: conditions.
        data: inputs.
        label: what the outputs are held against.
        loss_fn: from outputs and labels to a scalar.

    Returns:
        What decided the step: λ, φ, the norm of ∇L1', its cosine with ∇L2 and whether the constraint was violated.
    """
    optimizer.zero_grad()
    before = _random_state()
    _backward(loss_fn(model(data, cond), label))
    optimizer.hold()
    after = _random_state()
    _set_random_state(before)
    unconditional = loss_fn(model(data, None), label)
    _set_random_state(after)
    _backward(unconditional)
    return optimizer.constrained_step(unconditional.detach(), g_constraint)


def _backward(loss: Tensor) -> None:
    loss.backward()  # type: ignore[no-untyped-call]


def _random_state() -> tuple[Tensor, list[Tensor]]:
    return torch.get_rng_state(), torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []


def _set_random_state(state: tuple[Tensor, list[Tensor]]) -> None:
    torch.set_rng_state(state[0])
    if state[1]:
        torch.cuda.set_rng_state_all(state[1])
