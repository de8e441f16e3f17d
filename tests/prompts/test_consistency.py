"""Energies that contradict each other, and what QM9 does not hold."""

import numpy as np
import pytest

from t2d_mol.checkpoint import Statistics
from t2d_mol.errors import InputError
from t2d_mol.prompts.consistency import attainable, percentile_range
from t2d_mol.prompts.grammar import parse_prompt
from t2d_mol.properties import KEYS
from t2d_mol.targets import value_range


@pytest.mark.parametrize(
    "text",
    [
        "homo of -6 eV, lumo of 1 eV, gap of 3 eV",
        "gap below 3 eV with homo between -7 and -6 eV and lumo between 0 and 1 eV",
        "a very low lumo, a very high homo and a very high gap",
        "HOMO -0.2 Hartree, LUMO 0.0 Hartree, gap over 8 eV",
        "homo of 0.5, lumo of 0.5, gap of 4.0 (normalised values)",
    ],
)
def test_a_gap_that_is_not_lumo_less_homo_is_an_error_that_names_all_three(text: str, qm9_statistics: Statistics) -> None:
    with pytest.raises(InputError, match="contradict each other") as error:
        parse_prompt(text, qm9_statistics)
    assert str(error.value).count("(character ") == 3


@pytest.mark.parametrize(
    "text",
    [
        "homo of -6 eV, lumo of 1 eV, gap of 7.04 eV",
        "homo between -7 and -6 eV, lumo between 0 and 1 eV, gap between 7.5 and 9 eV",
        "a very low lumo, a very high homo and a very low gap",
        "homo of -6 eV and gap of 3 eV",
    ],
)
def test_energies_that_can_be_together_are_read(text: str, qm9_statistics: Statistics) -> None:
    assert parse_prompt(text, qm9_statistics).targets


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a gap of 30 eV", ["outside QM9", "nearest attainable is {gap[100]:.4g} eV"]),
        ("gap above 30 eV", ["outside QM9", "nearest attainable is {gap[100]:.4g} eV"]),
        ("alpha below 1 Bohr^3", ["outside QM9", "nearest attainable is {alpha[0]:.4g} Bohr^3"]),
        ("gap between 20 and 30 eV", ["of 20 to 30 eV", "nearest attainable is {gap[100]:.4g} eV"]),
        ("gap below 30 eV", ["every molecule meets"]),
        ("12 heavy atoms", ["at most 9 heavy atoms"]),
        ("C10H12", ["at most 9 heavy atoms"]),
    ],
)
def test_what_qm9_does_not_hold_is_warned_of_with_the_nearest(
    text: str, parts: list[str], qm9_statistics: Statistics
) -> None:
    rows = dict(zip(KEYS, qm9_statistics.percentiles, strict=True))
    (warning,) = parse_prompt(text, qm9_statistics).warnings
    assert all(part.format(**rows) in warning for part in parts), warning


def test_what_qm9_holds_is_not_warned_of(qm9_statistics: Statistics) -> None:
    for text in (
        "gap of 7 eV",
        "gap above 7 eV",
        "dipole below 2 D",
        "very low gap",
        "9 heavy atoms",
        "gap between 1 and 30 eV",
    ):
        assert parse_prompt(text, qm9_statistics).warnings == (), text


def test_the_values_and_percentiles_of_a_target_agree(qm9_statistics: Statistics) -> None:
    row = np.array(qm9_statistics.percentiles[KEYS.index("mu")])
    for text in ("dipole of 3 D", "dipole below 3 D", "dipole above 3 D", "dipole between 1 and 3 D", "a high dipole"):
        (target,) = parse_prompt(text, qm9_statistics).targets
        values, shares = value_range(target, qm9_statistics), percentile_range(target, qm9_statistics)
        assert np.interp(shares, np.arange(101), row) == pytest.approx(values), text
    (target,) = parse_prompt("a high dipole", qm9_statistics).targets
    assert percentile_range(target, qm9_statistics) == (60, 80)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gap of 7 eV", True),
        ("gap of 70 eV", False),
        ("gap > 20 eV", False),
        ("gap < 20 eV", True),
        ("gap between 15 and 40 eV", True),
        ("very high gap", True),
        ("dipole < -3 D", False),
    ],
)
def test_what_qm9_holds_is_attainable(text: str, expected: bool, qm9_statistics: Statistics) -> None:
    (target,) = parse_prompt(text, qm9_statistics, values="units").targets
    assert attainable(target, qm9_statistics) is expected
