"""Choosing among candidates, on predictions whose best is known."""

from dataclasses import replace

import numpy as np
import pytest

from t2d_mol.checkpoint import Statistics
from t2d_mol.choosing import CHOOSERS, consensus, nearest
from t2d_mol.molecule import GeneratedMolecule, Molecule, Prompt, State
from t2d_mol.prompts import parse_prompt
from t2d_mol.properties import KEYS


def candidates(
    prompt: Prompt, statistics: Statistics, values: list[dict[str, float]], states: list[State] | None = None
) -> list[GeneratedMolecule]:
    mean = dict(zip(KEYS, statistics.mean, strict=True))
    molecule = Molecule(np.array([1, 1], np.uint8), np.zeros((2, 3), np.float32))
    return [
        GeneratedMolecule(molecule, prompt, 0, number, 0, state=state, predicted=mean | own)
        for number, (own, state) in enumerate(zip(values, states or ["valid"] * len(values), strict=True))
    ]


def test_the_nearest_to_the_targets_is_kept(qm9_statistics: Statistics) -> None:
    prompt = parse_prompt("polarizability of 80 Bohr^3", qm9_statistics)
    made = candidates(prompt, qm9_statistics, [{"alpha": 70.0}, {"alpha": 79.0}, {"alpha": 84.0}])
    assert nearest(made, qm9_statistics).index == 1


@pytest.mark.parametrize(("weights", "kept"), [({}, 0), ({"gap": 9.0}, 1)])
def test_misses_of_several_targets_add_up_by_weight(
    qm9_statistics: Statistics, weights: dict[str, float], kept: int
) -> None:
    mad = dict(zip(KEYS, qm9_statistics.mad, strict=True))
    prompt = parse_prompt("polarizability of 80 Bohr^3 and gap of 7 eV", qm9_statistics)
    values = [{"alpha": 80.0, "gap": 7.0 + mad["gap"]}, {"alpha": 80.0 + 2 * mad["alpha"], "gap": 7.0}]
    assert nearest(candidates(prompt, qm9_statistics, values), qm9_statistics, weights).index == kept


def test_any_value_within_a_range_is_as_good(qm9_statistics: Statistics) -> None:
    prompt = parse_prompt("polarizability between 70 and 80", qm9_statistics)
    made = candidates(prompt, qm9_statistics, [{"alpha": 69.0}, {"alpha": 71.0}, {"alpha": 75.0}])
    assert nearest(made, qm9_statistics).index == 1


@pytest.mark.parametrize("choose", CHOOSERS.values(), ids=CHOOSERS)
def test_valid_molecules_of_the_right_structure_come_first(choose, qm9_statistics: Statistics) -> None:  # type: ignore[no-untyped-def]
    prompt = parse_prompt("polarizability of 80 Bohr^3", qm9_statistics)
    values = [{"alpha": 80.0}, {"alpha": 60.0}, {"alpha": 80.0}]
    made = candidates(prompt, qm9_statistics, values, ["invalid", "valid", "valid"])
    made[2] = replace(made[2], unmet="rings")
    assert choose(made, qm9_statistics, {}).index == 1
    assert choose(made[:1], qm9_statistics, {}).index == 0


def test_the_consensus_is_the_candidate_nearest_to_all_others(qm9_statistics: Statistics) -> None:
    values = [{"alpha": value} for value in (60.0, 74.0, 75.0, 77.0, 200.0)]
    assert consensus(candidates(Prompt(""), qm9_statistics, values), qm9_statistics).index == 2
