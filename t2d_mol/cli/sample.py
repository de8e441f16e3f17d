"""`t2d-mol sample`: prompts become molecules."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from t2d_mol.cli import options, sampling
from t2d_mol.cli.errors import handled
from t2d_mol.cli.prompting import ANY, prompt_rows, understood
from t2d_mol.errors import InputError, UsageError

if TYPE_CHECKING:
    from t2d_mol.config import SamplingConfig
    from t2d_mol.generation import Model
    from t2d_mol.molecule import GeneratedMolecule, Prompt


@handled
def sample(
    prompts: Annotated[
        list[str] | None, typer.Argument(help="Sentences; without any, unconditional molecules.", show_default=False)
    ] = None,
    file: Annotated[
        str | None,
        typer.Option("--file", "-f", help="Further prompts: a CSV with a column prompt, or one a line; - is stdin."),
    ] = None,
    count: Annotated[int, typer.Option("-n", help="Records for each prompt.", min=1)] = 8,
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
    solver: sampling.Solver = "sa",
    temperature: sampling.Temperature = 1.0,
    clamp: sampling.Clamp = 0.0,
    values: options.Values = "auto",
    format_: Annotated[
        str | None,
        typer.Option("--format", help="sdf, xyz, smi, csv, jsonl or png (drawings); by default the suffix of -o, else sdf."),
    ] = None,
    out: Annotated[str, typer.Option("--out", "-o", help="File of records; - is stdout.")] = "-",
    only_valid: Annotated[bool, typer.Option("--only-valid", help="Leave out invalid molecules and make others.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what is understood and how long it will take; make nothing.")
    ] = False,
    table: Annotated[bool, typer.Option("--table", help="Also print a table when records go to a file.")] = False,
    batch_size: sampling.BatchSize = 32,
    checkpoint: Annotated[Path | None, typer.Option(help="Checkpoint; the bundled one by default.")] = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    threads: options.Threads = 0,
    config: options.ConfigFile = None,
    force: options.Force = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Generate 3D molecules for prompts. On a terminal a table, piped the records.

    For example: t2d-mol sample "a molecule with high polarizability" -n 8 -o molecules.sdf
    """
    from t2d_mol.io.writers import writer

    shown = out == "-" and format_ is None and sys.stdout.isatty()
    name = format_ or (Path(out).suffix.lstrip(".") if Path(out).suffix else "sdf")
    write = None if name == "png" else writer(name)
    options.values_option(values)
    options.set_up(quiet, threads)
    from t2d_mol.generation import Model
    from t2d_mol.io.output import open_output
    from t2d_mol.io.readers import PromptRow
    from t2d_mol.io.record import to_record
    from t2d_mol.io.writers import csv_header

    device = options.pick_device(device)
    model = Model.load(checkpoint, device=device)
    how = replace(
        sampling.sampling_config(
            steps=steps, fast=fast, solver=solver, guidance=guidance, steer=steer, temperature=temperature, clamp=clamp,
            candidates=candidates, choose=choose, batch_size=batch_size, seed=seed,
        ),
        atoms=options.parse_range(atoms),
        bf16=options.pick_bf16(precision, device, training=False),
        attempts=attempts,
        weights=tuple(dict(_weight(text) for text in weight or []).items()),
    )  # fmt: skip
    rows = prompt_rows(prompts or [], file) or [PromptRow(ANY)]
    asked = list(understood(rows, len(prompts or []), model.statistics, values, quiet, atoms=how.atoms))
    if not asked:
        raise InputError("no prompt of the file can be used")
    if dry_run:
        _print_plan(model, asked, count, how)
        return
    if write is None:
        from t2d_mol.io.pictures import check_size

        check_size(len(asked) * count)
        if out == "-" and sys.stdout.isatty():
            raise UsageError("a picture needs a file", "give -o molecules.png")
    made = _generate(model, asked, count, how, only_valid=only_valid, quiet=quiet)
    if shown:
        _print_table(made, sys.stdout)
        return
    kept = []
    with open_output(out, force=force) as stream:
        if name == "csv":
            stream.write(csv_header())
        for generated in made:
            if write is not None:
                stream.write(write(generated.molecule, to_record(generated, model.statistics)))
                stream.flush()
            if table or write is None:
                kept.append(generated)
        if write is None:
            from t2d_mol.io.pictures import png

            stream.buffer.write(png(kept))
    if table:
        _print_table(kept, sys.stderr if out == "-" else sys.stdout)
    if out != "-":
        options.say(f"{len(asked) * count} records asked for, written to {out}", quiet=quiet)


def _weight(text: str) -> tuple[str, float]:
    """Parse a property's weight, such as gap=2.

    Raises:
        UsageError: if it is none.
    """
    from t2d_mol.properties import KEYS

    key, _, number = text.partition("=")
    try:
        value = float(number)
    except ValueError:
        value = -1.0
    if key not in KEYS or not 0 <= value <= 100:
        raise UsageError(f"{text!r} is no weight of a property", f"write for example gap=2; properties: {', '.join(KEYS)}")
    return key, value


def _print_plan(model: "Model", prompts: "list[tuple[int, Prompt]]", count: int, how: "SamplingConfig") -> None:
    """Write what is understood of each prompt, and how long the run will take by a measurement of two calls."""
    from t2d_mol.cli.explain import as_text, explanation

    for number, (_, prompt) in enumerate(prompts):
        found = explanation(prompt, model.planner)
        sys.stdout.write(("\n" if number else "") + f"{options.printable(prompt.text) or 'any molecule'}\n{as_text(found)}")
    seconds = model.expected_seconds(prompts, count, how)
    sys.stdout.write(f"\n{len(prompts) * count} molecules of {how.steps} calls: about {seconds:.0f} s on this machine\n")


def _generate(
    model: "Model",
    prompts: "list[tuple[int, Prompt]]",
    count: int,
    how: "SamplingConfig",
    *,
    only_valid: bool,
    quiet: bool,
) -> "Iterator[GeneratedMolecule]":
    from t2d_mol.cli.progress import bar

    make = model.sample_valid if only_valid else model.sample
    total, done, lacking = len(prompts) * count, 0, 0
    with bar("generating", quiet=quiet) as progress:
        progress(0, total)
        for done, generated in enumerate(make(prompts, count, how), 1):
            progress(done, total)
            lacking += bool(generated.unmet)
            yield generated
    if lacking:
        options.say(f"note: {lacking} of {done} molecules lack the structure asked for; see `unmet`", quiet=quiet)
    if done < total:
        options.say(f"note: {total - done} of {total} molecules are missing: no valid ones were found", quiet=quiet)


def _print_table(molecules: "Iterable[GeneratedMolecule]", stream: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from t2d_mol.properties import PROPERTIES

    table = Table()
    for title in ("", "SMILES", "state", "atoms"):
        table.add_column(title, overflow="fold")
    for prop in PROPERTIES:
        table.add_column(f"{prop.symbol}\n{prop.unit}", justify="right")
    for generated in molecules:
        predicted = [f"{generated.predicted[p.key]:.2f}" if p.key in generated.predicted else "" for p in PROPERTIES]
        smiles = Text(generated.smiles or "*", overflow="fold")
        table.add_row(str(generated.index), smiles, generated.state, str(len(generated.molecule)), *predicted)
    console = Console(file=stream, width=None if stream.isatty() else 110)
    console.print(table)
    console.print("properties as predicted by the network trained on half B of QM9", style="dim")
