"""Elastic weight consolidation: a penalty on the way from the pretrained weights, entry by entry."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from t2d_mol.text2data.methods.l2sp import L2SP


class EWC(L2SP):
    """Descends on L2 + ½ penalty · Σ F (θ − θ₀)², F being the diagonal of the Fisher information of pretraining.

    Kirkpatrick et al., Overcoming Catastrophic Forgetting (PNAS 2017). F is the mean square over batches of the gradients
    of the pretraining loss, scaled so that its own mean is 1; so `penalty` means what it does in L2-SP.
    """

    def __init__(self, penalty: float = 0.01, batches: int = 40) -> None:
        super().__init__(penalty)
        self.batches = batches
        self.fisher: list[Tensor] = []

    def prepare(self, parameters: Sequence[nn.Parameter], pretraining: Callable[[int], Tensor]) -> None:
        """Keep the pretrained weights and estimate F; see `Plain.prepare`."""
        super().prepare(parameters, pretraining)
        self.fisher = [torch.zeros_like(parameter) for parameter in self.parameters]
        for number in range(self.batches):
            gradients = torch.autograd.grad(pretraining(number), self.parameters, allow_unused=True)
            for square, gradient in zip(self.fisher, gradients, strict=True):
                if gradient is not None:
                    square += gradient.detach().square()
        total = sum(float(square.sum()) for square in self.fisher)
        scale = sum(square.numel() for square in self.fisher) / total if total > 0 else 0.0
        self.fisher = [square * scale for square in self.fisher]

    def stiffness(self, number: int) -> Tensor:
        """Return F of one parameter."""
        return self.fisher[number]
