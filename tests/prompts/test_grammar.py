"""Sentences become targets: what people write, how numbers are read, what is refused."""

import pytest

from t2d_mol.checkpoint import Statistics
from t2d_mol.errors import InputError
from t2d_mol.prompts import exact_prompt, general_prompt, parse_prompt
from t2d_mol.prompts.grammar import MAX_CHARACTERS, describe_target
from t2d_mol.properties import KEYS
from tests.prompts.conftest import Asked, Read, expect

EXACT = (
    "A molecule with the heat capacity of-0.11, the lomo of 0.87, the homo of-0.21, the polarizability of 0.95, "
    "the dipole moment of-1.61 and the energy gap between homo and lumo as 0.94."
)
GENERAL = (
    "A molecule with a high homo value, a very low heat capacity, a medium polarizability, a high energy difference "
    "between homo and lomo, a very high lomo value and a high dipole moment."
)


def test_the_papers_exact_sentence_is_read_as_six_normalised_values(qm9_statistics: Statistics) -> None:
    found = parse_prompt(EXACT, qm9_statistics)
    z = {t.property: qm9_statistics.normalise(KEYS.index(t.property), t.value) for t in found.targets if t.value is not None}
    assert z == pytest.approx({"cv": -0.11, "lumo": 0.87, "homo": -0.21, "alpha": 0.95, "mu": -1.61, "gap": 0.94})
    assert all(target.normalised for target in found.targets)
    assert found.unknown == ()


def test_the_papers_general_sentence_is_read_as_six_levels(read: Read) -> None:
    levels = {"homo": 3, "cv": 0, "alpha": 2, "gap": 3, "lumo": 4, "mu": 3}
    assert read(GENERAL) == {key: ("level", level) for key, level in levels.items()}


def test_the_papers_sentences_come_out_of_the_templates(qm9_statistics: Statistics) -> None:
    exact = exact_prompt(parse_prompt(EXACT, qm9_statistics).targets, qm9_statistics, normalised=True)
    assert exact == EXACT.replace("of-", "of -").replace("lomo", "lumo")
    general = general_prompt(parse_prompt(GENERAL, qm9_statistics).targets)
    assert general == GENERAL.replace("lomo", "lumo")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("polarizability of 75 Bohr^3", {"alpha": ("=", 75.0)}),
        ("alpha = 11.11 Å³", {"alpha": ("=", 74.97)}),
        ("polarisability 80 a.u.", {"alpha": ("=", 80.0)}),
        ("gap of 0.25 Hartree", {"gap": ("=", 6.8028)}),
        ("gap 0.25 a.u.", {"gap": ("=", 6.8028)}),
        ("homo of −6500 meV", {"homo": ("=", -6.5)}),
        ("gap 627 kJ/mol", {"gap": ("=", 6.4984)}),
        ("gap 150 kcal/mol", {"gap": ("=", 6.5046)}),
        ("gap of 56,000 cm⁻¹", {"gap": ("=", 6.9431)}),
        ("dipole 0.5 e·Å", {"mu": ("=", 2.4016)}),
        ("dipole 1.5 a.u.", {"mu": ("=", 3.8126)}),
        ("dipole 6×10^-30 C·m", {"mu": ("=", 1.7988)}),
        ("Cv = 30 cal mol⁻¹ K⁻¹", {"cv": ("=", 30.0)}),
        ("heat capacity below 125 J/mol/K", {"cv": ("<", 29.876)}),
    ],
)
def test_units_are_converted_by_the_property_they_measure(text: str, expected: Asked, read: Read) -> None:
    expect(read(text), expected, 1e-4)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a molecule with high polarizability", {"alpha": ("level", 3)}),
        ("Highly POLARISABLE", {"alpha": ("level", 4)}),
        ("a HOMO–LUMO gap around 7 eV", {"gap": ("=", 7.0)}),
        ("lomo of -1 eV", {"lumo": ("=", -1.0)}),
        ("a dipol momnt of 3 Debey", {"mu": ("=", 3.0)}),
        ("mu at least 3 debye", {"mu": (">", 3.0)}),
        ("dipole 2,5 D", {"mu": ("=", 2.5)}),
        ("alpha > 80 bohr^3 and mu between 1 and 2 D", {"alpha": (">", 80.0), "mu": ("between", 1.0, 2.0)}),
        ("gap 5-6 eV", {"gap": ("between", 5.0, 6.0)}),
        ("homo -6 to -7 eV", {"homo": ("between", -7.0, -6.0)}),
        ("7 ± 0.5 eV gap", {"gap": ("between", 6.5, 7.5)}),
        ("7 eV band gap and huge dipole", {"gap": ("=", 7.0), "mu": ("level", 4)}),
        ("polarizability: very high; dipole is low", {"alpha": ("level", 4), "mu": ("level", 1)}),
        ("Cv = 3.1e1", {"cv": ("=", 31.0)}),
        ("2 D and 30 cal/mol/K", {"mu": ("=", 2.0), "cv": ("=", 30.0)}),
        ("no dipole moment", {"mu": ("level", 0)}),
        ("minimise the gap", {"gap": ("level", 0)}),
        ("minimum dipole 2 D", {"mu": (">", 2.0)}),
    ],
)
def test_what_people_write_is_read(text: str, expected: Asked, read: Read) -> None:
    expect(read(text), expected)


def test_percentiles_and_runs_of_levels_are_values_of_qm9(read: Read, qm9_statistics: Statistics) -> None:
    row = dict(zip(KEYS, qm9_statistics.percentiles, strict=True))
    expect(read("top 5% polarizability"), {"alpha": (">", row["alpha"][95])})
    expect(read("dipole in the bottom quartile"), {"mu": ("<", row["mu"][25])})
    expect(read("median heat capacity"), {"cv": ("=", row["cv"][50])})
    expect(read("gap between the 20th and 30th percentile"), {"gap": ("between", row["gap"][20], row["gap"][30])})
    expect(read("a gap that is not high"), {"gap": ("<", row["gap"][60])})
    expect(read("medium to high gap"), {"gap": ("between", row["gap"][40], row["gap"][80])})
    assert read("neither low nor high gap") == {"gap": ("level", 2)}


def test_bare_numbers_are_in_units_where_all_lie_in_qm9s_range(read: Read) -> None:
    assert read("homo of -6.5 and dipole of 2") == {"homo": ("=", -6.5), "mu": ("=", 2.0)}


def test_one_number_outside_makes_the_sentence_normalised_and_says_so(qm9_statistics: Statistics) -> None:
    prompt = parse_prompt("homo of -0.21, dipole of 2, alpha of 80 Bohr^3", qm9_statistics)
    homo, mu, alpha = prompt.targets
    assert homo.value == pytest.approx(qm9_statistics.denormalise(KEYS.index("homo"), -0.21))
    assert mu.value == pytest.approx(qm9_statistics.denormalise(KEYS.index("mu"), 2.0))
    assert (alpha.value, alpha.normalised) == (80.0, False), "a number with a unit is never normalised"
    assert "bare numbers are read as normalised values" in prompt.warnings


def test_numbers_too_large_for_normalised_ones_are_in_units(read: Read) -> None:
    assert read("homo of -0.21 and dipole of 200") == {"homo": ("=", -0.21), "mu": ("=", 200.0)}


def test_the_reading_of_bare_numbers_can_be_forced_and_said(qm9_statistics: Statistics) -> None:
    z = qm9_statistics.denormalise(KEYS.index("mu"), 1.0)
    assert parse_prompt("dipole of 1.0", qm9_statistics, values="normalised").targets[0].value == pytest.approx(z)
    assert parse_prompt("dipole of 1.0 (normalised values)", qm9_statistics).targets[0].value == pytest.approx(z)
    assert parse_prompt("dipole of 1.0", qm9_statistics).targets[0].value == 1.0
    assert parse_prompt("homo of -0.21", qm9_statistics, values="units").targets[0].value == -0.21


def test_what_is_not_understood_is_kept(qm9_statistics: Statistics) -> None:
    prompt = parse_prompt("a sweet molecule with high gap, not toxic, with dipole", qm9_statistics)
    assert [target.property for target in prompt.targets] == ["gap"]
    assert prompt.unknown == ("sweet", "not toxic", "dipole")
    nothing = parse_prompt("hello world", qm9_statistics)
    assert nothing.targets == ()
    assert "nothing in the prompt" in nothing.warnings[0]


def test_typos_put_right_are_said(qm9_statistics: Statistics) -> None:
    assert "read 'dipol' as 'dipole'" in parse_prompt("high dipol", qm9_statistics).warnings


def test_a_choice_between_wishes_is_asked_for_whole_and_said(qm9_statistics: Statistics) -> None:
    for text in ("a high gap or a low dipole", "low gap OR homo", "high homo or no ring"):
        prompt = parse_prompt(text, qm9_statistics)
        assert len(prompt.targets) + bool(prompt.structure) == 2
        assert ["'or' is read as 'and'" in warning for warning in prompt.warnings] == [True]
    for text in (
        "gap of 5 or 6 eV",
        "high or very high gap",
        "no nitrogen or oxygen",
        "homo/lumo of -6/1 eV",
        "one or two rings",
    ):
        assert not parse_prompt(text, qm9_statistics).warnings


def test_how_many_molecules_is_not_the_prompts_to_say(qm9_statistics: Statistics) -> None:
    for text in ("give me 5 molecules with a low gap", "three structures, low gap"):
        prompt = parse_prompt(text, qm9_statistics)
        assert (len(prompt.targets), prompt.unknown) == (1, ())
        assert "decided by -n" in prompt.warnings[0]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["empty"]),
        ("  \n", ["empty"]),
        ("low gap and high gap", ["twice", "'low gap' (character 1)", "'high gap' (character 13)"]),
        ("gap 7 eV or more; band gap of 3 eV", ["twice", "(character 1)", "(character 19)"]),
        ("a dipole between 5 and 2 D", ["begins above its end", "(character 3)"]),
        ("gap of 7 Debye", ["no unit", "(character 1)"]),
        ("a gap of 300 nm", ["nm is no unit", "(character 3)"]),
        ("gap 7 THz", ["Hz is no unit"]),
        ("heat capacity of 30 a.u.", ["no unit", "(character 1)"]),
    ],
)
def test_what_cannot_be_read_is_an_error_that_names_the_places(
    text: str, parts: list[str], qm9_statistics: Statistics
) -> None:
    with pytest.raises(InputError) as error:
        parse_prompt(text, qm9_statistics)
    assert all(part in str(error.value) for part in parts), error.value


@pytest.mark.parametrize("text", ["x" * (MAX_CHARACTERS + 1), "high gap " * 120_000, "ﷺ" * MAX_CHARACTERS])
def test_long_prompts_are_refused_with_a_reason(text: str, qm9_statistics: Statistics) -> None:
    with pytest.raises(InputError, match=r"has \d+ characters; at most 10000 are read"):
        parse_prompt(text, qm9_statistics)


def test_targets_are_described_so_that_they_read_back(read: Read, qm9_statistics: Statistics) -> None:
    for text in ("very high gap", "gap of 7 eV", "dipole below 2 D", "homo between -7 and -6 eV"):
        (target,) = parse_prompt(text, qm9_statistics).targets
        assert read(describe_target(target)) == read(text)


@pytest.mark.parametrize(
    ("text", "op", "value"),
    [
        ("HOMO enery less then -7.3 eV", "<", -7.3),
        ("LUMO below minus two electron volts", "<", -2.0),
        ("large gap (over 8 eV)", ">", 8.0),
    ],
)
def test_bounds_in_careless_words(text: str, op: str, value: float, qm9_statistics: Statistics) -> None:
    (target,) = parse_prompt(text, qm9_statistics).targets
    assert (target.op, target.value) == (op, value)


def test_percentiles_in_other_orders(qm9_statistics: Statistics) -> None:
    (target,) = parse_prompt("polarizability percentile > 70", qm9_statistics).targets
    assert (target.op, target.value) == (">", pytest.approx(qm9_statistics.percentile(KEYS.index("alpha"), 70)))
    (target,) = parse_prompt("dipole in the first quartile", qm9_statistics).targets
    assert (target.op, target.value) == ("<", pytest.approx(qm9_statistics.percentile(KEYS.index("mu"), 25)))


@pytest.mark.parametrize(
    "text", ["gap != 7 eV", "7 eV ≠ gap", "gap not 7 eV", "gap outside 5-7 eV", "gap not between 5 and 6 eV"]
)
def test_values_cannot_be_left_out(text: str, qm9_statistics: Statistics) -> None:
    with pytest.raises(InputError, match="cannot be left out"):
        parse_prompt(text, qm9_statistics)


def test_the_size_of_a_ring_is_no_number_of_rings(qm9_statistics: Statistics) -> None:
    prompt = parse_prompt("two six-membered rings", qm9_statistics)
    assert prompt.structure.rings == (2, 2)
    assert prompt.unknown == ("six-membered",)
