"""`t2d-mol evaluate`: score molecules, generate and score prompts, run a protocol, measure the judge."""

from pathlib import Path
from typing import Annotated

import typer

from t2d_mol.cli import options, sampling
from t2d_mol.cli.errors import handled


@handled
def evaluate(
    context: typer.Context,
    file: Annotated[
        str,
        typer.Argument(
            help="SDF, XYZ, JSONL, Parquet, SMILES or CSV of molecules, or a CSV with a column prompt; - is stdin.",
            show_default=False,
        ),
    ] = "",
    split: Annotated[
        str | None,
        typer.Option(help="Instead of a file: train, validation or test, the molecules of that split of --data."),
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            help="Instead of a file: unconditional, conditional or text; generates, scores and fills the folder -o."
        ),
    ] = None,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Instead of a file: measure the judge on --data, beside published bounds.")
    ] = False,
    oracle: Annotated[
        str | None,
        typer.Option(help="none, network, xtb or dft; by default network where something is generated, else none."),
    ] = None,
    polarizability: Annotated[
        bool, typer.Option("--polarizability", help="xtb and dft read the polarizability too; about five times the work.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="PoseBusters' checks and MMFF strain.")] = False,
    relax: Annotated[bool, typer.Option("--relax", help="Relax under GFN2-xTB: RMSD and energy drop.")] = False,
    count: Annotated[
        int | None, typer.Option("--count", "-n", help="Molecules for each prompt (8), or of a protocol's groups.", min=1)
    ] = None,
    out: Annotated[
        str | None, typer.Option("--out", "-o", help="Rows of a batch of prompts (csv or jsonl; - is stdout), or a folder.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the batch or protocol that -o began.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    rows: Annotated[str | None, typer.Option("--rows", help="CSV file of one row for each molecule; - is stdout.")] = None,
    report: Annotated[Path | None, typer.Option(help="HTML file: tables, figures and molecules in one page.")] = None,
    plots: Annotated[Path | None, typer.Option(help="Folder for the figures as PNG.")] = None,
    min_valid: Annotated[
        float | None, typer.Option(help="Exit 5 if the rate of valid molecules, by their bonds, is below this.")
    ] = None,
    max_mae: Annotated[
        list[str] | None,
        typer.Option(
            help="Exit 5 if the error of a property exceeds this, e.g. alpha=2.5; may be repeated.", show_default=False
        ),
    ] = None,
    steps: sampling.Steps = 50,
    fast: sampling.Fast = False,
    guidance: sampling.Guidance = 1.5,
    steer: sampling.Steer = 1.0,
    candidates: sampling.Candidates = 1,
    choose: sampling.Choose = "nearest",
    repairs: sampling.Repairs = 2,
    solver: sampling.Solver = "sa",
    temperature: sampling.Temperature = 1.0,
    clamp: sampling.Clamp = 0.0,
    values: options.Values = "auto",
    batch_size: sampling.BatchSize = 32,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            envvar="T2D_MOL_CHECKPOINT",
            help="Checkpoint that generates, and whose training molecules decide novelty; by default the bundled one.",
        ),
    ] = None,
    judge: Annotated[Path | None, typer.Option(help="The network oracle's file; by default the bundled one.")] = None,
    dft_cache: Annotated[Path, typer.Option(help="Folder in which the dft oracle keeps its results.")] = Path(
        ".t2d-mol/dft"
    ),
    data: options.Data = options.DEFAULT_DATA,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    threads: options.Threads = 0,
    engine: options.Engine = "local",
    workers: options.Workers = 0,
    config: options.ConfigFile = None,
    print_config: options.PrintConfig = False,
    force: options.Force = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Score molecules by the look-up rule of the literature, by the bonds they carry, and against their targets.

    For example: t2d-mol sample "high polarizability" -n 20 --format sdf | t2d-mol evaluate - --oracle network
    """
    from t2d_mol.cli.evaluation import Evaluation
    from t2d_mol.cli.gates import Gates
    from t2d_mol.cli.presentation import Presentation

    options.set_up(quiet, threads)
    run = Evaluation(
        oracle=oracle,
        polarizability=polarizability,
        check=check,
        relax=relax,
        shown=Presentation(as_json, report, plots, Gates.parse(min_valid, max_mae or []), force, quiet),
        sampling=sampling.sampling_config(
            steps=sampling.steps_in_force(context, steps, fast), solver=solver, guidance=guidance, steer=steer,
            temperature=temperature, clamp=clamp,
            candidates=candidates, choose=choose, repairs=repairs, batch_size=batch_size, seed=seed,
        ),
        values=values,
        checkpoint=checkpoint,
        judge=judge,
        dft_cache=dft_cache,
        data=data,
        device=device,
        precision=precision,
        force=force,
        quiet=quiet,
        pool=options.pool(engine, workers, options.pick_device(device), threads),
    )  # fmt: skip
    run.dispatch(file, split, protocol, calibrate, count=count, out=out, rows=rows, resume=resume)
