"""The grammar and the templates: the poster's sentences, what people write, and that the two agree."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from t2d_mol.checkpoint import Statistics
from t2d_mol.errors import InputError
from t2d_mol.molecule import Target
from t2d_mol.prompts import exact_prompt, general_prompt, parse_prompt
from t2d_mol.prompts.templates import mixed_prompt, random_prompt, random_targets
from t2d_mol.properties import BY_KEY, KEYS
from t2d_mol.training.reader import draw_values

EXACT = (
    "A molecule with the heat capacity of-0.11, the lomo of 0.87, the homo of-0.21, the polarizability of 0.95, "
    "the dipole moment of-1.61 and the energy gap between homo and lumo as 0.94."
)
GENERAL = (
    "A molecule with a high homo value, a very low heat capacity, a medium polarizability, a high energy difference "
    "between homo and lomo, a very high lomo value and a high dipole moment."
)


def targets(text: str, statistics: Statistics) -> dict[str, Target]:
    return {target.property: target for target in parse_prompt(text, statistics).targets}


def test_the_posters_exact_sentence_is_read_as_six_normalised_values(qm9_statistics: Statistics) -> None:
    found = targets(EXACT, qm9_statistics)
    z = {key: qm9_statistics.normalise(KEYS.index(key), t.value) for key, t in found.items() if t.value is not None}
    assert z == pytest.approx({"cv": -0.11, "lumo": 0.87, "homo": -0.21, "alpha": 0.95, "mu": -1.61, "gap": 0.94})
    assert all(target.normalised for target in found.values())


def test_the_posters_general_sentence_is_read_as_six_levels(qm9_statistics: Statistics) -> None:
    levels = {key: target.level for key, target in targets(GENERAL, qm9_statistics).items()}
    assert levels == {"homo": 3, "cv": 0, "alpha": 2, "gap": 3, "lumo": 4, "mu": 3}


def test_the_posters_sentences_come_out_of_the_templates(qm9_statistics: Statistics) -> None:
    exact = exact_prompt(parse_prompt(EXACT, qm9_statistics).targets, qm9_statistics, normalised=True)
    assert exact == EXACT.replace("of-", "of -").replace("lomo", "lumo")
    general = general_prompt(parse_prompt(GENERAL, qm9_statistics).targets)
    assert general == GENERAL.replace("lomo", "lumo")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a molecule with high polarizability", {"alpha": ("level", 3)}),
        ("Highly POLARISABLE", {"alpha": ("level", 4)}),
        ("polarizability of 75 Bohr^3", {"alpha": ("=", 75.0)}),
        ("alpha = 11.11 Å³", {"alpha": ("=", 74.97)}),
        ("a HOMO–LUMO gap around 7 eV", {"gap": ("=", 7.0)}),
        ("gap of 0.25 Hartree", {"gap": ("=", 6.803)}),
        ("homo of −6500 meV", {"homo": ("=", -6.5)}),
        ("mu at least 3 debye", {"mu": (">", 3.0)}),
        ("heat capacity below 125 J/mol/K", {"cv": ("<", 29.88)}),
        ("alpha > 80 bohr^3 and mu between 1 and 2 D", {"alpha": (">", 80.0), "mu": ("between", (1.0, 2.0))}),
        ("gap 5-6 eV", {"gap": ("between", (5.0, 6.0))}),
        ("7 ± 0.5 eV gap", {"gap": ("between", (6.5, 7.5))}),
        ("7 eV band gap and huge dipole", {"gap": ("=", 7.0), "mu": ("level", 4)}),
        ("polarizability: very high; dipole is low", {"alpha": ("level", 4), "mu": ("level", 1)}),
        ("Cv = 3.1e1", {"cv": ("=", 31.0)}),
    ],
)
def test_what_people_write(text: str, expected: dict[str, tuple[str, object]], qm9_statistics: Statistics) -> None:
    found = targets(text, qm9_statistics)
    assert set(found) == set(expected)
    for key, (op, value) in expected.items():
        target = found[key]
        assert target.op == op
        if op == "level":
            assert target.level == value
        elif op == "between":
            assert (target.low, target.high) == pytest.approx(value, rel=1e-3)
        else:
            assert target.value == pytest.approx(value, rel=1e-3)


def test_what_is_not_understood_is_kept(qm9_statistics: Statistics) -> None:
    prompt = parse_prompt("a sweet molecule with high gap, no fluorine and dipole", qm9_statistics)
    assert [target.property for target in prompt.targets] == ["gap"]
    assert prompt.unknown == ("sweet", "no", "fluorine", "dipole")
    nothing = parse_prompt("hello world", qm9_statistics)
    assert nothing.targets == ()
    assert "nothing in the prompt" in nothing.warnings[0]


def test_atoms_are_read(qm9_statistics: Statistics) -> None:
    assert parse_prompt("12-18 atoms, low gap", qm9_statistics).atoms == (12, 18)
    assert parse_prompt("15 atoms", qm9_statistics).atoms == (15, 15)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "empty"),
        ("  \n", "empty"),
        ("low gap and high gap", "'low' and 'high'"),
        ("homo of -6 eV, lumo of 1 eV, gap of 3 eV", "contradict"),
        ("dipole between 5 and 2 D", "begins above its end"),
        ("gap of 7 Debye", "no unit"),
        ("x" * 10_001, "10001 characters"),
    ],
)
def test_contradictions_are_errors_that_name_the_place(text: str, part: str, qm9_statistics: Statistics) -> None:
    with pytest.raises(InputError, match=part):
        parse_prompt(text, qm9_statistics)


def test_bare_numbers_are_read_as_the_contract_says(qm9_statistics: Statistics) -> None:
    z = qm9_statistics.denormalise(KEYS.index("homo"), -0.21)
    assert targets("homo of -0.21", qm9_statistics)["homo"].value == pytest.approx(z)
    assert targets("homo of -6.5", qm9_statistics)["homo"].value == -6.5
    mixed = targets("homo of -0.21 and dipole of 2 D", qm9_statistics)
    assert (mixed["mu"].value, mixed["mu"].normalised) == (2.0, False)
    forced = parse_prompt("dipole of 1.0", qm9_statistics, values="normalised").targets[0]
    assert forced.value == pytest.approx(qm9_statistics.denormalise(KEYS.index("mu"), 1.0))
    assert parse_prompt("homo of -0.21", qm9_statistics, values="units").targets[0].value == -0.21


def test_targets_outside_qm9_are_warned_of(qm9_statistics: Statistics) -> None:
    assert "outside" in parse_prompt("a gap of 30 eV", qm9_statistics).warnings[0]


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_the_grammar_reads_back_what_the_templates_write(seed: int, qm9_statistics: Statistics) -> None:
    rng = Random(seed)
    # energies of one molecule belong together
    values = draw_values(qm9_statistics, rng)
    values[KEYS.index("gap")] = values[KEYS.index("lumo")] - values[KEYS.index("homo")]
    asked = random_targets(values, qm9_statistics, rng)
    for text in (random_prompt(asked, qm9_statistics, rng), mixed_prompt(asked, qm9_statistics)):
        prompt = parse_prompt(text, qm9_statistics)
        assert not prompt.unknown, text
        read = {target.property: target for target in prompt.targets}
        assert set(read) == {target.property for target in asked}, text
        for target in asked:
            assert read[target.property].level == target.level, text
            if target.value is not None:
                mad = qm9_statistics.mad[KEYS.index(target.property)]
                assert abs(read[target.property].value - target.value) < 0.03 * mad, text


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str, qm9_statistics: Statistics) -> None:
    try:
        prompt = parse_prompt(text, qm9_statistics)
    except InputError:
        return
    assert all(target.property in BY_KEY for target in prompt.targets)
