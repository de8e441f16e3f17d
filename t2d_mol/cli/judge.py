"""`t2d-mol judge`: train the network that judges, calibrate it, and measure what it is worth."""

from pathlib import Path
from typing import Annotated

import typer

from t2d_mol.cli import options
from t2d_mol.cli.errors import handled
from t2d_mol.cli.runs import BatchSize, Compile, MaxMinutes, Resume, Steps, run_loop
from t2d_mol.errors import MissingError


@handled
def judge(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the run.")],
    steps: Steps = 0,
    max_minutes: MaxMinutes = 0.0,
    batch_size: BatchSize = 64,
    learning_rate: Annotated[float, typer.Option(help="Peak learning rate.")] = 1.5e-3,
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
    """Train the judge on half A, fit its intervals on the validation split, and leave it as judge.safetensors.

    For example: t2d-mol judge --max-minutes 60 --compile -o runs/judge
    """
    options.set_up(quiet, threads)
    from t2d_mol import config as presets
    from t2d_mol.evaluation.calibration import finished
    from t2d_mol.judge_checkpoint import JudgeCheckpoint
    from t2d_mol.qm9.dataset import Molecules
    from t2d_mol.qm9.splits import Split
    from t2d_mol.training.properties import JudgeTraining

    device = options.pick_device(device)
    training = presets.TrainingConfig(
        steps=steps, max_minutes=max_minutes, batch_size=batch_size, learning_rate=learning_rate, validation_molecules=2048
    )
    molecules = Molecules.load(data)
    for split in (Split.VALIDATION, Split.TEST):
        if not len(molecules.select(split)):
            raise MissingError(f"the data set has no {split.name.lower()} split, on which the judge is calibrated")
    bf16 = options.pick_bf16(precision, device, training=True)
    objective = JudgeTraining(presets.JUDGE, molecules, training, seed=seed, bf16=bf16, device=device)
    if compile_:
        objective.network.compile_parts()
    settings = {"seed": seed}
    run_loop(objective, training, out, "judge", resume=resume, force=force, quiet=quiet, settings=settings)
    done = finished(JudgeCheckpoint.load(out / "last.safetensors"), molecules)
    done.save(out / "judge.safetensors")
    options.say(f"calibrated and measured: {out}/judge.safetensors", quiet=quiet)
