"""Structural wishes, and those that exclude each other."""

from collections.abc import Callable

import pytest

from t2d_mol.checkpoint import Statistics
from t2d_mol.errors import InputError
from t2d_mol.prompts.grammar import parse_prompt
from t2d_mol.prompts.structure import atoms_of, unsaturation

Structure = Callable[[str], dict[str, object]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("15 atoms", {"atoms": [15, 15]}),
        ("12-18 atoms, low gap", {"atoms": [12, 18]}),
        ("twelve atoms in total", {"atoms": [12, 12]}),
        ("fewer than 12 atoms", {"atoms": [1, 11]}),
        ("at least 20 atoms", {"atoms": [20, 29]}),
        ("more than 10 and fewer than 14 atoms", {"atoms": [11, 13]}),
        ("7 heavy atoms", {"heavy": [7, 7]}),
        ("at most 7 heavy atoms", {"heavy": [0, 7]}),
        ("an open-chain molecule of 6 to 8 heavy atoms", {"rings": [0, 0], "heavy": [6, 8]}),
        ("two rings", {"rings": [2, 2]}),
        ("at least one ring", {"rings": [1, None]}),
        ("no rings", {"rings": [0, 0]}),
        ("bicyclic", {"rings": [2, 2]}),
        ("acyclic", {"rings": [0, 0]}),
        ("aromatic", {"aromatic": True}),
        ("not aromatic", {"aromatic": False}),
        ("non-aromatic, one ring", {"aromatic": False, "rings": [1, 1]}),
        ("without aromatic rings or fluorine", {"aromatic": False, "elements": {"F": [0, 0]}}),
        ("contains nitrogen and oxygen", {"elements": {"N": [1, None], "O": [1, None]}}),
        ("2 oxygens and exactly one nitrogen", {"elements": {"N": [1, 1], "O": [2, 2]}}),
        ("at least two N atoms", {"elements": {"N": [2, None]}}),
        ("no fluorine", {"elements": {"F": [0, 0]}}),
        ("fluorine-free", {"elements": {"F": [0, 0]}}),
        ("without nitrogen or fluorine", {"elements": {"N": [0, 0], "F": [0, 0]}}),
        ("neither nitrogen nor oxygen", {"elements": {"N": [0, 0], "O": [0, 0]}}),
        ("no oxygen but at least one nitrogen", {"elements": {"N": [1, None], "O": [0, 0]}}),
        ("only carbon and hydrogen", {"elements": {"N": [0, 0], "O": [0, 0], "F": [0, 0]}}),
        ("hydrocarbon", {"elements": {"N": [0, 0], "O": [0, 0], "F": [0, 0]}}),
    ],
)
def test_structural_wishes_are_read(text: str, expected: dict[str, object], structure: Structure) -> None:
    assert structure(text) == expected


@pytest.mark.parametrize("text", ["C2H6O", "an isomer of C2H6O", "formula: C₂H₆O", "with molecular formula C2H6O1"])
def test_a_formula_fixes_every_element(text: str, structure: Structure) -> None:
    found = structure(text)
    assert str(found["formula"]).startswith("C2H6O")
    assert found["elements"] == {"H": [6, 6], "C": [2, 2], "N": [0, 0], "O": [1, 1], "F": [0, 0]}


def test_formulas_are_counted() -> None:
    assert atoms_of("C2H6O") == {"C": 2, "H": 6, "O": 1}
    assert atoms_of("CHNCH3") == {"C": 2, "H": 4, "N": 1}
    assert unsaturation(atoms_of("C6H6")) == 4
    assert unsaturation(atoms_of("C2H7")) == -0.5
    assert unsaturation(atoms_of("CHF3")) == 0


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("acyclic but aromatic", ["'acyclic' (character 1)", "'aromatic' (character 13)"]),
        ("high gap, no fluorine, one fluorine", ["'no fluorine' (character 11)", "'one fluorine' (character 24)"]),
        ("two rings, acyclic", ["'two rings' (character 1)", "'acyclic' (character 12)"]),
        ("5 atoms and 9 heavy atoms", ["'5 atoms' (character 1)", "'9 heavy atoms' (character 13)"]),
        ("three nitrogens, at most 2 atoms", ["'three nitrogens' (character 1)", "'at most 2 atoms' (character 18)"]),
        ("C6H6 with 20 atoms", ["'C6H6' (character 1)", "'20 atoms' (character 11)"]),
        ("C6H6, 7 heavy atoms", ["'C6H6' (character 1)", "'7 heavy atoms' (character 7)"]),
        ("C6H6 with one nitrogen", ["'C6H6' (character 1)", "'one nitrogen' (character 11)"]),
        ("C2H6O without oxygen", ["'C2H6O' (character 1)", "'without oxygen' (character 7)"]),
        ("C2H6, one ring", ["'C2H6' (character 1)", "'one ring' (character 7)"]),
        ("aromatic C2H6", ["'aromatic' (character 1)", "'C2H6' (character 10)"]),
        ("C2H6 and C3H8", ["'C2H6' (character 1)", "'C3H8' (character 10)"]),
        ("only carbon and hydrogen, one oxygen", ["'only carbon' (character 1)", "'one oxygen' (character 27)"]),
    ],
)
def test_wishes_that_exclude_each_other_are_errors_that_name_both(
    text: str, parts: list[str], qm9_statistics: Statistics
) -> None:
    with pytest.raises(InputError, match="contradicts itself") as error:
        parse_prompt(text, qm9_statistics)
    assert all(part in str(error.value) for part in parts), error.value


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("C2H7", "no closed-shell molecule has the formula 'C2H7' (character 1)"),
        ("low gap, CH5", "no closed-shell molecule has the formula 'CH5' (character 10)"),
        ("C12H26", "at most 29"),
        ("30 atoms", "molecules have 1 to 29 atoms"),
        ("no atoms", "molecules have 1 to 29 atoms"),
        ("0 atoms", "molecules have 1 to 29 atoms"),
        ("31 heavy atoms", "molecules have 1 to 29 atoms"),
        ("20 carbons and 12 nitrogens", "at least 32 atoms"),
        ("9" * 400 + " carbons", "at most 29"),
        ("between 7 and 5 atoms", "range is empty: 'between 7 and 5 atoms' (character 1)"),
    ],
)
def test_what_no_molecule_can_be_is_an_error(text: str, part: str, qm9_statistics: Statistics) -> None:
    with pytest.raises(InputError) as error:
        parse_prompt(text, qm9_statistics)
    assert part in str(error.value)
