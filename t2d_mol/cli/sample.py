"""`t2d-mol sample`: prompts become molecules."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from t2d_mol.cli import options
from t2d_mol.cli.errors import handled
from t2d_mol.cli.explain import Values, values_option
from t2d_mol.cli.prompting import ANY, prompt_rows, understood

if TYPE_CHECKING:
    from t2d_mol.generation import Model, SamplingConfig
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
    steps: Annotated[int, typer.Option(help="Calls of the denoiser a molecule.", min=2)] = 50,
    guidance: Annotated[float, typer.Option(help="Weight of the prompt; 1 is no guidance.", min=0)] = 2.0,
    atoms: Annotated[str | None, typer.Option(help="Atom count, hydrogens included: 15 or 12-18.")] = None,
    values: Values = "auto",
    format_: Annotated[
        str | None, typer.Option("--format", help="sdf, xyz, smi, csv or jsonl; by default the suffix of -o, else sdf.")
    ] = None,
    out: Annotated[str, typer.Option("--out", "-o", help="File of records; - is stdout.")] = "-",
    only_valid: Annotated[bool, typer.Option("--only-valid", help="Leave out invalid molecules and make others.")] = False,
    table: Annotated[bool, typer.Option("--table", help="Also print a table when records go to a file.")] = False,
    batch_size: Annotated[int, typer.Option(help="Molecules sampled together.", min=1)] = 32,
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
    write = writer(name)
    values_option(values)
    options.set_up(quiet, threads)
    from t2d_mol.generation import Model, SamplingConfig
    from t2d_mol.io.output import open_output
    from t2d_mol.io.readers import PromptRow
    from t2d_mol.io.record import to_record
    from t2d_mol.io.writers import csv_header

    device = options.pick_device(device)
    model = Model.load(checkpoint, device=device)
    bf16 = options.pick_bf16(precision, device, training=False)
    sampling = SamplingConfig(steps, guidance, batch_size, options.parse_range(atoms), seed, bf16)
    rows = prompt_rows(prompts or [], file) or [PromptRow(ANY)]
    asked = list(understood(rows, len(prompts or []), model.statistics, values, quiet))
    made = _generate(model, asked, count, sampling, only_valid=only_valid, quiet=quiet)
    if shown:
        _print_table(made, sys.stdout)
        return
    kept = []
    with open_output(out, force=force) as stream:
        if name == "csv":
            stream.write(csv_header())
        for generated in made:
            stream.write(write(generated.molecule, to_record(generated, model.statistics)))
            stream.flush()
            if table:
                kept.append(generated)
    if table:
        _print_table(kept, sys.stderr if out == "-" else sys.stdout)
    if out != "-":
        options.say(f"{len(asked) * count} records asked for, written to {out}", quiet=quiet)


def _generate(
    model: "Model",
    prompts: "list[tuple[int, Prompt]]",
    count: int,
    sampling: "SamplingConfig",
    *,
    only_valid: bool,
    quiet: bool,
) -> "Iterator[GeneratedMolecule]":
    from t2d_mol.cli.progress import bar

    make = model.sample_valid if only_valid else model.sample
    total, done = len(prompts) * count, 0
    with bar("generating", quiet=quiet) as progress:
        progress(0, total)
        for done, generated in enumerate(make(prompts, count, sampling), 1):
            progress(done, total)
            yield generated
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
