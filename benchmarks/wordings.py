"""What grammar and text encoder recover of prompts, by kind of wording.

Hand-written sentences with their truth stand in data/wordings.jsonl; generated ones are written here, in wordings that the
encoder was trained on and in held-out ones.

    python benchmarks/wordings.py [--sentences 2000] [FILE ...]
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import torch

from t2d_mol.elements import MAX_ATOMS
from t2d_mol.encoding import target_tensors
from t2d_mol.errors import InputError
from t2d_mol.evaluation.tables import Table
from t2d_mol.generation import Model
from t2d_mol.molecule import Target
from t2d_mol.nn.text import KINDS, TextEncoder
from t2d_mol.prompts.grammar import parse_prompt
from t2d_mol.prompts.paraphrases import HELD_OUT, SEEN, paraphrase, random_targets
from t2d_mol.properties import BY_KEY, KEYS
from t2d_mol.training.reader import draw_values

TOLERANCE = 0.05
"""A number is recovered if it is off by less than this many mean absolute deviations."""


@dataclass(frozen=True)
class Wording:
    """A sentence and what it means."""

    kind: str
    text: str
    targets: tuple[Target, ...]
    structure: dict[str, Any] | None


def hand_written(path: Path, model: Model) -> Iterator[Wording]:
    """Read sentences with their truth; percentiles are put in units."""
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        targets = tuple(_target(target, model) for target in row["targets"])
        yield Wording(row["kind"], row["prompt"], targets, _plain(row.get("structure") or {}))


def generated(kind: str, count: int, model: Model) -> Iterator[Wording]:
    """Write sentences for random targets whose energies belong together."""
    rng, statistics = Random(f"wordings/{kind}"), model.statistics
    for _ in range(count):
        values = draw_values(statistics, rng)
        values[KEYS.index("gap")] = values[KEYS.index("lumo")] - values[KEYS.index("homo")]
        targets = random_targets(values, statistics, rng)
        text = paraphrase(targets, statistics, rng, SEEN if kind == "generated, seen" else HELD_OUT)
        yield Wording(kind, text, tuple(targets), None)


def _target(row: dict[str, Any], model: Model) -> Target:
    key, op = row["property"], row["op"]
    shares = [row["percentile"]] if "percentile" in row else row.get("percentiles")
    if op == "level":
        return Target(key, "level", level=row["level"], unit=BY_KEY[key].unit)
    numbers = [model.statistics.percentile(KEYS.index(key), share) for share in shares] if shares else None
    if op == "between":
        low, high = numbers or (row["low"], row["high"])
        return Target(key, "between", low=low, high=high)
    return Target(key, op, value=numbers[0] if numbers else row["value"])


def _plain(structure: dict[str, Any]) -> dict[str, Any]:
    """Return a structure in one form: open ends closed, a formula instead of its elements, no carbon for hydrocarbons."""
    found = {name: value for name, value in structure.items() if value not in (None, {}, [])}
    for name, most in (("atoms", MAX_ATOMS), ("heavy", MAX_ATOMS)):
        if name in found:
            low, high = found[name]
            found[name] = [max(low or 0, 1 if name == "atoms" else 0), most if high is None else high]
    if "formula" in found:
        found.pop("elements", None)
    elif "elements" in found:
        bounds = {symbol: list(bound) for symbol, bound in found["elements"].items()}
        found["elements"] = {symbol: bound for symbol, bound in bounds.items() if (symbol, bound) != ("C", [1, None])}
    return found


def recovered(asked: Target, found: Sequence[Target], model: Model) -> bool:
    """Return whether a target is among those found."""
    index = KEYS.index(asked.property)
    for target in found:
        if (target.property, target.op, target.level) == (asked.property, asked.op, asked.level):
            pairs = [(getattr(asked, name), getattr(target, name)) for name in ("value", "low", "high")]
            numbers = [(left, right) for left, right in pairs if left is not None and right is not None]
            return all(abs(left - right) < TOLERANCE * model.statistics.mad[index] for left, right in numbers)
    return False


def encoder_recovers(wording: Wording, model: Model) -> list[bool]:
    """Return which `=` and `level` targets the encoder's head reads from the sentence itself."""
    assert isinstance(model.encoder, TextEncoder)
    direct = [target for target in wording.targets if target.op in ("=", "level")]
    if not direct:
        return []
    kinds, levels, values = target_tensors([direct], model.statistics)
    with torch.inference_mode():
        _, read = model.encoder.encode([wording.text])
    right = read.kinds.argmax(-1) == kinds
    right &= (kinds != KINDS.index("level")) | (read.levels.argmax(-1) == levels)
    right &= (kinds != KINDS.index("exact")) | ((read.values - values).abs() < TOLERANCE)
    return [bool(right[0, KEYS.index(target.property)]) for target in direct]


def table(wordings: Sequence[Wording], model: Model, *, show: bool) -> Table:
    """Return the table by kind of wording."""
    rows = []
    for kind in [*dict.fromkeys(wording.kind for wording in wordings), "all"]:
        chosen = [wording for wording in wordings if kind in (wording.kind, "all")]
        whole, grammar, encoder = 0, [0, 0], [0, 0]
        for wording in chosen:
            try:
                prompt = parse_prompt(wording.text, model.statistics)
                found, structure = prompt.targets, _plain(prompt.structure.record())
            except InputError as error:
                found, structure = (), {"refused": str(error)}
            hits = [recovered(target, found, model) for target in wording.targets]
            right = all(hits) and len(found) == len(wording.targets) and wording.structure in (None, structure)
            if show and not right and kind != "all":
                print(f"{kind}: {wording.text!r} read as {found} {structure}")
            read = encoder_recovers(wording, model)
            whole += right
            grammar = [grammar[0] + sum(hits), grammar[1] + len(hits)]
            encoder = [encoder[0] + sum(read), encoder[1] + len(read)]
        rows.append([kind, len(chosen), 100 * whole / len(chosen), grammar[1], _share(grammar), encoder[1], _share(encoder)])
    head = ("wording", "sentences", "understood whole, %", "targets", "grammar, %", "exact and level targets", "encoder, %")
    return Table("Targets recovered, by kind of wording", head, tuple(tuple(map(_text, row)) for row in rows))


def _share(counts: list[int]) -> float:
    return 100 * counts[0] / counts[1] if counts[1] else float("nan")


def _text(cell: object) -> str:
    return ("-" if cell != cell else f"{cell:.1f}") if isinstance(cell, float) else str(cell)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, default=[Path("data/wordings.jsonl")])
    parser.add_argument("--sentences", type=int, default=2000)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--show", action="store_true", help="print what is misread")
    options = parser.parse_args()
    loaded = Model.load(options.checkpoint)
    written = [wording for path in options.files for wording in hand_written(path, loaded)]
    kinds = ("generated, seen", "generated, held out")
    composed = [wording for kind in kinds for wording in generated(kind, options.sentences, loaded)]
    for group in (written, composed):
        if group:
            print(table(group, loaded, show=options.show).markdown())
