"""Replay: pretraining goes on beside finetuning, with a fixed weight."""

from t2d_mol.text2data.methods.plain import Loss, Plain


class Replay(Plain):
    """Descends on L2 + penalty · L1', as if the constraint's multiplier were fixed.

    Robins, Catastrophic Forgetting, Rehearsal and Pseudorehearsal (1995), with examples of what was learned first.
    """

    def __init__(self, penalty: float = 0.01) -> None:
        super().__init__()
        self.penalty = penalty

    def backward(self, step: int, conditional: Loss, unconditional: Loss) -> dict[str, float]:
        """Leave the gradients of a step; see `Plain.backward`."""
        metrics = super().backward(step, conditional, unconditional)
        weighted = self.descend(lambda: self.penalty * unconditional())
        return metrics | {"penalty": weighted}
