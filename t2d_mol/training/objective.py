"""What training minimises, as the loop sees it."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import torch
from torch import nn

Metrics = dict[str, float]


class Objective(ABC):
    """What a training run minimises.

    Attributes:
        network: the network whose parameters are trained.
    """

    network: nn.Module

    @abstractmethod
    def backward(self, step: int) -> Metrics:
        """Leave the gradients of a step in the network's parameters; return the step's losses and `molecules`."""

    @abstractmethod
    def validate(self) -> Metrics:
        """Return validation losses; the key `loss` decides which checkpoint is best."""

    @abstractmethod
    def save(self, path: Path, step: int, minutes: float) -> None:
        """Write a checkpoint with the weights the network holds now."""

    def attach(self, optimiser: torch.optim.Optimizer) -> None:  # noqa: B027
        """See the optimiser that will step, if anything depends on it."""

    def state(self) -> dict[str, Any]:
        """Return what a resumed run must know besides weights and optimiser."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:  # noqa: B027
        """Take back what `state` returned."""


def step_generator(seed: int, step: int) -> torch.Generator:
    """Return the generator of a step's random draws: a function of (seed, step), so that training resumes exactly."""
    return torch.Generator().manual_seed(((seed * 1_000_003 + step) * 2 + 1) % 2**63)
