"""Training of the network that predicts properties of generated molecules, on half B."""

from pathlib import Path

import torch
from torch import Tensor

from t2d_mol.checkpoint import Checkpoint
from t2d_mol.config import TrainingConfig
from t2d_mol.molecule import MoleculeBatch
from t2d_mol.nn.property_network import PropertyNetwork
from t2d_mol.properties import KEYS
from t2d_mol.qm9.batches import BatchStream, buckets
from t2d_mol.qm9.dataset import Molecules
from t2d_mol.qm9.splits import Half, Split
from t2d_mol.training.loop import Metrics
from t2d_mol.training.pretrain import validation_batches


class Prediction:
    """Mean absolute error of the normalised properties over a half of the train split. Meets `loop.Objective`."""

    def __init__(
        self,
        base: Checkpoint,
        molecules: Molecules,
        training: TrainingConfig,
        *,
        seed: int,
        bf16: bool,
        half: Half = Half.B,
        device: str = "cpu",
    ) -> None:
        torch.manual_seed(seed)
        self.base, self.bf16, self.device = base, bf16, torch.device(device)
        self.network = PropertyNetwork(base.config.predictor).to(device)
        self.stream = BatchStream(buckets(molecules, molecules.select(Split.TRAIN, half)), training.batch_size, seed)
        self.validation = validation_batches(molecules, training)
        mean, mad = torch.tensor(base.statistics.mean), torch.tensor(base.statistics.mad)
        self.values = ((torch.from_numpy(molecules.properties()) - mean) / mad).float()

    def backward(self, step: int) -> Metrics:
        """Leave the gradients of a step; see `loop.Objective`."""
        batch, indices = self.stream(step)
        errors = self._errors(batch, self.values[indices])
        loss = errors.mean()
        loss.backward()  # type: ignore[no-untyped-call]
        return {"loss": float(loss.detach()), "molecules": float(len(batch))}

    def validate(self) -> Metrics:
        """Return mean absolute errors, normalised, and by property in canonical units; see `loop.Objective`."""
        with torch.no_grad():
            errors = torch.cat([self._errors(batch, self.values[indices]) for batch, indices in self.validation])
        mae = errors.mean(0).cpu() * torch.tensor(self.base.statistics.mad)
        return {"loss": float(errors.mean())} | {f"mae_{key}": float(mae[i]) for i, key in enumerate(KEYS)}

    def save(self, path: Path, step: int, minutes: float) -> None:
        """Write a checkpoint; see `loop.Objective`."""
        self.result(step, minutes, {}).save(path)

    def result(self, step: int, minutes: float, errors: Metrics) -> Checkpoint:
        """Return the base checkpoint with this network and its validation errors."""
        stage = {"steps": step, "minutes": round(minutes, 2), "data": "half B", "validation": errors}
        weights = self.base.weights | {"predictor": self.network.state_dict()}
        return self.base.replace(weights=weights, provenance=self.base.provenance | {"predictor": stage})

    def _errors(self, batch: MoleculeBatch, values: Tensor) -> Tensor:
        batch = batch.to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            predicted = self.network(batch.types, batch.positions, batch.mask)
        errors: Tensor = (predicted - values.to(self.device)).abs()
        return errors
