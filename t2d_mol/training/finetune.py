"""Finetuning: (molecule, prompt) pairs of half B, under Text2Data's constraint or by one of its controls."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from t2d_mol.checkpoint import Checkpoint, Statistics
from t2d_mol.config import TrainingConfig, to_dict
from t2d_mol.denoising import Memory
from t2d_mol.diffusion.process import Process
from t2d_mol.encoding import target_tensors, text_encoder
from t2d_mol.errors import MissingError, UsageError, unknown
from t2d_mol.molecule import MoleculeBatch, Target
from t2d_mol.nn.denoiser import EquivariantDenoiser
from t2d_mol.nn.text import NumberEncoder, TextEncoder
from t2d_mol.prompts.paraphrases import paraphrase, random_targets
from t2d_mol.qm9.batches import BatchStream, buckets
from t2d_mol.qm9.dataset import Molecules
from t2d_mol.qm9.splits import Half, Split
from t2d_mol.text2data import processes
from t2d_mol.text2data.methods import EWC, L2SP, Lexicographic, LowRate, Plain, Replay, Scratch
from t2d_mol.training.objective import Metrics, Objective, step_generator
from t2d_mol.training.pretrain import DenoisingLoss, validation_batches, validation_loss

XI_MOLECULES: Final = 12_800
"""Molecules that ξ is the mean over, where there are as many; with 12,800 its standard error was 0.4 % of it."""

METHODS: Final[dict[str, Callable[[TrainingConfig], Plain]]] = {
    "lexicographic": lambda how: Lexicographic(
        gamma=how.gamma,
        alpha=how.alpha,
        beta=how.beta,
        scope=how.scope,
        metric=how.metric,
        memory=how.constraint_memory,
        every=how.constraint_every,
        batches=-(-XI_MOLECULES // how.batch_size),
    ),
    "plain": lambda how: Plain(),
    "scratch": lambda how: Scratch(),
    "low-lr": lambda how: LowRate(),
    "l2sp": lambda how: L2SP(how.penalty),
    "ewc": lambda how: EWC(how.penalty),
    "replay": lambda how: Replay(how.penalty),
}
"""The ways to finetune by name."""

CONDITIONS = ("text", "numbers")
CONSTRAINT_DATA = ("labelled", "unlabelled")
CONSTRAINT_NOISE = ("finetuning", "pretraining")


def nothing(memory: Memory) -> Memory:
    """Return no prompts, in the shape of some."""
    summary = None if memory.summary is None else memory.summary.detach()
    return Memory(memory.tokens.detach(), memory.mask, torch.zeros_like(memory.given), summary)


def labelled(molecules: Molecules, fraction: float, seed: int) -> NDArray[np.intp]:
    """Return the indices of the labelled share of half B; for one seed smaller shares lie inside larger ones.

    Raises:
        UsageError: if the fraction is not in (0, 1].
        MissingError: if the data set has no half B.
    """
    if not 0 < fraction <= 1:
        raise UsageError(f"--label-fraction must lie in (0, 1], not {fraction}")
    half = molecules.select(Split.TRAIN, Half.B)
    if not len(half):
        raise MissingError("the data set has no half B to take labels from")
    order = np.random.default_rng(seed).permutation(half)
    return np.sort(order[: max(1, round(fraction * len(half)))])


class Conditional(nn.Module):
    """The networks finetuning changes: the denoiser, and the encoder of numbers where there is one."""

    def __init__(self, denoiser: EquivariantDenoiser, numbers: NumberEncoder | None) -> None:
        super().__init__()
        self.denoiser, self.numbers = denoiser, numbers


class Finetuning(Objective):
    """The conditional denoising objective on labelled molecules.

    A method of `METHODS` makes the gradients of each step from two losses: the conditional L2 and, with the prompt replaced
    by NULL on the same molecules, noise levels, noise and self-conditioning draw, the unconditional L1'. Of unlabelled
    molecules it may be taken under the law of noise levels of pretraining. ξ is taken as L1' is, and like the validation
    losses with the same draws whatever the seed.
    """

    network: Conditional

    def __init__(
        self,
        base: Checkpoint,
        molecules: Molecules,
        training: TrainingConfig,
        *,
        seed: int,
        bf16: bool,
        device: str = "cpu",
    ) -> None:
        _check(training)
        torch.manual_seed(seed)
        config = base.config
        denoiser = EquivariantDenoiser(config.denoiser, config.diffusion)
        self.method = METHODS[training.method](training)
        if not self.method.fresh:
            base.load_into("denoiser", denoiser)
        self.base, self.training, self.seed, self.device = base, training, seed, torch.device(device)
        self.text: TextEncoder | None = None
        if training.condition == "text":
            self.text = text_encoder(config.encoder, base.vocabulary, base.statistics)
            base.load_into("encoder", self.text)
            self.text.to(device).eval().requires_grad_(False)
        self.network = Conditional(denoiser, None if self.text else NumberEncoder(config.encoder)).to(device)
        noise = config.diffusion.shifted(training.noise_shift)
        self.loss = DenoisingLoss(denoiser, Process(noise), bf16=bf16, device=device)
        self.pretraining_loss = DenoisingLoss(denoiser, Process(config.diffusion), bf16=bf16, device=device)
        self.apart = training.constraint_data == "unlabelled"
        self.free_loss = self.pretraining_loss if training.constraint_noise == "pretraining" else self.loss
        indices = labelled(molecules, training.label_fraction, seed)
        self.stream = BatchStream(buckets(molecules, indices), training.batch_size, seed)
        self.validation = validation_batches(molecules, training)
        self.values = molecules.properties()
        self.joint = joint_values(molecules, indices, base.statistics)
        self.structures = torch.from_numpy(molecules.structures()[indices])
        train = buckets(molecules, molecules.select(Split.TRAIN))
        self.unlabelled = BatchStream(train, training.batch_size, seed)
        if isinstance(self.method, Lexicographic):
            self.method.batches = min(self.method.batches, self.unlabelled.steps_per_epoch)
        trained = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        alike = BatchStream(train, training.batch_size, seed=0)
        held = self._unconditional if isinstance(self.method, Lexicographic) else self._pretraining
        self.method.prepare(trained, lambda number: held(-1 - number, alike(number)[0], seed=0).mean())

    @property
    def bound(self) -> float:
        """Return γξ, the level the unconditional loss should stay at; 0 for methods without."""
        return self.method.bound

    def attach(self, optimiser: torch.optim.Optimizer) -> None:
        """Show the method the optimiser; see `loop.Objective`."""
        self.method.attach(optimiser)

    def state(self) -> dict[str, Any]:
        """Return what the method must know to go on; see `loop.Objective`."""
        return self.method.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Give it back to the method; see `loop.Objective`."""
        self.method.restore(state)

    def backward(self, step: int) -> Metrics:
        """Leave the gradients of a step; see `loop.Objective`."""
        batch, indices = self.stream(step)
        memory = self._memory(indices, Random(f"{self.seed}/{step}"), rows=processes.own_rows(len(batch)))

        def conditional() -> Tensor:
            own = processes.own_rows(len(batch))
            return processes.own_share(self._losses(self.loss, step, batch, memory, rows=own), len(batch))

        def unconditional() -> Tensor:
            free, prompts = (self.unlabelled(step)[0], None) if self.apart else (batch, nothing(memory))
            own = processes.own_rows(len(free))
            return processes.own_share(self._unconditional(step, free, prompts, rows=own), len(free))

        metrics = self.method.backward(step, conditional, unconditional)
        return metrics | {"molecules": float(len(batch))}

    def validate(self) -> Metrics:
        """Return validation losses with prompts (`loss`) and without (`unconditional_…`); see `loop.Objective`."""
        total, count = 0.0, 0
        with torch.no_grad():
            for number, (batch, indices) in enumerate(self.validation):
                memory = self._memory(indices, Random(f"validation/{number}"), dropout=0.0)
                losses = self._losses(self.loss, number, batch, memory, self_condition=True, seed=0)
                total, count = total + float(losses.sum()), count + len(batch)
        free = validation_loss(self.pretraining_loss, self.validation)
        return {"loss": total / count} | {f"unconditional_{name}": value for name, value in free.items()}

    def save(self, path: Path, step: int, minutes: float) -> None:
        """Write a checkpoint; see `loop.Objective`."""
        encoder: nn.Module | None = self.text or self.network.numbers
        assert encoder is not None
        weights = {"denoiser": self.network.denoiser.state_dict(), "encoder": encoder.state_dict()}
        weights |= {name: state for name, state in self.base.weights.items() if name in ("predictor", "guide")}
        stage = {
            "data": f"{len(self.joint)} prompts of half B",
            "bound": round(self.bound, 6),
            "training": to_dict(self.training),
            "seed": self.seed,
            "steps": step,
            "minutes": round(minutes, 2),
        }
        if isinstance(self.method, Lexicographic):
            stage["xi"] = round(self.method.xi, 6)
        vocabulary = self.base.vocabulary if self.text else ()
        provenance = self.base.provenance | {"finetune": stage}
        known = {"joint": self.joint, "structures": self.structures, "vocabulary": vocabulary}
        self.base.replace(weights=weights, provenance=provenance, **known).save(path)

    def _unconditional(
        self,
        step: int,
        batch: MoleculeBatch,
        prompts: Memory | None = None,
        *,
        seed: int | None = None,
        rows: slice = slice(None),
    ) -> Tensor:
        """Return L1' of each molecule."""
        return self._losses(self.free_loss, step, batch, prompts, seed=seed, rows=rows)

    def _pretraining(self, step: int, batch: MoleculeBatch, *, seed: int) -> Tensor:
        """Return the loss of pretraining of each molecule."""
        return self._losses(self.pretraining_loss, step, batch, None, seed=seed)

    def _losses(
        self,
        loss: DenoisingLoss,
        step: int,
        batch: MoleculeBatch,
        memory: Memory | None,
        *,
        self_condition: bool | None = None,
        seed: int | None = None,
        rows: slice = slice(None),
    ) -> Tensor:
        """Return total losses of some rows of a pass, `memory` being of these; its draws depend on (seed, step) alone."""
        generator = step_generator(self.seed if seed is None else seed, step)
        sigma = loss.draw_sigma(len(batch), generator)
        drawn = bool(torch.rand((), generator=generator) < self.base.config.diffusion.self_conditioning)
        given = drawn if self_condition is None else self_condition
        return loss.process.total(loss(batch, sigma, generator, self_condition=given, memory=memory, rows=rows))

    def _memory(
        self, indices: NDArray[np.intp], rng: Random, *, dropout: float | None = None, rows: slice = slice(None)
    ) -> Memory:
        """Encode a fresh prompt for each molecule of some rows; some prompts are dropped to NULL."""
        statistics = self.base.statistics
        dropout = self.training.prompt_dropout if dropout is None else dropout
        drawn: list[list[Target]] = [random_targets(self.values[i].tolist(), statistics, rng) for i in indices]
        targets = [row if rng.random() >= dropout else [] for row in drawn]
        if self.text is not None:
            texts = [paraphrase(row, statistics, rng) if row else "" for row in targets]
            with torch.no_grad():
                return self.text(texts[rows])  # type: ignore[no-any-return]
        assert self.network.numbers is not None
        tensors = target_tensors(targets[rows], statistics)
        return self.network.numbers(*(tensor.to(self.device) for tensor in tensors))  # type: ignore[no-any-return]


def joint_values(molecules: Molecules, indices: NDArray[np.intp], statistics: Statistics) -> Tensor:
    """Return atom counts and normalised properties (M, 1 + K) of the chosen molecules, as checkpoints keep them."""
    normalised = (molecules.properties()[indices] - np.array(statistics.mean)) / np.array(statistics.mad)
    joint: NDArray[Any] = np.concatenate([molecules.sizes()[indices, None], normalised], 1)
    return torch.from_numpy(joint).float()


def scheduled(training: TrainingConfig) -> TrainingConfig:
    """Return how the loop is to train with a method: at its share of the learning rate.

    Raises:
        UsageError: if there is no such method.
    """
    _check(training)
    return replace(training, learning_rate=training.learning_rate * METHODS[training.method](training).rate)


def _check(training: TrainingConfig) -> None:
    for what, given, known in (
        ("method", training.method, METHODS),
        ("condition", training.condition, CONDITIONS),
        ("constraint data", training.constraint_data, CONSTRAINT_DATA),
        ("constraint noise", training.constraint_noise, CONSTRAINT_NOISE),
    ):
        if given not in known:
            raise unknown(what, given, known, "known")
    if (training.constraint_data, training.constraint_noise) == ("labelled", "pretraining"):
        raise UsageError("L1' of the labelled molecules is taken under the noise of L2", "take unlabelled ones")
