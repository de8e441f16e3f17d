"""`t2d-mol pretrain`: learn the distribution of all molecules, without labels."""

from pathlib import Path
from typing import Annotated

import typer

from t2d_mol.cli import options
from t2d_mol.cli.errors import handled
from t2d_mol.cli.runs import BatchSize, Compile, MaxMinutes, Resume, Snapshots, Steps, run_loop


@handled
def pretrain(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the run.")],
    preset: Annotated[str, typer.Option(help="tiny, small or base.")] = "small",
    steps: Steps = 0,
    max_minutes: MaxMinutes = 0.0,
    batch_size: BatchSize = 64,
    learning_rate: Annotated[float, typer.Option(help="Peak learning rate.")] = 1.5e-3,
    snapshot: Snapshots = None,
    compile_: Compile = False,
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
    """Pretrain the denoiser on the unlabelled train split.

    For example: t2d-mol pretrain --preset small --max-minutes 60 -o runs/small
    """
    options.set_up(quiet, threads)
    from t2d_mol import config as presets
    from t2d_mol.qm9.dataset import Molecules
    from t2d_mol.training.pretrain import Pretraining

    device = options.pick_device(device)
    model = presets.preset(preset)
    training = presets.TrainingConfig(
        steps=steps, max_minutes=max_minutes, batch_size=batch_size, learning_rate=learning_rate
    )
    bf16 = options.pick_bf16(precision, device, training=True)
    objective = Pretraining(Molecules.load(data), model, training, seed=seed, bf16=bf16, device=device)
    if compile_:
        objective.network.compile_parts()
    run_loop(
        objective, training, out, "pretraining", resume=resume, force=force, quiet=quiet, snapshots=tuple(snapshot or ())
    )
