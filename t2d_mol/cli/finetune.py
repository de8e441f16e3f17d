"""`t2d-mol finetune`: teach a pretrained model to follow prompts."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from t2d_mol.cli import options
from t2d_mol.cli.errors import handled
from t2d_mol.cli.runs import BatchSize, MaxMinutes, Resume, Steps, run_loop

if TYPE_CHECKING:
    from t2d_mol.checkpoint import Checkpoint
    from t2d_mol.qm9.dataset import Molecules


@handled
def finetune(
    checkpoint: Annotated[Path, typer.Option(help="Pretrained checkpoint.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the run.")],
    steps: Steps = 0,
    max_minutes: MaxMinutes = 0.0,
    label_fraction: Annotated[float, typer.Option(help="Share of half B's 50,000 labels.")] = 1.0,
    method: Annotated[str, typer.Option(help="lexicographic or plain.")] = "lexicographic",
    condition: Annotated[str, typer.Option(help="text, or numbers for the control without words.")] = "text",
    encoder_steps: Annotated[
        int, typer.Option(help="Steps of the text encoder on prompts alone, if it is untrained.")
    ] = 6000,
    predictor_steps: Annotated[
        int, typer.Option(help="Steps of the property network on half B, if the checkpoint has none; 0 for none.")
    ] = 8000,
    batch_size: BatchSize = 64,
    learning_rate: Annotated[float, typer.Option(help="Peak learning rate.")] = 5e-4,
    resume: Resume = False,
    data: options.Data = options.DEFAULT_DATA,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    threads: options.Threads = 0,
    config: options.ConfigFile = None,
    force: options.Force = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Finetune on prompts of half B under the constraint that the unconditional loss stays where pretraining left it.

    For example: t2d-mol finetune --checkpoint runs/small/last.safetensors --max-minutes 30 -o runs/small-text
    """
    options.set_up(quiet, threads)
    from t2d_mol import config as presets
    from t2d_mol.checkpoint import Checkpoint
    from t2d_mol.qm9.dataset import Molecules
    from t2d_mol.training.finetune import Finetuning

    device = options.pick_device(device)
    bf16 = options.pick_bf16(precision, device, training=True)
    training = presets.TrainingConfig(
        steps=steps,
        max_minutes=max_minutes,
        label_fraction=label_fraction,
        method=method,
        condition=condition,
        batch_size=batch_size,
        learning_rate=learning_rate,
    )
    base, molecules = Checkpoint.load(checkpoint), Molecules.load(data)
    if condition == "text" and "encoder" not in base.weights:
        base = _train_encoder(base, out / "encoder", encoder_steps, seed, bf16, quiet)
    if predictor_steps and "predictor" not in base.weights:
        base = _train_predictor(base, molecules, out / "predictor", predictor_steps, seed, bf16, device, quiet)
    objective = Finetuning(base, molecules, training, seed=seed, bf16=bf16, device=device)
    run_loop(objective, training, out, "finetuning", resume=resume, force=force, quiet=quiet)


def _train_encoder(base: "Checkpoint", folder: Path, steps: int, seed: int, bf16: bool, quiet: bool) -> "Checkpoint":
    """Train the text encoder on prompts alone, or take up the one that lies in `folder`."""
    from t2d_mol.checkpoint import Checkpoint
    from t2d_mol.cli.progress import training_bar
    from t2d_mol.config import TrainingConfig
    from t2d_mol.training.loop import Loop
    from t2d_mol.training.reader import Reading

    if not (folder / "last.safetensors").exists():
        training = replace(TrainingConfig(), steps=steps, learning_rate=1e-3)
        with training_bar("text encoder", quiet=quiet) as show:
            Loop(Reading(base, training, seed=seed, bf16=bf16), training, folder, show).run()
    done = Checkpoint.load(folder / "last.safetensors")
    provenance = base.provenance | {"encoder": done.provenance["encoder"]}
    weights = base.weights | {"encoder": done.weights["encoder"]}
    return base.replace(weights=weights, vocabulary=done.vocabulary, provenance=provenance)


def _train_predictor(
    base: "Checkpoint",
    molecules: "Molecules",
    folder: Path,
    steps: int,
    seed: int,
    bf16: bool,
    device: str,
    quiet: bool,
) -> "Checkpoint":
    """Train the property network on half B, or take up the one that lies in `folder`."""
    from t2d_mol.checkpoint import Checkpoint
    from t2d_mol.cli.progress import training_bar
    from t2d_mol.config import TrainingConfig
    from t2d_mol.training.loop import Loop
    from t2d_mol.training.predictor import Prediction

    if not (folder / "last.safetensors").exists():
        training = replace(TrainingConfig(), steps=steps, learning_rate=1e-3)
        objective = Prediction(base, molecules, training, seed=seed, bf16=bf16, device=device)
        with training_bar("property network", quiet=quiet) as show:
            Loop(objective, training, folder, show).run()
    done = Checkpoint.load(folder / "last.safetensors")
    provenance = base.provenance | {"predictor": done.provenance["predictor"]}
    return base.replace(weights=base.weights | {"predictor": done.weights["predictor"]}, provenance=provenance)
