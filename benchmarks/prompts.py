"""How prompts are met, one by one: a table of the rows `evaluate` leaves of a file of prompts.

t2d-mol evaluate data/thirty.csv -n 50 -o thirty.jsonl
python benchmarks/prompts.py thirty.jsonl
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from t2d_mol.cli.explain import as_text, explanation
from t2d_mol.evaluation.tables import Table
from t2d_mol.generation import Model
from t2d_mol.molecule import Prompt
from t2d_mol.prompts.grammar import parse_prompt
from t2d_mol.properties import KEYS
from t2d_mol.targets import hit


def share(flags: list[bool]) -> str:
    """Return a share in per cent."""
    return f"{100 * sum(flags) / len(flags):.0f}" if flags else "-"


def chance(prompt: Prompt, model: Model) -> str:
    """Return the share of labelled molecules that meet all targets, in per cent: what ignoring the prompt would reach."""
    if not prompt.targets:
        return "-"
    statistics, joint = model.statistics, model.planner.joint
    values = joint.values * np.array(statistics.mad) + np.array(statistics.mean)
    met = np.ones(len(values), bool)
    for target in prompt.targets:
        met &= [hit(target, value, statistics) for value in values[:, KEYS.index(target.property)]]
    found = 100 * met.mean()
    return f"{found:.0f}" if found >= 10 else f"{found:.2g}"


def prompt_row(number: int, text: str, made: list[dict[str, Any]], model: Model) -> tuple[str, ...]:
    """Return the row of one prompt."""
    prompt = parse_prompt(text, model.statistics)
    understood = "; ".join(as_text(explanation(prompt, model.planner)).splitlines())
    hits = {target.property: [bool(row[f"{target.property}_hit"]) for row in made] for target in prompt.targets}
    every = [all(hits[key][place] for key in hits) for place in range(len(made))] if hits else []
    both = [met and not row["unmet"] for met, row in zip(every, made, strict=True)] if hits else []
    each = ", ".join(f"{key} {share(flags)}" for key, flags in hits.items())
    structure = share([not row["unmet"] for row in made]) if prompt.structure else "-"
    valid = share([row["state"] == "valid" for row in made])
    cells = (str(number), text, understood, valid, structure, each or "-", share(both or every), chance(prompt, model))
    return tuple(cell.replace("|", "\\|") for cell in cells)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=Path)
    parser.add_argument("--checkpoint", type=Path)
    options = parser.parse_args()
    loaded = Model.load(options.checkpoint)
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in options.rows.read_text(encoding="utf-8").splitlines():
        groups[json.loads(line)["prompt"]].append(json.loads(line))
    head = ("", "prompt", "understood", "valid, %", "structure met, %", "hits, %", "all met, %", "chance, %")
    rows = tuple(prompt_row(number, text, made, loaded) for number, (text, made) in enumerate(groups.items(), 1))
    print(Table("Prompts and how they are met", head, rows).markdown())
