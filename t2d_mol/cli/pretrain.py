"""`t2d-mol pretrain`: learn the distribution of all molecules, without labels."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from t2d_mol.cli import options
from t2d_mol.cli.errors import handled

Steps = Annotated[int, typer.Option(help="Budget in steps.", min=0)]
MaxMinutes = Annotated[float, typer.Option(help="Budget in minutes.", min=0)]
Compile = Annotated[bool, typer.Option("--compile", help="Compile the blocks; pays off after about ten minutes.")]
Resume = Annotated[bool, typer.Option("--resume", help="Continue the run that lies in the output folder.")]
BatchSize = Annotated[int, typer.Option(help="Molecules a step.", min=1)]


@handled
def pretrain(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the run.")],
    preset: Annotated[str, typer.Option(help="tiny, small or base.")] = "small",
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
    training = replace(
        presets.TrainingConfig(),
        steps=steps,
        max_minutes=max_minutes,
        batch_size=batch_size,
        learning_rate=learning_rate,
    )
    bf16 = options.pick_bf16(precision, device, training=True)
    objective = Pretraining(Molecules.load(data), model, training, seed=seed, bf16=bf16, device=device)
    run_loop(
        objective, training, out, "pretraining", compile_=compile_, resume=resume, force=force, quiet=quiet
    )


def run_loop(
    objective: "object", training: "object", out: Path, title: str, *, compile_: bool, resume: bool, force: bool, quiet: bool
) -> None:
    """Run the training loop of a command: guard the folder, resume, show progress, say where the result lies."""
    from typing import cast

    from t2d_mol.cli.progress import training_bar
    from t2d_mol.config import TrainingConfig
    from t2d_mol.errors import UsageError
    from t2d_mol.nn.blocks import Block
    from t2d_mol.training.loop import Loop, Objective

    learner, config = cast(Objective, objective), cast(TrainingConfig, training)
    if (out / "state.safetensors").exists() and not (resume or force):
        raise UsageError(f"{out} holds a run", "continue it with --resume or start anew with --force")
    if compile_:
        for module in learner.network.modules():
            if isinstance(module, Block):
                module.compile(dynamic=False)
    with training_bar(title, quiet=quiet) as show:
        loop = Loop(learner, config, out, show)
        if resume:
            loop.resume()
        else:
            (out / "metrics.jsonl").unlink(missing_ok=True)
        loop.run()
    state = "interrupted" if loop.interrupted else "done"
    options.say(f"{state} after {loop.step} steps, {loop.seconds / 60:.1f} minutes: {out}/last.safetensors", quiet=quiet)
    if loop.interrupted:
        raise KeyboardInterrupt
