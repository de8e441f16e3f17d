"""One cell: finetune, generate and judge by the protocols, bound −log p; what came of it is a flat table of figures."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Final

import numpy as np
import torch
from torch import Tensor

from t2d_mol.checkpoint import Checkpoint
from t2d_mol.diffusion.bound import variational_bound
from t2d_mol.errors import InputError
from t2d_mol.evaluation.findings import Findings
from t2d_mol.evaluation.oracles.network import Judge
from t2d_mol.evaluation.ratios import Ratio
from t2d_mol.evaluation.runs import ProtocolRun
from t2d_mol.evaluation.score import Score, Scorer
from t2d_mol.evaluation.summary import figures as figures_of
from t2d_mol.generation import Model
from t2d_mol.io.settings import write_json
from t2d_mol.molecule import Target
from t2d_mol.prompts.templates import exact_prompt
from t2d_mol.properties import KEYS, PROPERTIES
from t2d_mol.qm9.batches import buckets, in_order
from t2d_mol.qm9.dataset import Molecules
from t2d_mol.qm9.splits import Split
from t2d_mol.study.figure import Figure
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
        figures |= _quality(exact, model) | _training(folder / "metrics.jsonl")
        figures |= {name: Figure.of(totals) for name, totals in self._bounds(model, cell).items()}
        if not cell.finetuned:
            del figures["validation"]
        write_json(folder / "figures.json", {name: figure.to_json() for name, figure in figures.items()})

    def _finetune(self, cell: Cell, folder: Path) -> None:
        """Leave the finetuned checkpoint in the folder; of the pretrained model itself, that and its validation losses."""
        training = self.config.training(cell)
        objective = Finetuning(self.base, self.molecules, training, seed=cell.seed, bf16=self.bf16, device=self.device)
        if self.config.compile and cell.finetuned:
            objective.network.denoiser.compile_parts()
        loop = Loop(objective, scheduled(training), folder, log_every=50)
        if cell.finetuned:
            fit(loop)
        else:
            loop.save()
        (folder / "last.safetensors").replace(folder / TRAINED)
        shutil.rmtree(folder / "trunk", ignore_errors=True)
        for name in ("state.safetensors", "best.safetensors"):
            (folder / name).unlink(missing_ok=True)

    def _model(self, cell: Cell, folder: Path) -> Model:
        """Return the finetuned model; values and atom counts are drawn from all of half B, alike in all cells."""
        trained = Checkpoint.load(folder / TRAINED)
        joint = joint_values(self.molecules, labelled(self.molecules, 1.0, cell.seed), trained.statistics)
        return Model(trained.replace(joint=joint), device=self.device, name=cell.name)

    def _judged(self, model: Model, protocol: str, count: int, cell: Cell, judge: Judge, folder: Path) -> list[Score]:
        """Return the scores of a protocol, whose folder it leaves in the cell's; the pretrained model ignores prompts."""
        guidance = self.config.sampling.guidance if cell.finetuned else 0.0
        sampling = replace(self.config.sampling, seed=cell.seed, guidance=guidance)
        run = ProtocolRun(protocol, count, model, sampling, {"oracle": "network"}, folder / protocol)
        run.prepare(resume=True, force=False)
        scores = list(Scorer(model.statistics, judge)(run.entries(resume=True, show=lambda done, total: None)))
        run.write(Findings.of(scores, model.checkpoint, oracle="network"))
        return scores

    def _bounds(self, model: Model, cell: Cell) -> dict[str, Tensor]:
        """Return the bounds on −log p (N,) of molecules of the test split, with all six values as their prompt and without.

        Molecules, noise levels and noise are the same in every cell. The pretrained model is not shown the prompts.
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
                shown = prompts if cell.finetuned else None
                for name, memory in (("bound", shown), ("unconditional_bound", None)):
                    generator = torch.Generator().manual_seed(number)
                    moved = batch.to(model.device)
                    bound = variational_bound(model.denoiser, model.process, moved, sizes, generator, memory)
                    totals[name].append(bound.total.cpu())
        return {name: torch.cat(parts) for name, parts in totals.items()}


def read_figures(folder: Path) -> dict[str, Figure] | None:
    """Return what a cell came to, by name; None if it is not done.

    Raises:
        InputError: if an earlier version wrote it.
    """
    path = folder / "figures.json"
    if not path.exists():
        return None
    told = json.loads(path.read_text())
    if "figures" in told:
        raise InputError(f"{path} is of an earlier version", "begin the study anew, in another folder")
    return {name: Figure.from_json(figure) for name, figure in told.items()}


def described(values: Sequence[float]) -> tuple[Target, ...]:
    """Return all six values of a molecule as targets."""
    return tuple(
        Target(prop.key, "=", value=float(f"{value:.4g}"), unit=prop.unit)
        for prop, value in zip(PROPERTIES, values, strict=True)
    )


def _control(exact: Sequence[Score], levels: Sequence[Score], shuffled: Mapping[str, float]) -> dict[str, Figure]:
    """Return errors and hits by property, and their means; `mae` is in units of the error of shuffled labels."""
    found: dict[str, Figure] = {}
    for key in KEYS:
        asked = [score for score in exact if score.entry.group == key]
        known = [key in score.errors for score in asked]
        found[f"mae.{key}"] = Figure.of_ratio(Ratio.of([score.errors.get(key, 0.0) for score in asked], known))
        worded = [score for score in levels if score.entry.group == key]
        read = [score.reading is not None and key in score.reading.values for score in worded]
        found[f"hit.{key}"] = Figure.of_ratio(Ratio.of([score.hits.get(key, False) for score in worded], read))
    ratios = [found[f"mae.{key}"].scaled(1 / shuffled[key]) for key in KEYS]
    means = {"mae": Figure.of_groups(ratios), "hit": Figure.of_groups([found[f"hit.{key}"] for key in KEYS])}
    return found | means


def _quality(exact: Sequence[Score], model: Model) -> dict[str, Figure]:
    checkpoint = model.checkpoint
    hashes = {"smiles_hashes": checkpoint.smiles_hashes.numpy(), "lookup_hashes": checkpoint.lookup_hashes.numpy()}
    found = figures_of(exact, **hashes)
    return {name: Figure.of_ratio(found[path]) for name, path in QUALITY.items()}


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
