"""The constraint as an optimiser around any of torch's, and one training step with it, for any model."""

import math
from collections.abc import Callable, Iterable
from typing import Any, Final

import torch
from torch import Tensor, nn

from t2d_mol.errors import UsageError
from t2d_mol.text2data.constraint import SCOPES, Combined, Gradients, RunningMean, combine
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
        averaged here, so that all take the same step. Gradients must be those of the losses: what a GradScaler has
        multiplied must be unscaled before `hold` and before this. No step is taken if the combined gradient is not finite.

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
        free = [parameter.grad for parameter in self.parameters]
        metric = adam_metric(self, held, free) if self.metric == "adam" else None
        combined = combine(
            held, free, self._level(unconditional_loss), bound,
            alpha=self.alpha, beta=self.beta, scope=self.scope, metric=metric,
        )  # fmt: skip
        for parameter, gradient in zip(self.parameters, combined.gradients, strict=True):
            parameter.grad = gradient
        norm = nn.utils.clip_grad_norm_(self.parameters, math.inf if self.max_norm is None else self.max_norm)
        if torch.isfinite(norm):
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


def adam_metric(optimiser: torch.optim.Optimizer, first: Gradients, second: Gradients) -> list[Tensor]:
    """Return by how much an Adam is about to multiply the gradient of each parameter, momentum apart.

    Its second moments are taken as they will be after a step along a gradient whose square is that of both together, so that
    entries which Adam has not seen move yet count as they will move. Groups that learn faster count for more.

    Args:
        optimiser: the Adam.
        first, second: the two gradients, one for each parameter in the order of the groups.
    """
    fastest = max(group["lr"] for group in optimiser.param_groups) or 1.0
    groups = [(group, parameter) for group in optimiser.param_groups for parameter in group["params"]]
    scales = []
    for (group, parameter), *gradients in zip(groups, first, second, strict=True):
        decay, state = group["betas"][1], optimiser.state.get(parameter, {})
        square = torch.zeros_like(parameter, dtype=torch.float32)
        for gradient in gradients:
            if gradient is not None:
                square += gradient.float().square()
        moment = (1 - decay) * square + decay * state.get("exp_avg_sq", 0.0)
        if "max_exp_avg_sq" in state:
            moment = torch.maximum(moment, state["max_exp_avg_sq"])
        corrected = moment / (1 - decay ** (float(state.get("step", 0.0)) + 1))
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


RandomState = tuple[Tensor, list[Tensor], Tensor | None]


def _random_state() -> RandomState:
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return torch.get_rng_state(), cuda, torch.mps.get_rng_state() if torch.backends.mps.is_available() else None


def _set_random_state(state: RandomState) -> None:
    cpu, cuda, mps = state
    torch.set_rng_state(cpu)
    if cuda:
        torch.cuda.set_rng_state_all(cuda)
    if mps is not None:
        torch.mps.set_rng_state(mps)
