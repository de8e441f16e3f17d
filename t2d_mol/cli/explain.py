"""`t2d-mol explain`: what is understood of a prompt, and whether it can be had."""

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from t2d_mol.cli import options
from t2d_mol.cli.errors import handled

if TYPE_CHECKING:
    from t2d_mol.molecule import Prompt
    from t2d_mol.planning import Planner


@handled
def explain(
    prompts: Annotated[list[str] | None, typer.Argument(help="Sentences.", show_default=False)] = None,
    file: Annotated[
        str | None,
        typer.Option("--file", "-f", help="Further prompts: a CSV with a column prompt, or one a line; - is stdin."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for each prompt.")] = False,
    values: options.Values = "auto",
    checkpoint: options.Checkpoint = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Show what is understood of prompts, in units, normalised and as percentiles; what is not; and what cannot be had.

    For example: t2d-mol explain "a very high dipole moment and a gap around 7 eV, no fluorine"
    """
    options.set_up(quiet, 0)
    from t2d_mol.checkpoint import Checkpoint
    from t2d_mol.cli.prompting import prompt_rows, understood
    from t2d_mol.encoding import load_encoder
    from t2d_mol.errors import UsageError
    from t2d_mol.generation import BUNDLED
    from t2d_mol.planning import Planner

    loaded = Checkpoint.load(checkpoint or BUNDLED)
    planner = Planner(loaded, load_encoder(loaded))
    if not (prompts or file):
        raise UsageError("no prompt to explain", 't2d-mol explain "a low gap", or -f FILE')
    given = len(prompts or [])
    rows = prompt_rows(prompts or [], file)
    for number, (_, prompt) in enumerate(understood(rows, given, loaded.statistics, values, quiet=True)):
        found = explanation(prompt, planner)
        if as_json:
            sys.stdout.write(json.dumps(found, ensure_ascii=False) + "\n")
        else:
            title = f"{options.printable(prompt.text)}\n" if file or given > 1 else ""
            sys.stdout.write(("\n" if number else "") + title + as_text(found))


def explanation(prompt: "Prompt", planner: "Planner") -> dict[str, Any]:
    """Return what is understood of a prompt as plain values."""
    from t2d_mol.io.record import target_record
    from t2d_mol.prompts.consistency import attainable, percentile_range
    from t2d_mol.prompts.grammar import describe_target
    from t2d_mol.prompts.joint import FAR

    statistics = planner.checkpoint.statistics
    targets = [
        target_record(target, statistics)
        | {
            "percentiles": percentile_range(target, statistics),
            "attainable": attainable(target, statistics),
            "words": describe_target(target),
        }
        for target in prompt.targets
    ]
    direct = all(target.op in ("=", "level") for target in prompt.targets)  # else a value is drawn for each molecule
    near = planner.joint.nearest(prompt.targets, prompt.structure)
    warnings = list(prompt.warnings)
    if near is not None and near.distance > FAR and len(prompt.targets) > 1:
        values = ", ".join(f"{key} {value:.4g}" for key, value in near.values.items())
        warnings.append(
            f"no molecule of QM9 comes near all of this; the nearest has {values} (distance {near.distance:.1f})"
        )
    return {
        "prompt": prompt.text,
        "targets": targets,
        "structure": prompt.structure.record(),
        "unknown": list(prompt.unknown),
        "atoms": list(prompt.structure.atoms) if prompt.structure.atoms else None,
        "read_as": planner.read_as(prompt, prompt.targets) if direct else None,
        "nearest": None if near is None else {"distance": round(near.distance, 3), "values": near.values},
        "warnings": warnings,
    }


def as_text(found: dict[str, Any]) -> str:
    """Return an explanation for people."""
    lines = []
    for target in found["targets"]:
        low, high = target["percentiles"]
        where = f"percentile {low:.0f}" if high - low < 0.5 else f"percentiles {low:.0f} to {high:.0f}"
        shown = "" if target["normalised"] is None else f"normalised {_plain(target['normalised'])}, "
        lines.append(f"{target['property']:9} {target['words']}  ({shown}{where})")
    for name, value in found["structure"].items():
        wished = [f"{symbol} {_count(*bound)}" for symbol, bound in value.items()] if name == "elements" else [_wish(value)]
        lines.append(f"{name:9} {', '.join(wished)}")
    if found["unknown"]:
        lines.append(f"not understood: {options.printable(', '.join(found['unknown']))}")
    lines += [f"note: {options.printable(warning)}" for warning in found["warnings"]]
    return "\n".join(lines) + "\n"


def _plain(value: float | list[float]) -> str:
    return " to ".join(f"{number:.2f}" for number in (value if isinstance(value, list) else [value]))


def _wish(value: object) -> str:
    return _count(*value) if isinstance(value, list) else {True: "yes", False: "no"}.get(value, str(value))  # type: ignore[call-overload]


def _count(low: int, high: int | None) -> str:
    if low == high:
        return "none" if high == 0 else str(low)
    return f"at least {low}" if high is None else f"at most {high}" if low == 0 else f"{low} to {high}"
