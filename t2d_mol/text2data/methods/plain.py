"""Plain finetuning: descent on the conditional loss, and the interface of all methods."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from t2d_mol.text2data.processes import average_gradients, averaged

Loss = Callable[[], Tensor]
"""Runs a pass of the model and returns its mean loss, a scalar that can be differentiated."""


class Plain:
    """Descends on the conditional loss alone. The other methods change a part of this.

    Attributes:
        fresh: whether finetuning starts from fresh weights.
        rate: share of the learning rate it is meant for.
        bound: γξ, the level the unconditional loss should stay at; 0 for methods without.
    """

    fresh: ClassVar[bool] = False
    rate: ClassVar[float] = 1.0

    def __init__(self) -> None:
        self.bound = 0.0
        self.parameters: list[nn.Parameter] = []

    def prepare(self, parameters: Sequence[nn.Parameter], pretraining: Callable[[int], Tensor]) -> None:
        """See the weights that finetuning starts from.

        Args:
            parameters: those that are trained.
            pretraining: from a number to the mean unconditional loss of these weights on a batch of the unlabelled data.
        """
        self.parameters = list(parameters)

    def attach(self, optimiser: torch.optim.Optimizer) -> None:
        """See the optimiser that will step."""

    def state(self) -> dict[str, Any]:
        """Return what a resumed finetuning must know."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` returned."""

    def backward(self, step: int, conditional: Loss, unconditional: Loss) -> dict[str, float]:
        """Leave the gradients of a step in the parameters, which hold none; return what is to be logged, `loss` being L2."""
        return {"loss": self.descend(conditional)}

    def descend(self, loss: Loss) -> float:
        """Add the gradients of a loss to those in the parameters, averaged over processes, and return the loss likewise.

        Where processes train together, those in the parameters must be the same in all.
        """
        value = loss()
        torch.autograd.backward(value)
        average_gradients(self.parameters)
        return averaged(value.detach(), value.device)
