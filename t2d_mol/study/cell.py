"""One cell: finetune, generate and judge by the protocols, bound −log p; what came of it is a flat table of figures."""

import json
import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import NormalDist, fmean
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from t2d_mol.checkpoint import Checkpoint
from t2d_mol.diffusion.bound import variational_bound
from t2d_mol.evaluation.findings import Findings
from t2d_mol.evaluation.oracles.network import Judge
from t2d_mol.evaluation.runs import ProtocolRun
from t2d_mol.evaluation.score import Scorer
from t2d_mol.generation import Model
from t2d_mol.io.settings import write_json
from t2d_mol.molecule import Target
from t2d_mol.prompts.templates import exact_prompt
from t2d_mol.properties import KEYS, PROPERTIES
from t2d_mol.qm9.batches import buckets, in_order
from t2d_mol.qm9.dataset import Molecules
from t2d_mol.qm9.splits import Split
from t2d_mol.study.plan import Cell, StudyConfig
from t2d_mol.training.finetune import Finetuning, joint_values, labelled, scheduled
from t2d_mol.training.loop import Loop, fit

QUALITY: Final = {
    "valid": "bonds.valid",
    "atom_stable": "bonds.atom_stable",
    "molecule_stable": "bonds.molecule_stable",
    "lookup_molecule_stable": "lookup.molecule_stable",
    "novel": "bonds.novel",
}
"""Figures of the molecules asked for by value, and where a summary holds them."""

DESCRIBED_BATCH: Final = 50
TRAINED: Final = "finetuned.safetensors"


@dataclass(frozen=True)
class Figure:
    """A figure with its standard error over the molecules, 0 where it has none."""

    value: float
    error: float = 0.0

    @classmethod
    def of(cls, values: Tensor) -> "Figure":
        """Return the mean of independent values."""
        return cls(float(values.mean()), float(values.std()) / len(values) ** 0.5 if len(values) > 1 else 0.0)

    def less(self, other: "Figure") -> "Figure":
        """Return the difference from an independent figure."""
        return Figure(self.value - other.value, math.hypot(self.error, other.error))

    def scaled(self, factor: float) -> "Figure":
        """Return the figure in other units."""
        return Figure(factor * self.value, factor * self.error)


def mean(figures: Sequence[Figure]) -> Figure:
    """Return the mean of independent figures."""
    count = len(figures)
    return Figure(fmean(figure.value for figure in figures), sum(figure.error**2 for figure in figures) ** 0.5 / count)


@dataclass(frozen=True)
class Workshop:
    """Where and on what the cells of a study are worked on.

    Attributes:
        config: the study.
        base: checkpoint that every cell starts from: pretrained denoiser, text encoder.
        molecules: the data set.
        device, bf16: what networks run on, and whether they are trained in bfloat16.
    """

    config: StudyConfig
    base: Checkpoint
    molecules: Molecules
    device: str
    bf16: bool

    def run(self, cell: Cell, folder: Path) -> None:
        """Finetune, generate, judge and measure a cell, going on where an earlier attempt was cut off.

        Raises:
            KeyboardInterrupt: if a signal ended the finetuning, which can be gone on with.
        """
        if not (folder / TRAINED).exists():
            self._finetune(cell, folder)
        model, judge = self._model(cell, folder), Judge.load(None, device=self.device)
        exact = self._judged(model, "conditional", self.config.exact, cell, judge, folder)
        levels = self._judged(model, "text", self.config.levels, cell, judge, folder)
        figures = _control(exact, levels, judge.checkpoint.results["u_bound"])
        figures |= _quality(exact) | _training(folder / "metrics.jsonl")
        bounds = self._bounds(model)
        figures |= {name: Figure.of(totals) for name, totals in bounds.items()}
        write_json(
            folder / "figures.json", {"figures": to_plain(figures), "bounds": {k: v.tolist() for k, v in bounds.items()}}
        )

    def _finetune(self, cell: Cell, folder: Path) -> None:
        training = self.config.training(cell)
        objective = Finetuning(self.base, self.molecules, training, seed=cell.seed, bf16=self.bf16, device=self.device)
        if self.config.compile:
            objective.network.denoiser.compile_parts()
        fit(Loop(objective, scheduled(training), folder, log_every=50))
        (folder / "last.safetensors").replace(folder / TRAINED)
        shutil.rmtree(folder / "trunk", ignore_errors=True)
        for name in ("state.safetensors", "best.safetensors"):
            (folder / name).unlink(missing_ok=True)

    def _model(self, cell: Cell, folder: Path) -> Model:
        """Return the finetuned model; values and atom counts are drawn from all of half B, alike in all cells."""
        trained = Checkpoint.load(folder / TRAINED)
        joint = joint_values(self.molecules, labelled(self.molecules, 1.0, cell.seed), trained.statistics)
        return Model(trained.replace(joint=joint), device=self.device, name=cell.name)

    def _judged(self, model: Model, protocol: str, count: int, cell: Cell, judge: Judge, folder: Path) -> dict[str, Any]:
        """Return the summary of a protocol, whose folder it leaves in the cell's."""
        sampling = replace(self.config.sampling, seed=cell.seed)
        run = ProtocolRun(protocol, count, model, sampling, {"oracle": "network"}, folder / protocol)
        run.prepare(resume=True, force=False)
        scores = list(Scorer(model.statistics, judge)(run.entries(resume=True, show=lambda done, total: None)))
        found = Findings.of(scores, model.checkpoint, oracle="network")
        run.write(found)
        return found.summary

    def _bounds(self, model: Model) -> dict[str, Tensor]:
        """Return the bounds on −log p (N,) of molecules of the test split, with all six values as their prompt and without.

        Molecules, noise levels and noise are the same in every cell.
        """
        split = next(found for split in (Split.TEST, Split.TRAIN) if len(found := self.molecules.select(split)))
        values, sizes, statistics = self.molecules.properties(), model.checkpoint.sizes, model.statistics
        possible = split[sizes.numpy()[self.molecules.sizes()[split]] > 0]
        chosen = np.random.default_rng(0).permutation(possible)[: self.config.described]
        totals: dict[str, list[Tensor]] = {"bound": [], "unconditional_bound": []}
        for number, (batch, indices) in enumerate(in_order(buckets(self.molecules, np.sort(chosen)), DESCRIBED_BATCH)):
            asked = [described(values[index]) for index in indices]
            with torch.no_grad():
                prompts = model.conditioner.memory([exact_prompt(row, statistics) for row in asked], asked)
                for name, memory in (("bound", prompts), ("unconditional_bound", None)):
                    generator = torch.Generator().manual_seed(number)
                    moved = batch.to(model.device)
                    bound = variational_bound(model.denoiser, model.process, moved, sizes, generator, memory)
                    totals[name].append(bound.total.cpu())
        return {name: torch.cat(parts) for name, parts in totals.items()}


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a cell came to.

    Attributes:
        figures: by name.
        bounds: on −log p (N,), of the same molecules in every cell, with prompt and without.
    """

    figures: Mapping[str, Figure]
    bounds: Mapping[str, Tensor]


def read_outcome(folder: Path) -> Outcome | None:
    """Return what a cell came to; None if it is not done."""
    path = folder / "figures.json"
    if not path.exists():
        return None
    told = json.loads(path.read_text())
    figures = {
        name: Figure(math.nan if f["value"] is None else f["value"], f["error"]) for name, f in told["figures"].items()
    }
    return Outcome(figures, {name: torch.tensor(totals) for name, totals in told["bounds"].items()})


def to_plain(figures: Mapping[str, Figure]) -> dict[str, Any]:
    """Return figures as JSON has them; null where a figure has no value."""
    return {
        name: {"value": figure.value if math.isfinite(figure.value) else None, "error": figure.error}
        for name, figure in figures.items()
    }


def described(values: Sequence[float]) -> tuple[Target, ...]:
    """Return all six values of a molecule as targets."""
    return tuple(
        Target(prop.key, "=", value=float(f"{value:.4g}"), unit=prop.unit)
        for prop, value in zip(PROPERTIES, values, strict=True)
    )


def _control(exact: Mapping[str, Any], levels: Mapping[str, Any], shuffled: Mapping[str, float]) -> dict[str, Figure]:
    """Return errors and hits by property, and their means; `mae` is in units of the error of shuffled labels."""
    found: dict[str, Figure] = {}
    for key in KEYS:
        found[f"mae.{key}"] = _interval_figure(exact["exact"][key][key], "mae")
        worded = [_interval_figure(entry, "hit") for entry in levels["levels"][key].values()]
        found[f"hit.{key}"] = mean(worded)
    ratios = [found[f"mae.{key}"].scaled(1 / shuffled[key]) for key in KEYS]
    return found | {"mae": mean(ratios), "hit": mean([found[f"hit.{key}"] for key in KEYS])}


def _quality(exact: Mapping[str, Any]) -> dict[str, Figure]:
    found = {}
    for name in QUALITY:
        block, key = QUALITY[name].split(".")
        value, ends = exact[block][key], exact["intervals"].get(QUALITY[name], [0.0, 0.0])
        found[name] = Figure(value if value is not None else math.nan, _error(ends))
    return found


def _training(path: Path) -> dict[str, Figure]:
    """Return what a finetuning's log says: last validation losses, and of the constraint means over the steps."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    last = next(row for row in reversed(rows) if "validation_loss" in row)
    found = {
        "minutes": Figure(last["minutes"]),
        "steps": Figure(last["step"]),
        "validation": Figure(last["validation_loss"]),
        "validation_unconditional": Figure(last["validation_unconditional_loss"]),
    }
    looked = [row for row in rows if "lambda" in row]
    for name in ("lambda", "violated", "cosine", "unconditional") if looked else ():
        found[name] = Figure(fmean(row[name] for row in looked))
    return found


def _interval_figure(entry: Mapping[str, Any], name: str) -> Figure:
    return Figure(entry[name], _error(entry["intervals"][name]))


def _error(ends: Sequence[float]) -> float:
    """Return the standard error of a 95 % interval."""
    return (ends[1] - ends[0]) / (2 * NormalDist().inv_cdf(0.975))
