"""The one training loop: schedule, clipping, moving average, checkpoints, metrics, resumption."""

import json
import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Final

import torch
from torch import Tensor, nn

from t2d_mol.checkpoint import read_tensors, write_tensors
from t2d_mol.config import TrainingConfig
from t2d_mol.errors import MissingError, T2DMolError, UsageError
from t2d_mol.text2data import processes
from t2d_mol.training.metrics import MetricsLog
from t2d_mol.training.objective import Objective
from t2d_mol.training.trunk import Tensors, write_trunk

MOST_LOST: Final = 50
"""Steps in a row whose gradients are not finite, and which change nothing, after which training gives up."""


@dataclass
class Report:
    """Progress of a run, for whoever shows it.

    Attributes:
        step: steps done.
        loss: exponentially averaged loss.
        rate: molecules a second.
        minutes: minutes spent.
        minutes_left: estimate of what is left.
        fraction: of the budget done.
    """

    step: int = 0
    loss: float = math.nan
    rate: float = 0.0
    minutes: float = 0.0
    minutes_left: float = 0.0
    fraction: float = 0.0


@dataclass
class Loop:
    """Train an objective's network until its budget is spent.

    The learning rate warms up linearly, stays, and falls linearly to zero with the end of the budget, in steps or in
    minutes. Training state and checkpoints lie in `folder`: `last.safetensors` and `best.safetensors` (averaged weights),
    `state.safetensors` (to resume), `metrics.jsonl`, and in `trunk` the state from before the rate falls. Processes that
    train together each run a loop, on their rows of every batch; the first one writes. A step whose gradients are not finite
    is left out.

    Attributes:
        objective: what is minimised.
        config: how.
        folder: the run's folder.
        report: called after every step.
        log_every: steps between two rows of `metrics.jsonl`.
        snapshots: at these fractions of the budget a checkpoint is kept.
    """

    objective: Objective
    config: TrainingConfig
    folder: Path
    report: Callable[[Report], None] = lambda _: None
    log_every: int = 100
    snapshots: tuple[float, ...] = ()
    _asked: bool = field(default=False, init=False)
    _stop: bool = field(default=False, init=False)
    _begun: bool = field(default=False, init=False)
    _lost: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if not (self.config.steps or self.config.max_minutes):
            raise UsageError("training needs a budget", "give --steps or --max-minutes")
        self.step, self.seconds, self.best = 0, 0.0, math.inf
        self.metrics = MetricsLog(self.folder / "metrics.jsonl")
        self.progress = Report()
        parameters = [parameter for parameter in self.objective.network.parameters() if parameter.requires_grad]
        self.optimiser = torch.optim.AdamW(
            parameters,
            self.config.learning_rate,
            (0.9, 0.99),
            weight_decay=self.config.weight_decay,
            fused=True,
        )
        self._device = parameters[0].device
        self.objective.attach(self.optimiser)
        self.average = {name: value.detach().clone() for name, value in self.objective.network.state_dict().items()}

    def run(self) -> None:
        """Train; SIGTERM and SIGINT save and return early with `interrupted` set.

        Raises:
            T2DMolError: if the gradients of too many steps in a row are not finite.
        """
        done = {fraction for fraction in self.snapshots if self._fraction() >= fraction}
        saved = began = time.monotonic()
        start = self.seconds
        steady = self._fraction() < self.config.decay_from
        with self._signals():
            while (fraction := self._agreed_fraction()) < 1 and not self._stop:
                if steady and fraction >= self.config.decay_from:
                    steady = False
                    self._write_trunk()
                molecules = self._train_step(fraction)
                self.seconds = start + time.monotonic() - began
                self._show(molecules)
                if time.monotonic() - saved > 60 * self.config.checkpoint_minutes:
                    self.save()
                    saved = time.monotonic()
                for due in sorted(set(self.snapshots) - done):
                    if self._fraction() >= due:
                        done.add(due)
                        self._write_checkpoint(self.folder / f"at-{round(100 * due):03d}.safetensors")
        if steady:
            self._write_trunk()
        self._flush_metrics()
        self.save()

    @property
    def interrupted(self) -> bool:
        """Whether a signal ended the run before its budget was spent."""
        return self._stop

    def save(self) -> None:
        """Validate the averaged weights, write the checkpoints and the state to resume from; the first process alone."""
        if processes.rank():
            return
        with self._averaged():
            metrics = self.objective.validate()
            self.objective.save(self.folder / "last.safetensors", self.step, self.seconds / 60)
            if metrics["loss"] < self.best:
                self.best = metrics["loss"]
                self.objective.save(self.folder / "best.safetensors", self.step, self.seconds / 60)
        self.metrics.write(self.step, self.seconds / 60, {f"validation_{name}": value for name, value in metrics.items()})
        tensors = {f"weight.{name}": value for name, value in self.objective.network.state_dict().items()}
        tensors |= {f"average.{name}": value for name, value in self.average.items()}
        for index, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"moment.{index}.{name}": value for name, value in state.items()}
        counters: dict[str, Any] = {"step": self.step, "seconds": self.seconds, "best": self.best, "begun": self._begun}
        counters["objective"] = self.objective.state()
        write_tensors(
            self.folder / "state.safetensors",
            {name: tensor.detach().clone() for name, tensor in tensors.items()},
            {"counters": json.dumps(counters)},
        )
        if self._fraction() < self.config.decay_from:
            self._write_trunk()

    def resume(self) -> None:
        """Continue from the folder's state.

        Raises:
            MissingError: if there is none, or it is damaged.
        """
        tensors, metadata = read_tensors(self.folder / "state.safetensors")
        counters = json.loads(metadata["counters"])
        self.step, self.seconds, self.best = counters["step"], counters["seconds"], counters["best"]
        self.objective.network.load_state_dict(_under("weight", tensors))
        self._begun = counters.get("begun", False)
        self.objective.restore(counters.get("objective", {}))
        if processes.rank() == 0:
            self.metrics.trim(self.step)
        self.average = {name: value.to(self.average[name].device) for name, value in _under("average", tensors).items()}
        states: dict[int, dict[str, Tensor]] = {}
        for name, value in _under("moment", tensors).items():
            index, _, key = name.partition(".")
            states.setdefault(int(index), {})[key] = value
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": states})

    def start_from(self, weights: Tensors, average: Tensors) -> None:
        """Begin with the weights and their average that another run left.

        Raises:
            MissingError: if they are of another network.
        """
        try:
            self.objective.network.load_state_dict(weights)
        except RuntimeError as error:
            last = str(error).splitlines()[-1].strip()
            raise MissingError(f"what training is to start from is of another network: {last}") from None
        self.average = {name: value.to(self.average[name].device) for name, value in average.items()}
        self._begun = True

    def _write_trunk(self) -> None:
        if processes.rank() == 0:
            write_trunk(self.folder / "trunk", self.objective.network.state_dict(), self.average)

    def _train_step(self, fraction: float) -> float:
        """Take one step; return how many molecules it saw."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate * self._rate_factor(fraction)
        self.optimiser.zero_grad(set_to_none=True)
        metrics = self.objective.backward(self.step)
        norm = nn.utils.clip_grad_norm_(self.objective.network.parameters(), self.config.clip)
        self._lost = 0 if torch.isfinite(norm) else self._lost + 1
        if self._lost >= MOST_LOST:
            raise T2DMolError(
                f"gradients were not finite for {MOST_LOST} steps", "try --precision fp32, or a lower --learning-rate"
            )
        if not self._lost:
            self.optimiser.step()
        self.step += 1
        self._update_average()
        self.metrics.add({**metrics, "gradient_norm": float(norm)})
        loss = metrics["loss"]
        if math.isfinite(loss):
            self.progress.loss = loss if math.isnan(self.progress.loss) else 0.99 * self.progress.loss + 0.01 * loss
        if self.step % self.log_every == 0:
            self._flush_metrics()
        return metrics["molecules"]

    def _flush_metrics(self) -> None:
        if processes.rank() == 0:
            self.metrics.flush(self.step, self.seconds / 60)

    def _update_average(self) -> None:
        decay = self.config.ema if self._begun else min(self.config.ema, (1 + self.step) / (10 + self.step))
        for name, value in self.objective.network.state_dict().items():
            if value.is_floating_point():
                self.average[name].lerp_(value, 1 - decay)
            else:
                self.average[name].copy_(value)

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        network = self.objective.network
        kept = {name: value.detach().clone() for name, value in network.state_dict().items()}
        network.load_state_dict(self.average)
        try:
            yield
        finally:
            network.load_state_dict(kept)

    def _write_checkpoint(self, path: Path) -> None:
        if processes.rank():
            return
        with self._averaged():
            self.objective.save(path, self.step, self.seconds / 60)

    def _agreed_fraction(self) -> float:
        """Return the fraction of the budget that the first process has spent; all stop where one was told to."""
        fraction, seconds = processes.of_first((self._fraction(), self.seconds), self._device)
        self.seconds = seconds
        self._stop = processes.averaged(float(self._asked), self._device) > 0
        return fraction

    def _fraction(self) -> float:
        by_steps = self.step / self.config.steps if self.config.steps else 0.0
        by_time = self.seconds / (60 * self.config.max_minutes) if self.config.max_minutes else 0.0
        return max(by_steps, by_time)

    def _rate_factor(self, fraction: float) -> float:
        warm = min(1.0, (self.step + 1) / self.config.warmup)
        return warm * min(1.0, (1 - fraction) / (1 - self.config.decay_from))

    def _show(self, molecules: float) -> None:
        past, minutes = self.progress, self.seconds / 60
        rate = molecules / max(self.seconds - 60 * past.minutes, 1e-9)
        rate = rate if past.step == 0 else 0.95 * past.rate + 0.05 * rate
        fraction = max(self._fraction(), 1e-9)
        self.progress = Report(self.step, past.loss, rate, minutes, minutes * (1 - fraction) / fraction, fraction)
        self.report(self.progress)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        def stop(_signal: int, _frame: FrameType | None) -> None:
            self._asked = True

        kept: dict[signal.Signals, Any] = {}
        try:
            for number in (signal.SIGTERM, signal.SIGINT):
                kept[number] = signal.signal(number, stop)
        except ValueError:
            pass  # not in the main thread: whoever runs us handles signals
        try:
            yield
        finally:
            for restored, handler in kept.items():
                signal.signal(restored, handler)


def fit(loop: Loop) -> None:
    """Run a loop, going on where an earlier run in its folder was cut off.

    Raises:
        KeyboardInterrupt: if a signal ended it; what was reached is saved.
    """
    if (loop.folder / "state.safetensors").exists():
        loop.resume()
    else:
        loop.metrics.trim(0)
    loop.run()
    if loop.interrupted:
        raise KeyboardInterrupt


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(f"{prefix}."): value for name, value in tensors.items() if name.startswith(f"{prefix}.")}
