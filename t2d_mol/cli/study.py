"""`t2d-mol study`: shares of labels × ways to finetune × seeds, each cell trained and judged alike."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from t2d_mol.cli import options
from t2d_mol.cli.errors import handled
from t2d_mol.cli.runs import Resume
from t2d_mol.errors import T2DMolError, UsageError


@handled
def study(
    plan: Annotated[Path, typer.Argument(help="TOML file that says what is compared.", metavar="PLAN")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the study.")],
    cell: Annotated[
        str | None,
        typer.Option(help="Work on one cell, ARM-SHARE-SEED, or on what all start from (base).", show_default=False),
    ] = None,
    plots: Annotated[
        Path | None, typer.Option(help="Write the figures as PNG files to this folder (extra plot).", show_default=False)
    ] = None,
    resume: Resume = False,
    data: options.Data = options.DEFAULT_DATA,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    threads: options.Threads = 0,
    force: options.Force = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Compare ways to finetune on few labels: pretrain once, finetune and judge cell by cell, fill the tables as it goes.

    For example: t2d-mol study benchmarks/studies/two-cores.toml -o runs/study
    """
    options.set_up(quiet, threads)
    from t2d_mol.cli.progress import bar, training_bar
    from t2d_mol.evaluation.figures import require_matplotlib, write_plots
    from t2d_mol.study.figures import draw
    from t2d_mol.study.plan import read_plan
    from t2d_mol.study.results import gather, write_results
    from t2d_mol.study.run import BASE, Study, worker_command

    device = options.pick_device(device)
    if plots:
        require_matplotlib()
    asked = Study(read_plan(plan), out, data, device, options.pick_bf16(precision, device, training=True))
    if cell is not None and force:
        raise UsageError("--force does not go with --cell", "it would remove the cells of others")
    if cell not in (None, BASE):
        asked.prepare(resume=True, force=False)
        asked.run_one(cell)
        return
    failed: list[str] = []
    with asked.alone(out):
        asked.prepare(resume=resume or cell is not None, force=force)
        with training_bar("what all start from", quiet=quiet) as report:
            asked.make_base(report)
        if cell is None:
            with bar("cells", quiet=quiet) as show:
                failed = asked.run_all(worker_command(plan, asked, threads, precision), show, options.say)
            sys.stdout.write("\n".join(table.text() for table in write_results(asked.config, out)))
            if plots:
                write_plots(draw(asked.config, gather(asked.config, out), out), plots, force=force or resume)
    if failed:
        raise T2DMolError(f"{len(failed)} cells failed: {', '.join(failed)}", "what can be, is done; --resume tries again")
