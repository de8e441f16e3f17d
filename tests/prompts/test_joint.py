"""Atom counts and values drawn with the targets, and how near any record comes."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest

from t2d_mol.checkpoint import Checkpoint
from t2d_mol.elements import SYMBOLS
from t2d_mol.errors import InputError
from t2d_mol.molecule import Structure, Target
from t2d_mol.prompts.grammar import parse_prompt
from t2d_mol.prompts.joint import FAR, Joint, settle
from t2d_mol.properties import KEYS
from t2d_mol.targets import value_range


@pytest.fixture(scope="module")
def joint(tiny_checkpoint: Checkpoint) -> Joint:
    return Joint(tiny_checkpoint)


def draws(joint: Joint, text: str, count: int = 40) -> list[tuple[int, object]]:
    prompt = parse_prompt(text, joint.statistics)
    return [joint.draw(prompt.targets, prompt.structure, Random(seed)) for seed in range(count)]


def test_a_draw_depends_on_the_generator_alone(joint: Joint, tiny_checkpoint: Checkpoint) -> None:
    first, again = draws(joint, "high dipole"), draws(Joint(tiny_checkpoint), "high dipole")
    assert [count for count, _ in first] == [count for count, _ in again]
    assert len({count for count, _ in first}) > 1


def test_without_wishes_the_train_splits_atom_counts_are_drawn(joint: Joint) -> None:
    counts = [joint.draw((), Structure(), Random(seed))[0] for seed in range(2000)]
    shares = joint.sizes / joint.sizes.sum()
    drawn = np.bincount(counts, minlength=len(shares)) / len(counts)
    assert np.abs(drawn - shares).max() < 0.05
    assert all(joint.sizes[count] for count in counts)


@pytest.mark.parametrize(
    "text", ["10 to 14 atoms", "no nitrogen and no oxygen", "5 heavy atoms", "at least 1 ring", "9 atoms, one oxygen"]
)
def test_draws_respect_the_structure(text: str, joint: Joint) -> None:
    structure = parse_prompt(text, joint.statistics).structure
    meets = np.ones(len(joint.counts), bool)
    if structure.atoms:
        meets &= (joint.counts >= structure.atoms[0]) & (joint.counts <= structure.atoms[1])
    if structure.heavy:
        heavy = joint.structures[:, 1:5].sum(1)
        meets &= (heavy >= structure.heavy[0]) & (heavy <= structure.heavy[1])
    if structure.rings:
        meets &= joint.structures[:, len(SYMBOLS)] >= structure.rings[0]
    for symbol, low, high in structure.elements:
        found = joint.structures[:, SYMBOLS.index(symbol)]
        meets &= (found >= low) & (found <= (29 if high is None else high))
    allowed = {int(count) for count in joint.counts[meets]}
    assert allowed
    assert {count for count, _ in draws(joint, text)} <= allowed


def test_draws_with_a_target_are_records_near_it(joint: Joint) -> None:
    index = KEYS.index("alpha")
    (target,) = parse_prompt("very high polarizability", joint.statistics).targets
    low, _ = value_range(target, joint.statistics)
    values = [joint.statistics.denormalise(index, float(row[index])) for _, row in draws(joint, "very high polarizability")]
    assert min(values) > np.median([joint.statistics.denormalise(index, float(row[index])) for row in joint.values])
    assert max(values) >= low


def test_a_formula_fixes_the_atom_count(joint: Joint) -> None:
    assert {count for count, _ in draws(joint, "C7H10O2")} == {19}


@pytest.mark.parametrize(
    "structure", [Structure(atoms=(5, 4)), Structure(atoms=(1, 3), heavy=(5, 5)), Structure(atoms=(0, 30))]
)
def test_atom_counts_that_cannot_be_are_refused(structure: Structure, joint: Joint) -> None:
    with pytest.raises(InputError):
        joint.draw((), structure, Random(0))


def test_values_are_drawn_inside_ranges(joint: Joint) -> None:
    for text in ("dipole between 1 and 2 D", "dipole below 2 D", "dipole above 1 D"):
        prompt = parse_prompt(text, joint.statistics)
        low, high = value_range(prompt.targets[0], joint.statistics)
        settled = {settle(prompt.targets[0], joint.statistics, row).value for _, row in draws(joint, text)}
        assert all(value is not None and low <= value <= high for value in settled), text
        assert len(settled) > 3, text


def test_where_ten_records_meet_a_bound_values_are_theirs(joint: Joint) -> None:
    """Drawn from the nearest ones instead, half of the values would be the bound itself."""
    values = np.sort(joint.values[:, KEYS.index("gap")])
    bound = joint.statistics.denormalise(KEYS.index("gap"), float(values[-12:-10].mean()))
    targets = (Target("gap", ">", value=bound, unit="eV"),)
    drawn = [joint.draw(targets, Structure(), Random(seed))[1] for seed in range(60)]
    settled = [settle(targets[0], joint.statistics, row).value for row in drawn]
    assert all(value is not None and value > bound for value in settled)
    assert len(set(settled)) > 3


def test_exact_values_and_levels_stay_as_they_are(joint: Joint) -> None:
    for target in (Target("mu", "=", value=1.5, unit="D"), Target("mu", "level", level=3, unit="D")):
        assert settle(target, joint.statistics, joint.values[0]) is target
    between = Target("mu", "between", low=1.0, high=2.0, unit="D")
    assert settle(between, joint.statistics, None) == Target("mu", "=", value=1.5, unit="D")


def test_a_record_is_nearest_to_its_own_values(joint: Joint) -> None:
    for row in (0, 7, 30):
        values = [joint.statistics.denormalise(index, float(z)) for index, z in enumerate(joint.values[row])]
        near = joint.nearest(tuple(Target(key, "=", value=value) for key, value in zip(KEYS, values, strict=True)))
        assert near is not None
        assert near.distance < 1e-3
        assert near.values == pytest.approx(dict(zip(KEYS, values, strict=True)))


def test_targets_that_no_record_comes_near_together_are_far(joint: Joint) -> None:
    row = dict(zip(KEYS, joint.statistics.percentiles, strict=True))
    small, large = Target("alpha", "=", value=row["alpha"][2]), Target("cv", "=", value=row["cv"][98])
    for alone in (small, large):
        near = joint.nearest((alone,))
        assert near is not None
        assert near.distance < FAR
    together = joint.nearest((small, large))
    assert together is not None
    assert together.distance > FAR
    both = joint.nearest((small, replace(large, value=row["cv"][2])))
    assert both is not None
    assert both.distance < FAR


def test_ranges_are_met_by_whatever_lies_inside(joint: Joint) -> None:
    prompt = parse_prompt("dipole above 0 D and gap below 30 eV", joint.statistics)
    near = joint.nearest(prompt.targets)
    assert near is not None
    assert near.distance == 0
    assert joint.nearest(()) is None
