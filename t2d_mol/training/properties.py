"""Training of networks that predict properties from geometry: the generator's, on half B, and the judge's, on half A."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from t2d_mol.checkpoint import Checkpoint, Statistics
from t2d_mol.config import PropertyConfig, TrainingConfig, to_dict
from t2d_mol.diffusion.process import Process
from t2d_mol.judge_checkpoint import JudgeCheckpoint
from t2d_mol.molecule import MoleculeBatch
from t2d_mol.nn.denoiser import EquivariantDenoiser
from t2d_mol.nn.judge_network import JudgeNetwork
from t2d_mol.nn.property_network import PropertyNetwork
from t2d_mol.properties import KEYS
from t2d_mol.qm9.batches import BatchStream, buckets
from t2d_mol.qm9.dataset import Molecules
from t2d_mol.qm9.splits import Half, Split
from t2d_mol.training.objective import Metrics, Objective, step_generator
from t2d_mol.training.pretrain import statistics_of, validation_batches

GUIDE_LEVELS: Final = (-0.5, 1.2)
"""Mean and standard deviation of the ln σ a guide is trained at: about the levels it steers at."""


class PropertyTraining(Objective):
    """Mean absolute error of the normalised properties over a half of the train split; a subclass saves.

    Attributes:
        network: the network that is trained.
        errors: validation errors in canonical units, as last measured.
    """

    network: PropertyNetwork

    def __init__(
        self,
        network: PropertyNetwork,
        statistics: Statistics,
        molecules: Molecules,
        half: Half,
        training: TrainingConfig,
        *,
        seed: int,
        bf16: bool,
        device: str = "cpu",
    ) -> None:
        self.network, self.half, self.training = network.to(device), half, training
        self.bf16, self.device, self.errors = bf16, torch.device(device), Metrics()
        self.stream = BatchStream(buckets(molecules, molecules.select(Split.TRAIN, half)), training.batch_size, seed)
        self.validation = validation_batches(molecules, training)
        mean, self.mad = torch.tensor(statistics.mean), torch.tensor(statistics.mad)
        self.values = ((torch.from_numpy(molecules.properties()) - mean) / self.mad).float()

    def backward(self, step: int) -> Metrics:
        """Leave the gradients of a step; see `loop.Objective`."""
        batch, indices = self.stream(step)
        loss = self._differences(batch, self.values[indices], step).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        return {"loss": float(loss.detach()), "molecules": float(len(batch))}

    def validate(self) -> Metrics:
        """Return mean absolute errors, normalised, and by property in canonical units; see `loop.Objective`."""
        with torch.no_grad():
            differences = torch.cat([
                self._differences(batch, self.values[rows], -1 - number)
                for number, (batch, rows) in enumerate(self.validation)
            ])  # fmt: skip
        mae = differences.mean(0).cpu() * self.mad
        self.errors = {f"mae_{key}": float(mae[i]) for i, key in enumerate(KEYS)}
        return {"loss": float(differences.mean())} | self.errors

    def provenance(self, step: int, minutes: float) -> dict[str, object]:
        """Return how the network came to be."""
        return {
            "steps": step,
            "minutes": round(minutes, 2),
            "data": f"half {self.half.name}",
            "validation": {name: round(value, 5) for name, value in self.errors.items()},
            "training": to_dict(self.training),
        }

    def _differences(self, batch: MoleculeBatch, values: Tensor, step: int) -> Tensor:
        """Return the absolute errors (B, K) of a batch; random draws depend on the step, which is negative in validation."""
        batch = batch.to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            predicted = self.network(batch.types, batch.positions, batch.mask)
        differences: Tensor = (predicted - values.to(self.device)).abs()
        return differences


class PredictorTraining(PropertyTraining):
    """Training of a checkpoint's predictor, on half B."""

    def __init__(
        self, base: Checkpoint, molecules: Molecules, training: TrainingConfig, *, seed: int, bf16: bool, device: str = "cpu"
    ) -> None:
        torch.manual_seed(seed)
        network = PropertyNetwork(base.config.predictor)
        super().__init__(network, base.statistics, molecules, Half.B, training, seed=seed, bf16=bf16, device=device)
        self.base = base

    def save(self, path: Path, step: int, minutes: float) -> None:
        """Write the base checkpoint with this network; see `loop.Objective`."""
        weights = self.base.weights | {"predictor": self.network.state_dict()}
        provenance = self.base.provenance | {"predictor": self.provenance(step, minutes)}
        self.base.replace(weights=weights, provenance=provenance).save(path)


class GuideTraining(PropertyTraining):
    """Training of a checkpoint's guide, on estimates its denoiser makes, without prompt, of noisy molecules of half B.

    It starts from the guide there is, or else from the predictor.
    """

    def __init__(
        self, base: Checkpoint, molecules: Molecules, training: TrainingConfig, *, seed: int, bf16: bool, device: str = "cpu"
    ) -> None:
        torch.manual_seed(seed)
        config, diffusion = base.config, base.config.diffusion
        network = PropertyNetwork(config.guide)
        for before in ("predictor", "guide"):
            if before in base.weights:
                _start_like(network, base.weights[before])
        super().__init__(network, base.statistics, molecules, Half.B, training, seed=seed, bf16=bf16, device=device)
        self.base, self.seed = base, seed
        self.denoiser = EquivariantDenoiser(config.denoiser, diffusion).to(device).eval().requires_grad_(False)
        base.load_into("denoiser", self.denoiser)
        self.process = Process(replace(diffusion, log_sigma_mean=GUIDE_LEVELS[0], log_sigma_std=GUIDE_LEVELS[1]))

    def save(self, path: Path, step: int, minutes: float) -> None:
        """Write the base checkpoint with this network; see `loop.Objective`."""
        weights = self.base.weights | {"guide": self.network.state_dict()}
        provenance = self.base.provenance | {"guide": self.provenance(step, minutes)}
        self.base.replace(weights=weights, provenance=provenance).save(path)

    def _differences(self, batch: MoleculeBatch, values: Tensor, step: int) -> Tensor:
        batch, generator = batch.to(self.device), step_generator(self.seed if step >= 0 else 0, step)
        sigma = self.process.schedule.draw(len(batch), generator).to(self.device)
        noisy = self.process.corrupt(batch, sigma, generator)
        steps = self.process.schedule.draw_steps(len(batch), generator).to(self.device)
        noise = self.process.noise(batch.mask, generator)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            with torch.no_grad():
                estimate = self.denoiser(noisy, self.process.estimate_before(self.denoiser, noisy, steps, noise))
            predicted = self.network.of_estimate(estimate, batch.mask, sigma, self.process.config.position_scale)
        differences: Tensor = (predicted - values.to(self.device)).abs()
        return differences


def _start_like(network: PropertyNetwork, weights: dict[str, Tensor]) -> None:
    """Give a network the weights of another wherever their shapes agree."""
    own = network.state_dict()
    fitting = {name: value.float() for name, value in weights.items() if name in own and own[name].shape == value.shape}
    network.load_state_dict(own | fitting)


class JudgeTraining(PropertyTraining):
    """Training of the judge, on half A."""

    def __init__(
        self,
        config: PropertyConfig,
        molecules: Molecules,
        training: TrainingConfig,
        *,
        seed: int,
        bf16: bool,
        device: str = "cpu",
    ) -> None:
        torch.manual_seed(seed)
        self.statistics = statistics_of(molecules.properties()[molecules.select(Split.TRAIN)])
        network = JudgeNetwork(config)
        super().__init__(network, self.statistics, molecules, Half.A, training, seed=seed, bf16=bf16, device=device)

    def save(self, path: Path, step: int, minutes: float) -> None:
        """Write a judge that is not calibrated yet; see `loop.Objective`."""
        weights, provenance = self.network.state_dict(), self.provenance(step, minutes)
        JudgeCheckpoint(self.network.config, self.statistics, weights, provenance=provenance).save(path)
