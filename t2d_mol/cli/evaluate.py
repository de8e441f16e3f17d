"""`t2d-mol evaluate`: score molecules."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from t2d_mol.cli import options
from t2d_mol.cli.errors import handled

if TYPE_CHECKING:
    from t2d_mol.evaluation.score import Score


@handled
def evaluate(
    file: Annotated[
        str, typer.Argument(help="SDF, XYZ, JSONL, SMILES or CSV with a column smiles; - is stdin.", show_default=False)
    ] = "",
    split: Annotated[
        str | None,
        typer.Option(help="Instead of a file: train, validation or test, the molecules of that split of --data."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    rows: Annotated[str | None, typer.Option("--rows", help="CSV file of one row for each molecule; - is stdout.")] = None,
    min_valid: Annotated[
        float | None, typer.Option(help="Exit 5 if the rate of valid molecules, by their bonds, is below this.")
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="Checkpoint whose training molecules decide novelty; the bundled one by default."),
    ] = None,
    data: options.Data = options.DEFAULT_DATA,
    force: options.Force = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Score molecules by the look-up rule of the literature and by the bonds they carry.

    For example: t2d-mol sample "high polarizability" -n 20 --format sdf | t2d-mol evaluate -
    """
    from t2d_mol.errors import Exit, InputError, UsageError

    if bool(file) == bool(split):
        raise UsageError("give a file of molecules, '-' for stdin, or --split")
    options.set_up(quiet)
    from t2d_mol.checkpoint import Checkpoint
    from t2d_mol.evaluation.score import summarise
    from t2d_mol.generation import BUNDLED

    scores, unreadable = _score_split(split, data) if split else _score_file(file)
    if not scores:
        raise InputError(f"{file} holds no record that can be scored")
    known: dict[str, Any] = {}
    if (checkpoint or BUNDLED).exists() or checkpoint:
        loaded = Checkpoint.load(checkpoint or BUNDLED)
        known = {"smiles_hashes": loaded.smiles_hashes.numpy(), "lookup_hashes": loaded.lookup_hashes.numpy()}
    summary = summarise(scores, unreadable=unreadable, **known)
    if rows is not None:
        _write_rows(scores, rows, force)
    if as_json:
        sys.stdout.write(json.dumps(summary) + "\n")
    elif rows != "-":
        _print_summary(summary)
    valid = summary["bonds"]["valid"]
    if min_valid is not None and valid < min_valid:
        options.say(f"gate missed: {valid:.4f} of the molecules are valid, {min_valid} were asked for")
        raise typer.Exit(Exit.GATE_MISSED)


def _score_file(file: str) -> "tuple[list[Score], int]":
    from t2d_mol.evaluation.score import score, score_smiles
    from t2d_mol.io.readers import read_molecules, read_text

    scores, unreadable = [], 0
    for record in read_molecules(read_text(file)):
        if record.error:
            unreadable += 1
            options.say(f"error: record {record.number} is left out: {record.error}")
        elif record.molecule is not None:
            scores.append(score(record.number, record.molecule))
        elif record.smiles is not None:
            scores.append(score_smiles(record.number, record.smiles))
    return scores, unreadable


def _score_split(split: str, data: Path) -> "tuple[list[Score], int]":
    from t2d_mol.errors import UsageError
    from t2d_mol.evaluation.score import score
    from t2d_mol.qm9.dataset import Molecules
    from t2d_mol.qm9.splits import Split

    if split.upper() not in Split.__members__:
        raise UsageError(f"no split {split!r}", f"splits: {', '.join(Split.__members__).lower()}")
    molecules = Molecules.load(data)
    indices = molecules.select(Split[split.upper()])
    return [score(place, molecules[int(index)]) for place, index in enumerate(indices, 1)], 0


def _write_rows(scores: "list[Score]", path: str, force: bool) -> None:
    import csv

    from t2d_mol.io.output import open_output

    with open_output(path, force=force) as stream:
        table = csv.DictWriter(stream, list(scores[0].row()), lineterminator="\n")
        table.writeheader()
        table.writerows(item.row() for item in scores)


def _print_summary(summary: dict[str, Any]) -> None:
    titles = {
        "atom_stable": "atoms stable",
        "molecule_stable": "molecules stable",
        "connected": "connected",
        "valid": "valid",
        "valid_unique": "valid and unique",
        "unique": "unique among the valid",
        "novel": "novel among the unique",
    }
    lookup, bonds = summary["lookup"] or {}, summary["bonds"]
    lines = [f"{summary['n']} molecules", f"{'%':24}{'look-up rule':>14}{'own bonds':>12}"]
    for key, title in titles.items():
        cells = ["-" if block.get(key) is None else f"{100 * block[key]:.2f}" for block in (lookup, bonds)]
        lines.append(f"{title:24}{cells[0]:>14}{cells[1]:>12}")
    sys.stdout.write("\n".join(lines) + "\n")
