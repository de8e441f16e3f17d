"""`t2d-mol pretrain`: learn the distribution of all molecules, without labels."""

from pathlib import Path
from typing import Annotated, Final

import typer

from t2d_mol.cli import options
from t2d_mol.cli.errors import handled
from t2d_mol.cli.runs import (
    BatchSize,
    Compile,
    DecayFrom,
    LearningRate,
    MaxMinutes,
    NoiseShift,
    Resume,
    Snapshots,
    Steps,
    run_loop,
)
from t2d_mol.errors import UsageError

WARMUP_AGAIN: Final = 200
"""Steps of warm-up of weights that were trained before, while the optimiser's moments are made afresh."""


@handled
def pretrain(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the run.")],
    preset: Annotated[str, typer.Option(help="tiny, small or base.")] = "small",
    steps: Steps = 0,
    max_minutes: MaxMinutes = 0.0,
    batch_size: BatchSize = 64,
    learning_rate: LearningRate = 1.5e-3,
    decay_from: DecayFrom = 0.3,
    noise_shift: NoiseShift = 0.0,
    trunk: Annotated[
        Path | None, typer.Option(help="Go on from the state another run had before its learning rate fell: RUN/trunk.")
    ] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Go on from a checkpoint's denoiser, whose sizes count instead of --preset.")
    ] = None,
    snapshot: Snapshots = None,
    compile_: Compile = False,
    resume: Resume = False,
    data: options.Data = options.DEFAULT_DATA,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    threads: options.Threads = 0,
    config: options.ConfigFile = None,
    print_config: options.PrintConfig = False,
    force: options.Force = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Pretrain the denoiser on the unlabelled train split.

    For example: t2d-mol pretrain --preset small --max-minutes 60 -o runs/small
    """
    options.set_up(quiet, threads)
    from t2d_mol import config as presets
    from t2d_mol.checkpoint import Checkpoint
    from t2d_mol.cli.production import digest_of
    from t2d_mol.qm9.dataset import Molecules
    from t2d_mol.training.launch import join
    from t2d_mol.training.pretrain import Pretraining
    from t2d_mol.training.trunk import read_trunk

    if trunk and checkpoint:
        raise UsageError("--trunk and --checkpoint are two starts", "leave one of them out")
    device = join(options.pick_device(device))
    before = Checkpoint.load(checkpoint) if checkpoint else None
    model = before.config if before else presets.preset(preset)
    start = read_trunk(trunk) if trunk else (before.floats("denoiser"),) * 2 if before else None
    training = presets.TrainingConfig(
        steps=steps,
        max_minutes=max_minutes,
        batch_size=batch_size,
        learning_rate=learning_rate,
        decay_from=decay_from,
        noise_shift=noise_shift,
        warmup=WARMUP_AGAIN if start else presets.TrainingConfig.warmup,
    )
    bf16 = options.pick_bf16(precision, device, training=True)
    objective = Pretraining(Molecules.load(data), model, training, seed=seed, bf16=bf16, device=device)
    if compile_:
        objective.network.compile_parts()
    kept = tuple(snapshot or ())
    run_loop(
        objective, training, out, "pretraining", resume=resume, force=force, quiet=quiet, snapshots=kept, start=start,
        settings={"model": presets.to_dict(model), "seed": seed, "data": digest_of(str(data))},
    )  # fmt: skip
