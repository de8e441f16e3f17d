"""What a study does: its configuration and its cells."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

from t2d_mol.config import SamplingConfig, TrainingConfig, from_dict, preset, read_toml
from t2d_mol.errors import InputError, UsageError
from t2d_mol.training.finetune import METHODS


@dataclass(frozen=True)
class StudyConfig:
    """A study, as its TOML file says.

    Attributes:
        preset: size of the model that is pretrained once.
        shares: of half B's labels; smaller ones are nested in larger ones.
        seeds: of the labelled share, of finetuning and of sampling.
        arms: ways to finetune by name; each says in what it departs from `finetuning`.
        baseline: the arm that others are held against.
        workers: cells that are worked on at a time, each a process.
        compile: whether networks are compiled for training.
        encoder_steps: steps of the text encoder on prompts alone, once.
        exact: molecules judged for each property, and for all six, asked for by value.
        levels: molecules judged for each property and kind of wording, asked for by level.
        described: molecules of the test split whose −log p is bounded.
        pretraining, finetuning: how the denoiser is trained.
        sampling: how the judged molecules are sampled.
    """

    preset: str = "tiny"
    shares: tuple[float, ...] = (0.02, 0.1, 0.4)
    seeds: tuple[int, ...] = (0, 1)
    arms: dict[str, Any] = field(default_factory=dict)
    baseline: str = "plain"
    workers: int = 1
    compile: bool = True
    encoder_steps: int = 6000
    exact: int = 100
    levels: int = 25
    described: int = 1000
    pretraining: TrainingConfig = field(default_factory=TrainingConfig)
    finetuning: TrainingConfig = field(default_factory=TrainingConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)

    def cells(self) -> "list[Cell]":
        """Return the cells in the order of work: seed by seed, the smallest share first."""
        return [Cell(arm, share, seed) for seed in self.seeds for share in sorted(self.shares) for arm in self.arms]

    def training(self, cell: "Cell") -> TrainingConfig:
        """Return how a cell is finetuned."""
        return replace(self.finetuning, **self.arms[cell.arm], label_fraction=cell.share)


@dataclass(frozen=True)
class Cell:
    """One finetuning and what is measured of it.

    Attributes:
        arm: a key of `StudyConfig.arms`.
        share: of half B's labels.
        seed: of everything drawn.
    """

    arm: str
    share: float
    seed: int

    @property
    def name(self) -> str:
        """Name of the cell and of its folder."""
        return f"{self.arm}-{self.share:g}-{self.seed}"


SET_BY_CELLS: Final = {"label_fraction", "condition"}
"""Keys of `TrainingConfig` that an arm may not set."""


def read_plan(path: Path) -> StudyConfig:
    """Read a study's TOML file.

    Raises:
        InputError: if it cannot be read, or a key is unknown or of the wrong type.
        UsageError: if it asks for no cell, or for something there is not.
    """
    config = from_dict(StudyConfig, read_toml(path))
    preset(config.preset)
    if not (config.arms and config.shares and config.seeds):
        raise UsageError(f"{path} asks for no cell", "a study needs arms, shares and seeds")
    if config.baseline not in config.arms:
        raise UsageError(f"{path}: no arm {config.baseline!r} to hold the others against", f"arms: {', '.join(config.arms)}")
    if not all(0 < share <= 1 for share in config.shares):
        raise UsageError(f"{path}: shares must lie in (0, 1]")
    if min(config.exact, config.levels, config.described, config.workers) < 1:
        raise UsageError(f"{path}: exact, levels, described and workers must be at least 1")
    for name, arm in config.arms.items():
        _check_arm(name, arm, config.finetuning)
    return config


def _check_arm(name: str, arm: object, usual: TrainingConfig) -> None:
    if not name or set(name) & set("/\\ "):
        raise UsageError(f"no arm can be called {name!r}: its cells are folders of that name")
    if not isinstance(arm, Mapping):
        raise InputError(f"arm {name!r} must be a table", f"[arms.{name}]")
    known = {item.name for item in fields(TrainingConfig)} - SET_BY_CELLS
    if unknown := set(arm) - known:
        raise InputError(f"arm {name!r}: unknown key {min(unknown)!r}", f"known keys: {', '.join(sorted(known))}")
    own = from_dict(TrainingConfig, dict(arm))
    if own.method not in METHODS:
        raise UsageError(f"arm {name!r}: no method {own.method!r}", f"methods: {', '.join(METHODS)}")
    if not (usual.steps or usual.max_minutes or own.steps or own.max_minutes):
        raise UsageError(f"arm {name!r} has no budget", "give steps or max_minutes under [finetuning]")
