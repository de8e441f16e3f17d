"""Sentences as chemists type them, whose parts stand where the grammar would not look first."""

from collections.abc import Callable
from typing import Any

import pytest

from t2d_mol.checkpoint import Statistics
from t2d_mol.errors import InputError
from t2d_mol.prompts.grammar import parse_prompt
from tests.prompts.conftest import Asked, Read, expect

Wishes = Callable[[str], dict[str, Any]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dipole of 2 D at most", {"mu": ("<", 2.0)}),
        ("6 eV gap at least", {"gap": (">", 6.0)}),
        ("gap 6 eV max", {"gap": ("<", 6.0)}),
        ("dipole max. 2 D", {"mu": ("<", 2.0)}),
        ("gap equal to or above 6 eV", {"gap": (">", 6.0)}),
        ("gap >/= 6 eV", {"gap": (">", 6.0)}),
        ("gap larger 6 eV", {"gap": (">", 6.0)}),
        ("gap and dipole above 6 eV and 3 D", {"gap": (">", 6.0), "mu": (">", 3.0)}),
        ("HOMO no deeper than -7 eV", {"homo": (">", -7.0)}),
        ("HOMO of -7 eV or deeper", {"homo": ("<", -7.0)}),
        ("HOMO less negative than -6 eV", {"homo": (">", -6.0)}),
        ("dipole in the 3rd quartile", {"mu": ("between", 2.476, 3.596)}),
        ("6 eV gap at most 12 atoms", {"gap": ("=", 6.0)}),
        ("gap 6 eV and no more", {"gap": ("<", 6.0)}),
        ("gap 5 eV or less\n12 atoms", {"gap": ("<", 5.0)}),
        ("Keep the dipole at a minimum. 5 eV gap.", {"mu": ("level", 0), "gap": ("=", 5.0)}),
        ("gap 5 eV dipole max", {"gap": ("=", 5.0), "mu": ("level", 4)}),
        ("gap barely above 5 eV", {"gap": (">", 5.0)}),
        ("gap above the 3rd quartile", {"gap": (">", 7.875)}),
        ("can't have a gap below 5 eV", {"gap": (">", 5.0)}),
        ("no molecules with a gap below 5 eV", {"gap": (">", 5.0)}),
        ("a 2 D molecule with a gap of 5 eV", {"mu": ("=", 2.0), "gap": ("=", 5.0)}),
    ],
)
def test_bounds_are_read_wherever_they_stand(text: str, expected: Asked, read: Read) -> None:
    expect(read(text), expected)


@pytest.mark.parametrize(
    ("text", "wished"),
    [
        ("12 atoms or fewer", {"atoms": [1, 12]}),
        ("12+ atoms", {"atoms": [12, 29]}),
        ("two nitrogens or more", {"elements": {"N": [2, None]}}),
        ("two rings at most and 3 nitrogens", {"rings": [0, 2], "elements": {"N": [3, 3]}}),
        ("polar and under 12 atoms", {"atoms": [1, 11]}),
        ("no fluorine, contains nitrogen", {"elements": {"N": [1, None], "F": [0, 0]}}),
        ("no fluorine, nitrogen or oxygen", {"elements": {"N": [0, 0], "O": [0, 0], "F": [0, 0]}}),
        ("no nitrogen, fluorinated", {"elements": {"N": [0, 0], "F": [1, None]}}),
        ("not fluorinated or oxygenated", {"elements": {"O": [0, 0], "F": [0, 0]}}),
        ("fluorine: none; nitrogen: 2", {"elements": {"N": [2, 2], "F": [0, 0]}}),
        ("rings = no", {"rings": [0, 0]}),
        ("non-fluorinated", {"elements": {"F": [0, 0]}}),
        ("all elements but fluorine", {"elements": {"F": [0, 0]}}),
        ("an alicyclic molecule", {"rings": [1, None]}),
        ("12 atoms or fewer 2 rings", {"atoms": [1, 12], "rings": [2, 2]}),
        ("must not contain more than 2 nitrogens", {"elements": {"N": [0, 2]}}),
        ("fluorine none 12 atoms", {"atoms": [12, 12], "elements": {"F": [0, 0]}}),
        ("shouldn't have rings", {"rings": [0, 0]}),
        ("exclude molecules with rings", {"rings": [0, 0]}),
        ("number of N atoms: 2", {"elements": {"N": [2, 2]}}),
        ("n atoms = 12", {"atoms": [12, 12]}),
        ("no nitrogenous, oxygenated or fluorinated compounds", {"elements": {"N": [0, 0], "O": [0, 0], "F": [0, 0]}}),
        ("does not contain fluorine or include oxygen", {"elements": {"O": [0, 0], "F": [0, 0]}}),
        ("avoid fluorine-containing and nitrogen-containing ones", {"elements": {"N": [0, 0], "F": [0, 0]}}),
        ("N-containing, F-free", {"elements": {"N": [1, None], "F": [0, 0]}}),
    ],
)
def test_structures_are_read_wherever_their_words_stand(text: str, wished: dict[str, Any], structure: Wishes) -> None:
    found = {name: value for name, value in structure(text).items() if value not in (None, {})}
    assert found == wished


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("HOMO (Ha) = -0.22", {"homo": ("=", -5.9865)}),
        ("HOMO and LUMO (Ha): -0.22, 0.01", {"homo": ("=", -5.9865), "lumo": ("=", 0.27211)}),
        ("gap 0.22 in Hartree", {"gap": ("=", 5.9865)}),
        ("polarizability in Å^3 of 11", {"alpha": ("=", 74.232)}),
        ("Cv / J mol-1 K-1 = 125", {"cv": ("=", 29.876)}),
        ("heat capacity 125 J·K⁻¹·mol⁻¹", {"cv": ("=", 29.876)}),
        ("gap in cm-1: 48000", {"gap": ("=", 5.9512)}),
        ("dipole 0.5 e*A", {"mu": ("=", 2.4016)}),
        ("gap 6 eV ± 100 meV", {"gap": ("between", 5.9, 6.1)}),
        ("gap within 5 kcal/mol of 6 eV", {"gap": ("between", 5.7832, 6.2168)}),
        ("gap between 5 eV and 0.25 Ha", {"gap": ("between", 5.0, 6.8028)}),
        ("gap 6 eV plus or minus 0.2 eV", {"gap": ("between", 5.8, 6.2)}),
    ],
)
def test_units_are_read_wherever_they_stand(text: str, expected: Asked, read: Read) -> None:
    expect(read(text), expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dipole higher than average", {"mu": ("level", 3)}),
        ("high dipole and below average gap", {"mu": ("level", 3), "gap": ("level", 1)}),
        ("the most polar molecule", {"mu": ("level", 4)}),
        ("less polar", {"mu": ("level", 1)}),
        ("LUMO near zero", {"lumo": ("=", 0.0)}),
        ("dipole near zero", {"mu": ("level", 0)}),
        ("3D structures with a high gap", {"gap": ("level", 3)}),
        ("dipole of 3D", {"mu": ("=", 3.0)}),
        ("the gap (HOMO-LUMO) should be 5 eV", {"gap": ("=", 5.0)}),
        ("LUMO - HOMO > 5 eV", {"gap": (">", 5.0)}),
        ("HOMO-LUMO of -6 and 1 eV", {"homo": ("=", -6.0), "lumo": ("=", 1.0)}),
        ("gap at B3LYP/6-31G(d) of 5 eV", {"gap": ("=", 5.0)}),
    ],
)
def test_words_mean_what_they_mean_together(text: str, expected: Asked, read: Read) -> None:
    expect(read(text), expected)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("neither the gap nor the dipole should be high", "gap not high, dipole not high"),
        ("I don't want the gap to be small", "gap not small"),
        ("not at all polar", "not polar"),
        ("can't have a high dipole", "dipole not high"),
        ("polar or not, the gap must be large", "polar, the gap must be large"),
        ("not the dipole, the gap should be high", "no dipole, high gap"),
        ("neither the gap, the dipole nor the HOMO should be high", "gap not high, dipole not high, homo not high"),
        ("HOMO/LUMO: high/low", "high HOMO, low LUMO"),
        ("a non-polarizable molecule", "not polarizable"),
    ],
)
def test_denials_reach_what_they_deny(text: str, plain: str, read: Read) -> None:
    assert read(text) == read(plain)
    assert read(text)


@pytest.mark.parametrize(
    "text",
    [
        "gap of 0.4 Rydberg",
        "gap of 5 keV",
        "polarizability 1.1e-23 cm^3",
        "gap 6 eV ± 1 D",
        "non-zero dipole",
        "no two nitrogens",
    ],
)
def test_what_cannot_be_taken_as_it_is_written_is_refused(text: str, qm9_statistics: Statistics) -> None:
    with pytest.raises(InputError):
        parse_prompt(text, qm9_statistics)


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("a molecule with a CF3 group and a high gap", ("CF3", "group")),
        ("C1CCCCC1 with a low gap", ("C1CCCCC1",)),
        ("gap not above average", ("not above",)),
        ("no C-F bonds, low gap", ("no C-F", "bonds")),
        ("high gap, no C=O group", ("no C=O", "group")),
        ("with or without rings, gap 5 eV", ("with or without rings",)),
        ("no constraint on the gap, high dipole", ("no constraint on the gap",)),
        ("does not have to be polar, high gap", ("does not have to be polar",)),
        ('{"gap": None, "dipole": "high"}', ("None", "gap")),
        ("a dipole larger than water's", ("larger than", "water's", "dipole")),
    ],
)
def test_what_belongs_to_nothing_is_told(text: str, unknown: tuple[str, ...], qm9_statistics: Statistics) -> None:
    assert parse_prompt(text, qm9_statistics).unknown == unknown


@pytest.mark.parametrize("text", ["contains oxygen or nitrogen", "aromatic or polar"])
def test_a_choice_of_structures_is_told_too(text: str, qm9_statistics: Statistics) -> None:
    assert any("'or' is read as 'and'" in warning for warning in parse_prompt(text, qm9_statistics).warnings)
