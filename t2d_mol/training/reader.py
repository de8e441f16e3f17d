"""Training of the text encoder on prompts alone: sentence to targets, no molecule needed."""

from pathlib import Path
from random import Random

import torch
from torch import Tensor
from torch.nn import functional as F

from t2d_mol.checkpoint import Checkpoint, Statistics
from t2d_mol.config import TrainingConfig
from t2d_mol.encoding import target_tensors, text_encoder
from t2d_mol.molecule import Target
from t2d_mol.nn.text import KINDS, TextEncoder
from t2d_mol.prompts.paraphrases import HELD_OUT, SEEN, Wordings, paraphrase, random_targets
from t2d_mol.prompts.senses import vocabulary
from t2d_mol.training.objective import Metrics, Objective


def draw_values(statistics: Statistics, rng: Random) -> list[float]:
    """Draw property values between QM9's percentiles, each property on its own."""
    return [row[(place := rng.randrange(100))] + rng.random() * (row[place + 1] - row[place])
            for row in statistics.percentiles]  # fmt: skip


class Reading(Objective):
    """The reading objective: the slots of the encoder recover the targets of a sentence."""

    network: TextEncoder

    def __init__(self, base: Checkpoint, training: TrainingConfig, *, seed: int, device: str = "cpu") -> None:
        torch.manual_seed(seed)
        words = vocabulary()
        self.base = base.replace(vocabulary=words)
        self.network = text_encoder(base.config.encoder, words, base.statistics).to(device)
        self.training, self.seed, self.device = training, seed, torch.device(device)

    def backward(self, step: int) -> Metrics:
        """Leave the gradients of a step; see `loop.Objective`."""
        texts, rows = self._batch(Random(f"{self.seed}/{step}"), self.training.batch_size)
        kind, level, value, accuracy = self._losses(texts, rows)
        loss = kind + level + 4 * value
        loss.backward()  # type: ignore[no-untyped-call]
        parts = {"loss": loss, "kind": kind, "level": level, "value": value, "accuracy": accuracy}
        return {name: float(part.detach()) for name, part in parts.items()} | {"molecules": float(len(texts))}

    def validate(self) -> Metrics:
        """Return losses and shares of targets recovered, in seen and in held-out wordings; see `loop.Objective`."""
        results: Metrics = {}
        for name, wordings in (("", SEEN), ("_held_out", HELD_OUT)):
            texts, rows = self._batch(Random("validation"), 512, wordings)
            with torch.no_grad():
                kind, level, value, accuracy = self._losses(texts, rows)
            results |= {f"loss{name}": float(kind + level + 4 * value), f"accuracy{name}": float(accuracy)}
        return results

    def save(self, path: Path, step: int, minutes: float) -> None:
        """Write a checkpoint; see `loop.Objective`."""
        self.result(step, minutes).save(path)

    def result(self, step: int, minutes: float) -> Checkpoint:
        """Return the base checkpoint with this encoder."""
        provenance = self.base.provenance | {"encoder": {"steps": step, "minutes": round(minutes, 2)}}
        weights = self.base.weights | {"encoder": self.network.state_dict()}
        return self.base.replace(weights=weights, provenance=provenance)

    def _batch(self, rng: Random, size: int, wordings: Wordings = SEEN) -> tuple[list[str], list[list[Target]]]:
        rows = [random_targets(draw_values(self.base.statistics, rng), self.base.statistics, rng) for _ in range(size)]
        return [paraphrase(row, self.base.statistics, rng, wordings) for row in rows], rows

    def _losses(self, texts: list[str], rows: list[list[Target]]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        kinds, levels, values = (tensor.to(self.device) for tensor in target_tensors(rows, self.base.statistics))
        _, read = self.network.encode(texts)
        kind, level, value = read.kinds, read.levels, read.values
        exact, leveled = kinds == KINDS.index("exact"), kinds == KINDS.index("level")
        right = kind.argmax(-1) == kinds
        right &= ~exact | ((value - values).abs() < 0.1)
        right &= ~leveled | (level.argmax(-1) == levels)
        asked = kinds > 0
        return (
            F.cross_entropy(kind.flatten(0, 1), kinds.flatten()),
            F.cross_entropy(level[leveled], levels[leveled]) if leveled.any() else level.sum() * 0,
            F.smooth_l1_loss(value[exact], values[exact], beta=0.1).log1p() if exact.any() else value.sum() * 0,
            right[asked].float().mean(),
        )
