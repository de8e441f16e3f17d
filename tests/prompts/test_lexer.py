"""Tokens and senses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2d_mol.prompts import lexicon
from t2d_mol.prompts.lexer import tokens
from t2d_mol.prompts.senses import senses, vocabulary
from t2d_mol.prompts.unit_spellings import UNIT_SPELLINGS
from t2d_mol.properties import PROPERTIES
from t2d_mol.units import UNIT_FACTORS

UNITS_AS_WRITTEN = {
    "Bohr^3": ("Bohr^3", "bohr³", "a0³", "a_0^3", "cubic bohr", "bohr3", "Bohr**3"),
    "Å^3": ("Å³", "A^3", "ang^3", "angstrom^3", "cubic angstroms", "Å**3"),
    "Hartree": ("Hartree", "hartrees", "Ha", "E_h", "Eh"),
    "a.u.": ("a.u.", "au", "atomic units"),
    "eV": ("eV", "ev", "electron volts", "electronvolt", "e.V."),
    "meV": ("meV", "millielectronvolts"),
    "kJ/mol": ("kJ/mol", "kJ mol⁻¹", "kJ per mole", "kilojoules per mole"),
    "kcal/mol": ("kcal/mol", "kcal mol^-1", "kcals/mol"),
    "cm^-1": ("cm^-1", "cm⁻¹", "cm-1", "wavenumbers", "1/cm", "inverse cm"),
    "D": ("D", "Debye", "debyes", "Deb"),
    "e·Å": ("e·Å", "e Å", "e*Å", "eÅ"),
    "e·a0": ("e·a0", "e a_0", "e·bohr"),
    "C·m": ("C·m", "C m", "Cm", "coulomb metres", "coulomb-meters"),
    "cal/mol/K": ("cal/mol/K", "cal/(mol K)", "cal mol⁻¹ K⁻¹", "cal/(mol·K)", "cal per mol per K", "cal/mol·K"),
    "J/mol/K": ("J/mol/K", "J/(mol K)", "J mol^-1 K^-1", "J/(K·mol)", "J K⁻¹ mol⁻¹"),
    "kJ/mol/K": ("kJ/mol/K", "kJ/(mol K)"),
    "percentile": ("th percentile", "percentile", "%ile"),
    "%": ("%", "percent", "per cent"),
}


def kinds(text: str) -> list[str]:
    return [token.kind for token in tokens(text)]


def meant(text: str) -> list[str]:
    return [token.meaning for token in tokens(text)]


def number(text: str) -> float:
    (found,) = [token.value for token in tokens(text) if token.kind == "number"]
    return found


@pytest.mark.parametrize("prop", PROPERTIES, ids=lambda prop: prop.key)
def test_every_name_and_symbol_of_a_property_is_that_property(prop: object) -> None:
    for name in (prop.name, prop.symbol, *prop.synonyms):
        for written in (name, name.upper(), f"{name},", name.replace(" ", "-"), f"({name})"):
            found = [token for token in tokens(written) if token.kind not in ("soft", "link")]
            assert [(token.kind, token.meaning) for token in found] == [("property", prop.key)], written


@pytest.mark.parametrize(("unit", "written"), [(unit, one) for unit, several in UNITS_AS_WRITTEN.items() for one in several])
def test_units_are_read_as_people_write_them(unit: str, written: str) -> None:
    assert [token.meaning for token in tokens(f"12 {written}") if token.kind == "unit"] == [unit]
    assert meant(f"12 {written}, 5")[1] == unit


def test_every_unit_can_be_written() -> None:
    assert {unit for factors in UNIT_FACTORS.values() for unit in factors} <= set(UNIT_SPELLINGS)
    assert set(UNIT_SPELLINGS) - {"K", "nm", "Hz", "Ry", "keV", "cm^3", "C·m^2/V"} == set(UNITS_AS_WRITTEN)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7.0), ("-0.25", -0.25), ("−0.25", -0.25), ("+3", 3.0), (".5", 0.5), ("6.", 6.0), ("1e3", 1000.0),
        ("3.1E-2", 0.031),
        ("6×10^-30", 6e-30), ("6 x 10⁻³⁰", 6e-30), ("6·10^(-30)", 6e-30), ("10^3", 1000.0), ("56,000", 56000.0),
        ("1,234,567.5", 1234567.5),
        ("7,5 eV", 7.5), ("2,25", 2.25), ("56 000", 56000.0), ("twenty one", 21.0), ("twelve", 12.0), ("minus 6", -6.0),
        ("negative 6.5", -6.5), ("5th", 5.0), ("9" * 400, 1e12), ("10^" + "9" * 5000, 1e12), ("5e999", 1e12),
        ("5e-999", 5e-300),
    ],
)  # fmt: skip
def test_numbers_are_read_as_people_write_them(text: str, value: float) -> None:
    assert number(text) == pytest.approx(value, rel=1e-12)


def test_two_numbers_of_a_list_stay_two() -> None:
    assert [token.value for token in tokens("5, 6 and 7") if token.kind == "number"] == [5, 6, 7]
    assert [(token.kind, token.value) for token in tokens("5-6")] == [("number", 5), ("range", 0), ("number", 6)]


def test_letters_and_digits_in_one_are_a_word() -> None:
    assert kinds("B3LYP") == ["word"]
    assert kinds("H2SO4") == ["word"]
    assert meant("C2H6O") == ["formula:C2H6O"]
    assert kinds("CO") == ["word"]
    assert meant("formula CO")[1] == "formula:CO"


def test_the_longest_phrase_wins() -> None:
    assert meant("energy gap between homo and lumo") == ["gap"]
    assert meant("homo and lumo") == ["homo", "and", "lumo"]
    assert meant("no more than") == ["<="]
    assert meant("non-aromatic") == ["aliphatic"]


@given(st.text(max_size=80))
def test_tokens_stand_in_order_inside_the_sentence(text: str) -> None:
    starts = [token.start for token in tokens(text)]
    assert starts == sorted(starts)
    assert all(0 <= start < len(text) for start in starts)


def test_a_token_stands_where_it_was_written() -> None:
    text = "α ≈ 70 a0³,  gap −1 eV"
    found = {token.text: token.start for token in tokens(text)}
    assert found["gap"] == text.index("gap")
    assert found["-1"] == text.index("−1")


def test_the_senses_of_synonyms_are_the_same() -> None:
    assert (
        senses("A molecule with a high polarisability")
        == senses("find large α, please!")
        == [("level:3", 0.0), ("property:alpha", 0.0)]
    )
    assert senses("gap of 1 Hartree")[1:] == [("number", pytest.approx(27.211386)), ("unit:eV", 0.0)]


def test_every_sense_of_the_lexicon_is_in_the_vocabulary() -> None:
    known = set(vocabulary()) | {"number"}
    texts = [" ".join(phrase) for phrase in lexicon.SENSES] + [
        f"5 {one}" for several in UNITS_AS_WRITTEN.values() for one in several
    ]
    assert {sense for text in texts for sense, _ in senses(text)} - known <= {f"count:formula:{text}" for text in texts}
    assert list(vocabulary()) == sorted(set(vocabulary()))


def test_no_word_of_the_lexicon_is_listed_in_vain() -> None:
    assert not {word for word in lexicon.FILLERS if (word,) in lexicon.SENSES}
    assert {kind for kind, _ in lexicon.SENSES.values()} | {"number", "unit", "word"} == set(lexicon.Kind.__args__)
