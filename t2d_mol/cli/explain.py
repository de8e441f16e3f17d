"""`t2d-mol explain`: what the grammar understands of a prompt."""

import json
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from t2d_mol.cli import options
from t2d_mol.cli.errors import handled

Values = Annotated[str, typer.Option(help="How bare numbers are read: auto, units or normalised.")]


@handled
def explain(
    prompt: Annotated[str, typer.Argument(help="The sentence.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    values: Values = "auto",
    checkpoint: Annotated[Path | None, typer.Option(help="Checkpoint; the bundled one by default.")] = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Show what is understood of a prompt, and what is not.

    For example: t2d-mol explain "a very high dipole moment and a gap around 7 eV"
    """
    from t2d_mol.checkpoint import Checkpoint
    from t2d_mol.generation import BUNDLED
    from t2d_mol.io.record import target_record
    from t2d_mol.prompts.grammar import describe_target, parse_prompt

    statistics = Checkpoint.load(checkpoint or BUNDLED).statistics
    understood = parse_prompt(prompt, statistics, values=values_option(values))
    targets = [target_record(target, statistics) for target in understood.targets]
    if as_json:
        result = {
            "prompt": understood.text,
            "targets": targets,
            "unknown": list(understood.unknown),
            "atoms": list(understood.atoms) if understood.atoms else None,
            "warnings": list(understood.warnings),
        }
        sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
        return
    for target, record in zip(understood.targets, targets, strict=True):
        shown = "" if record["normalised"] is None else f"  (normalised {record['normalised']})"
        sys.stdout.write(f"{target.property:6} {describe_target(target)}{shown}\n")
    if understood.atoms:
        sys.stdout.write(f"atoms  {understood.atoms[0]} to {understood.atoms[1]}\n")
    if understood.unknown:
        sys.stdout.write(f"not understood: {', '.join(understood.unknown)}\n")
    for warning in understood.warnings:
        options.say(f"note: {warning}", quiet=quiet)


def values_option(name: str) -> Literal["auto", "units", "normalised"]:
    """Return the reading of bare numbers an option names.

    Raises:
        UsageError: if there is none of that name.
    """
    from t2d_mol.errors import UsageError

    if name not in ("auto", "units", "normalised"):
        raise UsageError(f"no reading of numbers {name!r}", "readings: auto, units, normalised")
    return name  # type: ignore[return-value]
