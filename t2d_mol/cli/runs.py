"""What training commands share: their options, and the loop run with progress."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from t2d_mol.cli import options
from t2d_mol.errors import UsageError

if TYPE_CHECKING:
    from t2d_mol.config import TrainingConfig
    from t2d_mol.training.objective import Objective
    from t2d_mol.training.trunk import Tensors

Steps = Annotated[int, typer.Option(help="Budget in steps.", min=0)]
MaxMinutes = Annotated[float, typer.Option(help="Budget in minutes.", min=0)]
Resume = Annotated[bool, typer.Option("--resume", help="Continue the run that lies in the output folder.")]
Snapshots = Annotated[
    list[float] | None,
    typer.Option(
        "--snapshot", help="Keep a checkpoint at this fraction of the budget; may be repeated.", show_default=False
    ),
]
Compile = Annotated[bool, typer.Option("--compile", help="Compile the network: minutes at first, then 1.5 times as fast.")]
LearningRate = Annotated[float, typer.Option(help="Peak learning rate.")]
DecayFrom = Annotated[
    float, typer.Option(help="Fraction of the budget after which the learning rate falls to zero.", min=0, max=0.99)
]
NoiseShift = Annotated[
    float, typer.Option(help="Added to the mean of ln σ: bonds and what prompts say are decided where noise is high.")
]
BatchSize = Annotated[int, typer.Option(help="Molecules a step.", min=1)]

BUDGET: Final = {"steps", "max_minutes", "checkpoint_minutes", "validation_molecules"}
"""Keys of `TrainingConfig` that a run may go on with others of."""


def run_loop(
    objective: "Objective",
    training: "TrainingConfig",
    out: Path,
    title: str,
    *,
    resume: bool,
    force: bool,
    quiet: bool,
    snapshots: tuple[float, ...] = (),
    start: "tuple[Tensors, Tensors] | None" = None,
    settings: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Train with progress on stderr, resuming, from weights and average or anew, and say where the result lies.

    `settings` are what beside `training` decides the weights; a run goes on with the same ones, though with another budget.

    Raises:
        UsageError: if the folder holds a run and neither `resume` nor `force` is on, or one with other settings.
        KeyboardInterrupt: if a signal ended the run; what was reached is saved.
    """
    from t2d_mol.cli.progress import training_bar
    from t2d_mol.config import to_dict
    from t2d_mol.io.settings import settle
    from t2d_mol.text2data import processes
    from t2d_mol.training.loop import Loop

    quiet = quiet or processes.rank() > 0

    if (out / "state.safetensors").exists() and not (resume or force):
        raise UsageError(f"{out} holds a run", "continue it with --resume or start anew with --force")
    if not resume and processes.rank() == 0:
        _clear(out)
    if resume or processes.rank() == 0:
        kept = {name: value for name, value in to_dict(training).items() if name not in BUDGET}
        settle(out / "config.json", {"training": kept, **settings}, resume=resume)
    with training_bar(title, quiet=quiet) as show:
        loop = Loop(objective, training, out, show, snapshots=snapshots)
        if resume:
            loop.resume()
        elif start is not None:
            loop.start_from(*start)
        loop.run()
        processes.wait()
    state = "interrupted" if loop.interrupted else "done"
    options.say(f"{state} after {loop.step} steps, {loop.seconds / 60:.1f} minutes: {out}/last.safetensors", quiet=quiet)
    if loop.interrupted:
        raise KeyboardInterrupt


def _clear(out: Path) -> None:
    """Remove what an earlier run left in a folder, so that one begun anew cannot be gone on with from there."""
    for name in ("state.safetensors", "last.safetensors", "best.safetensors", "metrics.jsonl"):
        (out / name).unlink(missing_ok=True)
    for path in (*out.glob("at-*.safetensors"), *(out / "trunk").glob("*")):
        path.unlink()
