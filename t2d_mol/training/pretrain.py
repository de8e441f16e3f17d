"""Pretraining: learn the distribution of all molecules of the train split, without any label."""

import platform
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from t2d_mol.checkpoint import Checkpoint, Statistics
from t2d_mol.config import ModelConfig, TrainingConfig, to_dict
from t2d_mol.denoising import Memory
from t2d_mol.diffusion.process import SIGMA_BINS, Losses, Process, State
from t2d_mol.elements import MAX_ATOMS, SYMBOLS
from t2d_mol.errors import MissingError
from t2d_mol.molecule import MoleculeBatch
from t2d_mol.nn.denoiser import EquivariantDenoiser
from t2d_mol.properties import PROPERTIES
from t2d_mol.qm9.batches import BatchStream, buckets
from t2d_mol.qm9.dataset import Molecules
from t2d_mol.qm9.splits import Split
from t2d_mol.text2data import processes
from t2d_mol.training.objective import Metrics, Objective, step_generator

MODALITIES = ("positions", "types", "bonds", "charges")


def statistics_of(values: np.ndarray[Any, Any]) -> Statistics:
    """Return the statistics of (M, K) property values in canonical units."""
    mean = values.mean(0)
    mad = np.abs(values - mean).mean(0)
    normalised = (values - mean) / mad
    percentiles = np.percentile(values, np.arange(101), axis=0).T
    covariance = np.cov(normalised.T)
    return Statistics(*(_plain(array.tolist()) for array in (mean, mad, percentiles, covariance)))


def blank_checkpoint(molecules: Molecules, config: ModelConfig) -> Checkpoint:
    """Return a checkpoint without weights that holds what sampling needs to know of the train split.

    Raises:
        MissingError: if the data set has no train split.
    """
    train = molecules.select(Split.TRAIN)
    if not len(train):
        raise MissingError("the data set has no train split")
    hashes = molecules.arrays.smiles_hashes[train], molecules.arrays.lookup_hashes[train]
    return Checkpoint(
        config=config,
        weights={},
        statistics=statistics_of(molecules.properties()[train]),
        sizes=torch.from_numpy(np.bincount(molecules.sizes()[train], minlength=MAX_ATOMS + 1)),
        joint=torch.zeros(0, 1 + len(PROPERTIES)),
        structures=torch.zeros(0, len(SYMBOLS) + 1, dtype=torch.uint8),
        smiles_hashes=torch.from_numpy(np.unique(hashes[0])),
        lookup_hashes=torch.from_numpy(np.unique(hashes[1])),
    )


class DenoisingLoss:
    """The denoising loss of batches, with its self-conditioning, precision and noise-level bins."""

    def __init__(self, network: EquivariantDenoiser, process: Process, *, bf16: bool, device: str = "cpu") -> None:
        self.network, self.process, self.bf16, self.device = network, process, bf16, torch.device(device)

    def draw_sigma(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw the noise levels of a batch."""
        return self.process.schedule.draw(count, generator).to(self.device)

    def __call__(
        self,
        batch: MoleculeBatch,
        sigma: Tensor,
        generator: torch.Generator,
        *,
        self_condition: bool,
        memory: Memory | None = None,
        rows: slice = slice(None),
    ) -> Losses:
        """Return the losses per molecule of some rows of a batch at noise levels sigma (B,); `memory` is of those rows.

        What is drawn at random is drawn for the whole batch, so that each row's is the same whichever rows are taken.
        """
        batch = batch.to(self.device)
        noisy = self.process.corrupt(batch, sigma, generator).rows(rows)
        previous, whole = None, batch.mask
        batch, sigma = batch.rows(rows), sigma[rows]
        # each pass has an autocast of its own: weights cast without gradients are not to be taken from its cache
        if self_condition:
            steps = self.process.schedule.draw_steps(len(whole), generator).to(self.device)[rows]
            noise = State(*(part[rows] for part in self.process.noise(whole, generator)))
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
                previous = self.process.estimate_before(self.network, noisy, steps, noise, memory)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            estimate = self.network(noisy, previous, memory)
        return self.process.losses(estimate, batch, sigma)

    def metrics(self, losses: Losses, sigma: Tensor) -> Metrics:
        """Return mean losses by modality, and sums and counts of the positions' and total loss by noise-level bin."""
        with torch.no_grad():
            total = self.process.total(losses)
            row = {"loss": float(total.mean()), "molecules": float(len(sigma))}
            row |= {name: float(getattr(losses, name).mean()) for name in MODALITIES}
            places = torch.bucketize(sigma, torch.tensor(SIGMA_BINS[1:-1], device=sigma.device))
            for number in range(len(SIGMA_BINS) - 1):
                inside = places == number
                label = f"sigma<{SIGMA_BINS[number + 1]:g}"
                for name, values in (("loss", total), ("positions", losses.positions)):
                    row[f"{name}/{label}"] = float(values[inside].sum())
                    row[f"count/{name}/{label}"] = float(inside.sum())
        return row


class Pretraining(Objective):
    """The unconditional denoising objective over the train split."""

    network: EquivariantDenoiser

    def __init__(
        self,
        molecules: Molecules,
        config: ModelConfig,
        training: TrainingConfig,
        *,
        seed: int,
        bf16: bool,
        device: str = "cpu",
    ) -> None:
        self.base, self.training, self.seed = blank_checkpoint(molecules, config), training, seed
        torch.manual_seed(seed)
        self.network = EquivariantDenoiser(config.denoiser, config.diffusion).to(device)
        self.loss = DenoisingLoss(
            self.network, Process(config.diffusion.shifted(training.noise_shift)), bf16=bf16, device=device
        )
        self.stream = BatchStream(buckets(molecules, molecules.select(Split.TRAIN)), training.batch_size, seed)
        self.validation = validation_batches(molecules, training)
        self.provenance: dict[str, Any] = {
            "data": f"{self.base.sizes.sum()} molecules of the train split, unlabelled",
            "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, {device}",
            "training": to_dict(training),
            "seed": seed,
        }

    def backward(self, step: int) -> Metrics:
        """Leave the gradients of a step; see `loop.Objective`."""
        generator = step_generator(self.seed, step)
        batch, _ = self.stream(step)
        sigma = self.loss.draw_sigma(len(batch), generator)
        chance = self.base.config.diffusion.self_conditioning
        self_condition = bool(torch.rand((), generator=generator) < chance)
        rows = processes.own_rows(len(batch))
        losses = self.loss(batch, sigma, generator, self_condition=self_condition, rows=rows)
        total = processes.own_share(self.loss.process.total(losses), len(batch))
        torch.autograd.backward(total)
        processes.average_gradients(self.network.parameters())
        whole = {"loss": processes.averaged(total.detach(), total.device), "molecules": float(len(batch))}
        return self.loss.metrics(losses, sigma[rows]) | whole

    def validate(self) -> Metrics:
        """Return the validation loss; see `loop.Objective`."""
        return validation_loss(self.loss, self.validation)

    def save(self, path: Path, step: int, minutes: float) -> None:
        """Write a checkpoint; see `loop.Objective`."""
        weights = {"denoiser": self.network.state_dict()}
        stage = {"pretrain": self.provenance | {"steps": step, "minutes": round(minutes, 2)}}
        self.base.replace(weights=weights, provenance=stage).save(path)


def validation_batches(molecules: Molecules, training: TrainingConfig) -> list[tuple[MoleculeBatch, np.ndarray[Any, Any]]]:
    """Return fixed batches of the validation split, or of the train split where there is none."""
    for split in (Split.VALIDATION, Split.TRAIN):
        stream = BatchStream(buckets(molecules, molecules.select(split)), training.batch_size, seed=0)
        if stream.steps_per_epoch:
            break
    return [stream(step) for step in range(max(1, training.validation_molecules // training.batch_size))]


def validation_loss(
    loss: DenoisingLoss, batches: list[tuple[MoleculeBatch, np.ndarray[Any, Any]]], seed: int = 0
) -> Metrics:
    """Return mean losses over fixed batches with fixed noise, without prompt, self-conditioned."""
    sums: Metrics = {}
    with torch.no_grad():
        for number, (batch, _) in enumerate(batches):
            generator = step_generator(seed, number)
            sigma = loss.draw_sigma(len(batch), generator)
            losses = loss(batch, sigma, generator, self_condition=True)
            for name in MODALITIES:
                sums[name] = sums.get(name, 0.0) + float(getattr(losses, name).sum())
            sums["loss"] = sums.get("loss", 0.0) + float(loss.process.total(losses).sum())
    count = sum(len(batch) for batch, _ in batches)
    return {name: value / count for name, value in sums.items()}


def _plain(values: Any) -> Any:
    return tuple(_plain(value) for value in values) if isinstance(values, list) else values
