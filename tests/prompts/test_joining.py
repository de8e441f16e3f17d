"""Which quantity belongs to which noun."""

import pytest

from t2d_mol.prompts.items import read_items
from t2d_mol.prompts.joining import join, property_of_unit, unit_measures
from t2d_mol.prompts.lexer import tokens


def pairs(text: str) -> list[tuple[str | None, str | None]]:
    joined = join(read_items(tokens(text)).items)
    return [(pair.noun.name if pair.noun else None, pair.quantity.text if pair.quantity else None) for pair in joined]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("high gap", [("gap", "high")]),
        ("gap is high", [("gap", "high")]),
        ("high gap, low dipole", [("gap", "high"), ("mu", "low")]),
        ("average polarizability", [("alpha", "average polarizability")]),
        ("high gap and average polarizability", [("gap", "high"), ("alpha", "average polarizability")]),
        ("low average polarizability", [("alpha", "low")]),
        ("lowest unoccupied orbital", [("lumo", None)]),
        ("gap of 7 eV and higher dipole", [("gap", "7 eV"), ("mu", "higher")]),
        ("gap of 7 eV and lower dipole", [("gap", "7 eV"), ("mu", "lower")]),
        ("gap of 7 eV and lower", [("gap", "7 eV and lower")]),
        ("gap high, dipole low", [("gap", "high"), ("mu", "low")]),
        ("gap: 7 eV; dipole: 2 D", [("gap", "7 eV"), ("mu", "2 D")]),
        ("high gap and dipole", [("gap", "high"), ("mu", "high")]),
        ("gap, dipole and alpha are high", [("gap", "high"), ("mu", "high"), ("alpha", "high")]),
        ("homo and lumo of -6 and 1 eV", [("homo", "-6"), ("lumo", "1 eV")]),
        ("gap and dipole should be high and low", [("gap", "high"), ("mu", "low")]),
        ("2 D dipole and 7 eV gap", [("mu", "2 D"), ("gap", "7 eV")]),
        ("1 < mu < 3", [("mu", "1 < mu < 3")]),
        ("6 eV < gap", [("gap", "6 eV <")]),
        ("a low LUMO, below -2 eV", [("lumo", "below -2 eV")]),
        ("maximum dipole 2 D", [("mu", "2 D")]),
        ("7 eV", [(None, "7 eV")]),
        ("two rings and 3 nitrogens", [("rings", "two"), ("N", "3")]),
        ("no nitrogen, oxygen or fluorine", [("N", "no"), ("O", "no"), ("F", "no")]),
        ("no nitrogen but oxygen", [("N", "no"), ("O", None)]),
        ("no fluorine, aromatic", [("F", "no"), ("aromatic", None)]),
        ("only carbon and hydrogen, two rings", [("C", "only"), ("H", "only"), ("rings", "two")]),
        ("acyclic of 6 to 8 heavy atoms", [("acyclic", None), ("heavy", "6 to 8")]),
        ("two aromatic rings", [("aromatic", "two")]),
    ],
)
def test_quantities_find_their_nouns(text: str, expected: list[tuple[str | None, str | None]]) -> None:
    assert pairs(text) == expected


def test_nothing_is_lost_or_doubled() -> None:
    text = "high gap, low dipole, 3 rings, no fluorine and 12 atoms; alpha 80, cv 30 or homo -6 " * 20
    items = read_items(tokens(text)).items
    joined = join(items)
    assert sum(pair.noun is not None for pair in joined) == sum(item.noun is not None for item in items)
    assert {pair.quantity for pair in joined if pair.quantity} == {item.quantity for item in items if item.quantity}


def test_a_unit_says_the_property_where_it_measures_one_only() -> None:
    assert property_of_unit("D") == "mu"
    assert property_of_unit("J/mol/K") == "cv"
    assert property_of_unit("eV") is None
    assert property_of_unit("percentile") is None
    assert unit_measures("a.u.", "homo")
    assert not unit_measures("a.u.", "cv")
