"""Sentences as people write them, each with its truth, by kind."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from t2d_mol.checkpoint import Statistics
from t2d_mol.elements import MAX_ATOMS
from t2d_mol.prompts.grammar import parse_prompt
from t2d_mol.properties import KEYS
from tests.prompts.conftest import Read

ROWS = [json.loads(line) for line in (Path(__file__).parent / "wordings.jsonl").read_text(encoding="utf-8").splitlines()]
KINDS = list(dict.fromkeys(row["kind"] for row in ROWS))
TOLERANCE = 0.05
"""Mean absolute deviations by which a value may be off."""


def truth(target: dict[str, Any], statistics: Statistics) -> tuple[object, ...]:
    percentiles = np.array(statistics.percentiles[KEYS.index(target["property"])])
    if "percentile" in target or "percentiles" in target:
        shares = target.get("percentiles", [target.get("percentile")])
        return (target["op"], *np.interp(shares, np.arange(101), percentiles))
    return (target["op"], *(target[name] for name in ("level", "value", "low", "high") if name in target))


def agree(found: tuple[object, ...], wanted: tuple[object, ...], mad: float) -> bool:
    close = [abs(float(a) - float(b)) < TOLERANCE * mad for a, b in zip(found[1:], wanted[1:], strict=True)]  # type: ignore[arg-type]
    return found[0] == wanted[0] and all(close)


def plain(structure: dict[str, Any]) -> dict[str, Any]:
    """Return wishes in one form: bounds closed, what a formula or any organic molecule implies left out."""
    found = {name: value for name, value in structure.items() if value not in (None, {})}
    for name, least in (("atoms", 1), ("heavy", 0)):
        if name in found:
            low, high = found[name]
            found[name] = [max(low or 0, least), MAX_ATOMS if high is None else high]
    elements = {} if "formula" in found else found.pop("elements", {})
    found.pop("elements", None)
    return found | {symbol: bounds for symbol, bounds in elements.items() if (symbol, bounds) != ("C", [1, None])}


def test_there_are_sentences_of_every_kind() -> None:
    assert len(ROWS) == 216
    assert all(sum(row["kind"] == kind for row in ROWS) == 18 for kind in KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_grammar_reads_them(
    kind: str, read: Read, structure: Callable[[str], dict[str, object]], qm9_statistics: Statistics
) -> None:
    for row in (row for row in ROWS if row["kind"] == kind):
        text, found = row["prompt"], read(row["prompt"])
        assert set(found) == {target["property"] for target in row["targets"]}, text
        for target in row["targets"]:
            mad = qm9_statistics.mad[KEYS.index(target["property"])]
            assert agree(found[target["property"]], truth(target, qm9_statistics), mad), (text, found)
        assert plain(structure(text)) == plain(row.get("structure", {})), text


def test_the_properties_come_in_the_order_they_are_named(qm9_statistics: Statistics) -> None:
    found = parse_prompt("cv 30, then a low gap and a dipole of 2 D", qm9_statistics)
    assert [target.property for target in found.targets] == ["cv", "gap", "mu"]
