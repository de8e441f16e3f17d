"""L2-SP: a penalty on the way from the pretrained weights."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from t2d_mol.text2data.methods.plain import Loss, Plain


class L2SP(Plain):
    """Descends on L2 + ½ penalty · |θ − θ₀|² (Li et al., Explicit Inductive Bias for Transfer Learning, ICML 2018)."""

    def __init__(self, penalty: float = 0.01) -> None:
        super().__init__()
        self.penalty = penalty
        self.start: list[Tensor] = []

    def prepare(self, parameters: Sequence[nn.Parameter], pretraining: Callable[[int], Tensor]) -> None:
        """Keep the pretrained weights; see `Plain.prepare`."""
        super().prepare(parameters, pretraining)
        self.start = [parameter.detach().clone() for parameter in self.parameters]

    def backward(self, step: int, conditional: Loss, unconditional: Loss) -> dict[str, float]:
        """Leave the gradients of a step; see `Plain.backward`."""
        metrics = super().backward(step, conditional, unconditional)
        total = 0.0
        with torch.no_grad():
            for number, (parameter, start) in enumerate(zip(self.parameters, self.start, strict=True)):
                way = parameter - start
                pull = self.penalty * self.stiffness(number) * way
                total += 0.5 * float((pull * way).sum())
                parameter.grad = pull if parameter.grad is None else parameter.grad + pull
        return metrics | {"penalty": total}

    def stiffness(self, number: int) -> Tensor | float:
        """Return how much the entries of one parameter resist, by its number."""
        return 1.0
