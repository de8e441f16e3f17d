"""What a study does: its configuration and its cells."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

from t2d_mol.config import SamplingConfig, TrainingConfig, from_dict, preset, read_toml
from t2d_mol.errors import InputError, UsageError
from t2d_mol.generation import checked
from t2d_mol.training.finetune import scheduled

PRETRAINED: Final = "pretrained"
"""The arm without finetuning, which every study has."""


@dataclass(frozen=True)
class StudyConfig:
    """A study, as its TOML file says.

    Attributes:
        preset: size of the model that is pretrained once.
        shares: of half B's labels; smaller ones are nested in larger ones.
        seeds: of the labelled share, of finetuning and of sampling; the common start does not depend on them.
        arms: ways to finetune by name; each says in what it departs from `finetuning`.
        baseline: the arm that others are held against.
        workers: cells that are worked on at a time, each a process.
        compile: whether networks are compiled for training.
        encoder_steps: steps of the text encoder on prompts alone, once.
        exact: molecules judged for each property, and for all six, asked for by value.
        levels: molecules judged for each property and kind of wording, asked for by level.
        described: molecules of the test split whose −log p is bounded.
        pretraining, finetuning: how the denoiser is trained.
        sampling: how the judged molecules are sampled, by default without repairs, which would hide what is compared.
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
    sampling: SamplingConfig = SamplingConfig(repairs=0)

    def cells(self) -> "list[Cell]":
        """Return the cells in the order of work: seed by seed, what was pretrained first, then the smallest share."""
        return [cell for seed in self.seeds for cell in (Cell(PRETRAINED, 0.0, seed), *self.finetunings(seed))]

    def finetunings(self, seed: int) -> "list[Cell]":
        """Return the cells of a seed that are finetuned."""
        return [Cell(arm, share, seed) for share in sorted(self.shares) for arm in self.arms]

    def training(self, cell: "Cell") -> TrainingConfig:
        """Return how a cell is finetuned; the pretrained model is looked at as plain finetuning would begin with it."""
        if not cell.finetuned:
            return replace(self.finetuning, method="plain", steps=1)
        return replace(self.finetuning, **self.arms[cell.arm], label_fraction=cell.share)


@dataclass(frozen=True)
class Cell:
    """One finetuning, or the model all finetunings start from, and what is measured of it.

    Attributes:
        arm: a key of `StudyConfig.arms`, or `PRETRAINED`.
        share: of half B's labels; 0 of the pretrained model.
        seed: of everything drawn.
    """

    arm: str
    share: float
    seed: int

    @property
    def name(self) -> str:
        """Name of the cell and of its folder."""
        return f"{self.arm}-{self.share:g}-{self.seed}"

    @property
    def finetuned(self) -> bool:
        """Whether there is a finetuning."""
        return self.arm != PRETRAINED


FIXED: Final = {"label_fraction", "condition"}
"""Keys of `TrainingConfig` that a study decides itself."""


def read_plan(path: Path) -> StudyConfig:
    """Read a study's TOML file.

    Raises:
        InputError: if it cannot be read, or a key is unknown or of the wrong type.
        UsageError: if it asks for no cell, for one twice, or for something there is not.
    """
    told = read_toml(path)
    config = from_dict(StudyConfig, told)
    preset(config.preset)
    if not all(isinstance(share, float | int) and 0 < share <= 1 for share in config.shares):
        raise UsageError(f"{path}: shares must be numbers in (0, 1]")
    if not all(isinstance(seed, int) and seed >= 0 for seed in config.seeds):
        raise UsageError(f"{path}: seeds must be whole numbers")
    if min(config.exact, config.levels, config.described, config.workers) < 1:
        raise UsageError(f"{path}: exact, levels, described and workers must be at least 1")
    for table in ("pretraining", "finetuning"):
        _check_keys(table, told.get(table, {}))
    if not (config.pretraining.steps or config.pretraining.max_minutes):
        raise UsageError(f"{path}: pretraining has no budget", "give steps or max_minutes under [pretraining]")
    for name, arm in config.arms.items():
        if not name or set(name) & set("/\\ ") or name == PRETRAINED:
            raise UsageError(f"no arm can be called {name!r}: its cells are folders of that name")
        if not isinstance(arm, Mapping):
            raise InputError(f"arm {name!r} must be a table", f"[arms.{name}]")
        _check_keys(f"arms.{name}", arm)
        from_dict(TrainingConfig, dict(arm))
    checked(config.sampling)
    names = [cell.name for cell in config.cells()]
    if not (config.arms and config.shares and config.seeds):
        raise UsageError(f"{path} asks for no cell", "a study needs arms, shares and seeds")
    if len(set(names)) < len(names):
        raise UsageError(f"{path} asks for a cell twice: {next(name for name in names if names.count(name) > 1)}")
    if config.baseline not in config.arms:
        raise UsageError(f"{path}: no arm {config.baseline!r} to hold the others against", f"arms: {', '.join(config.arms)}")
    for cell in config.cells():
        training = scheduled(config.training(cell))  # builds the method, so that what it refuses is refused now
        if not (training.steps or training.max_minutes):
            raise UsageError(f"arm {cell.arm!r} has no budget", "give steps or max_minutes under [finetuning]")
    return config


def _check_keys(table: str, told: Mapping[str, Any]) -> None:
    known = {item.name for item in fields(TrainingConfig)} - FIXED
    if unknown := set(told) - known:
        raise InputError(f"[{table}]: unknown key {min(unknown)!r}", f"known keys: {', '.join(sorted(known))}")
