"""`t2d-mol average`: the mean of runs that began with the same weights."""

from pathlib import Path
from typing import Annotated

import typer

from t2d_mol.cli import options
from t2d_mol.cli.errors import handled


@handled
def average(
    checkpoints: Annotated[list[Path], typer.Argument(help="Checkpoints of runs that began with the same weights.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="File of the mean.")],
    base: Annotated[
        Path | None,
        typer.Option(help="Where all else comes from, networks that not all of them hold included; by default the first."),
    ] = None,
    network: Annotated[
        list[str] | None,
        typer.Option(help="What to average: denoiser, encoder, predictor or guide; may be repeated.", show_default="all"),
    ] = None,
    precision: Annotated[str, typer.Option(help="fp32, or bf16 for half the size.")] = "fp32",
    config: options.ConfigFile = None,
    print_config: options.PrintConfig = False,
    force: options.Force = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Average the weights of checkpoints, network by network.

    For example: t2d-mol average runs/a/last.safetensors runs/b/last.safetensors -o runs/mean.safetensors
    """
    options.set_up(quiet)
    import torch

    from t2d_mol.checkpoint import NETWORKS, Checkpoint
    from t2d_mol.errors import unknown
    from t2d_mol.io.output import check_free
    from t2d_mol.training.average import averaged

    stored = {"fp32": torch.float32, "bf16": torch.bfloat16}
    if precision not in stored:
        raise unknown("precision", precision, stored, "precisions")
    networks = tuple(network or NETWORKS)
    for name in networks:
        if name not in NETWORKS:
            raise unknown("network", name, NETWORKS)
    check_free(out, force=force)
    loaded = [Checkpoint.load(path) for path in checkpoints]
    averaged(loaded, Checkpoint.load(base) if base else loaded[0], networks).save(out, dtype=stored[precision])
    options.say(f"the mean of {len(loaded)}: {out}", quiet=quiet)
