"""`t2d-mol sample`: prompts become molecules."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from t2d_mol import cores
from t2d_mol.cli import options, sampling
from t2d_mol.cli.errors import handled
from t2d_mol.cli.prompting import prompt_rows, understood
from t2d_mol.errors import UsageError, unknown
from t2d_mol.portion import Portion

if TYPE_CHECKING:
    from t2d_mol.config import SamplingConfig
    from t2d_mol.generation import Model
    from t2d_mol.io.formats.base import Format
    from t2d_mol.molecule import Prompt
    from t2d_mol.pool import Pool, SamplingPool


@handled
def sample(
    context: typer.Context,
    prompts: Annotated[
        list[str] | None, typer.Argument(help="Sentences; without any, unconditional molecules.", show_default=False)
    ] = None,
    file: Annotated[
        str | None,
        typer.Option("--file", "-f", help="Further prompts: a CSV with a column prompt, or one a line; - is stdin."),
    ] = None,
    count: Annotated[int, typer.Option("--count", "-n", help="Records for each prompt.", min=1)] = 8,
    steps: sampling.Steps = 50,
    fast: sampling.Fast = False,
    guidance: sampling.Guidance = 1.5,
    steer: sampling.Steer = 1.0,
    atoms: Annotated[str | None, typer.Option(help="Atom count, hydrogens included: 15 or 12-18.")] = None,
    weight: Annotated[
        list[str] | None,
        typer.Option("--weight", help="Weight of a property among several, such as gap=2; may be repeated."),
    ] = None,
    candidates: sampling.Candidates = 1,
    choose: sampling.Choose = "nearest",
    attempts: Annotated[int, typer.Option(help="Tries a molecule gets until it has the structure asked for.", min=1)] = 5,
    repairs: sampling.Repairs = 2,
    solver: sampling.Solver = "sa",
    temperature: sampling.Temperature = 1.0,
    clamp: sampling.Clamp = 0.0,
    values: options.Values = "auto",
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="sdf, sdf-v3000, xyz, smi, csv, jsonl, parquet, html (a gallery) or png; by default by -o, else sdf.",
        ),
    ] = None,
    out: Annotated[str, typer.Option("--out", "-o", help="File of records, packed if it ends in .gz; - is stdout.")] = "-",
    only_valid: Annotated[bool, typer.Option("--only-valid", help="Leave out invalid molecules and make others.")] = False,
    relax: Annotated[
        str | None, typer.Option(help="xtb: relax each molecule under GFN2-xTB; the records say so in `relaxed`.")
    ] = None,
    viewer_js: Annotated[
        Path | None, typer.Option(help="3Dmol.js to put into an html gallery, which else loads it by its address.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the file that -o began.")] = False,
    shard: Annotated[
        str | None, typer.Option(help="i/n: make every n-th molecule from the i-th on, i from 0; for job arrays.")
    ] = None,
    max_minutes: Annotated[
        float, typer.Option(help="End after this time with what is finished, which --resume goes on from.", min=0)
    ] = 0.0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what is understood and how long it will take; make nothing.")
    ] = False,
    table: Annotated[bool, typer.Option("--table", help="Also print a table when records go to a file.")] = False,
    batch_size: sampling.BatchSize = 32,
    checkpoint: options.Checkpoint = None,
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
    """Generate 3D molecules for prompts. On a terminal a table, piped the records.

    For example: t2d-mol sample "a molecule with high polarizability" -n 8 -o molecules.sdf
    """
    from t2d_mol.io.formats import format_named, format_of
    from t2d_mol.io.output import finished

    kind = format_named(format_) if format_ else format_of("" if out == "-" else out)
    kind = _with_viewer(kind, viewer_js)
    kind.require()
    shown = out == "-" and format_ is None and sys.stdout.isatty()
    if kind.binary and out == "-" and sys.stdout.isatty():
        raise UsageError(f"{kind.name} needs a file", f"give -o molecules.{kind.name}")
    if resume and "-" in (out, file):
        raise UsageError("--resume needs files", "prompts by -f FILE, records by -o FILE")
    if resume and file is not None and not Path(file).is_file():
        raise UsageError("--resume needs a file of prompts that can be read again", "prompts by -f FILE, records by -o FILE")
    if resume and finished(Path(out)) and not force:
        options.say(f"{out} is finished", quiet=quiet)
        return
    if relax is not None:
        if relax != "xtb":
            raise unknown("relaxation", relax, ["xtb"])
        from t2d_mol.evaluation.oracles.xtb import require_physics

        require_physics()
    portion = Portion.parse(shard)
    options.values_option(values)
    options.set_up(quiet, threads)
    from t2d_mol.cli.production import Production, counted, digest_of, print_table
    from t2d_mol.generation import Model
    from t2d_mol.io.journal import Journal

    device = options.pick_device(device)
    pool = options.pool(engine, workers, device, threads)
    model = Model.load(checkpoint, device=device)
    weights = tuple(dict(_weight(text) for text in weight or []).items())
    how = replace(
        sampling.sampling_config(
            steps=sampling.steps_in_force(context, steps, fast), solver=solver, guidance=guidance, steer=steer,
            temperature=temperature, clamp=clamp,
            candidates=candidates, choose=choose, repairs=repairs, batch_size=batch_size, seed=seed,
            weights=weights,
        ),
        atoms=options.parse_range(atoms),
        bf16=options.pick_bf16(precision, device, training=False),
        attempts=attempts,
    )  # fmt: skip
    given = prompts or []
    asked = understood(prompt_rows(given, file), len(given), model.statistics, values, quiet, atoms=how.atoms)
    if dry_run:
        _print_plan(model, list(asked), count, how)
        return
    number = counted(len(given), file)
    units, each = (number, count) if only_valid else ((number or 0) * count, 1)
    total = None if number is None else each * len(range(portion.shard, units or 0, portion.shards))
    if kind.most and (total or 0) > kind.most:
        raise UsageError(f"{kind.name} holds {kind.most} molecules at most, not {total}", "write records and show a part")
    run = Production(
        model, how, count, only_valid, relax is not None, max_minutes, quiet, _pool(pool, checkpoint),
        threads or cores.available(),
    )  # fmt: skip
    if shown:
        with run.finished(run.records(asked, portion, run.novelty(), total)) as records:
            print_table(records, sys.stdout)
    elif out == "-":
        run.to_stream(asked, kind, sys.stdout.buffer, portion, total)
    else:
        settings = {"prompts": given, "file": digest_of(file), "n": count, "values": values, "only_valid": only_valid}
        settings |= {"relax": relax, "shard": shard} | model.settings(how)
        with Journal(Path(out), settings, force=force, resume=resume) as journal:
            made = run.to_journal(asked, journal, portion, total)
            if table:
                print_table(journal, sys.stdout)
            journal.finish(kind)
        options.say(f"{made} records in {out}", quiet=quiet)


def _pool(pool: "Pool | None", checkpoint: Path | None) -> "SamplingPool | None":
    if pool is None:
        return None
    from t2d_mol.pool import SamplingPool

    return SamplingPool(pool, checkpoint)


def _with_viewer(kind: "Format", viewer: Path | None) -> "Format":
    """Return the format with a script for its 3D view.

    Raises:
        UsageError: if it has none.
        InputError: if the script cannot be read.
    """
    if viewer is None:
        return kind
    from t2d_mol.io.formats.html import HTML, with_viewer

    if kind is not HTML:
        raise UsageError(f"--viewer-js goes with --format html, not {kind.name}")
    return with_viewer(viewer)


def _weight(text: str) -> tuple[str, float]:
    """Parse a property's weight, such as gap=2.

    Raises:
        UsageError: if it is none.
    """
    from t2d_mol.properties import key_of

    name, _, number = text.partition("=")
    key = key_of(name)
    try:
        return key, float(number)
    except ValueError:
        raise UsageError(f"{text!r} is no weight of a property", "write for example gap=2") from None


def _print_plan(model: "Model", prompts: "list[tuple[int, Prompt]]", count: int, how: "SamplingConfig") -> None:
    """Write what is understood of each prompt, and how long the run will take by a short measurement."""
    from t2d_mol.cli.explain import as_text, explanation

    for number, (_, prompt) in enumerate(prompts):
        found = explanation(prompt, model.planner)
        sys.stdout.write(("\n" if number else "") + f"{options.printable(prompt.text) or 'any molecule'}\n{as_text(found)}")
    seconds = model.expected_seconds(prompts, count, how)
    made = f"{len(prompts) * count} molecules of {how.steps} calls"
    sys.stdout.write(f"\n{made}: about {seconds:.0f} s on this machine, without further tries and repairs\n")
