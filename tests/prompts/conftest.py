"""What the tests of prompts share: a sentence read, in short."""

from collections.abc import Callable
from random import Random

import pytest

from t2d_mol.checkpoint import Statistics
from t2d_mol.molecule import Target
from t2d_mol.prompts.grammar import parse_prompt
from t2d_mol.properties import KEYS
from t2d_mol.training.reader import draw_values

Asked = dict[str, tuple[object, ...]]
Read = Callable[[str], Asked]


def short(target: Target) -> tuple[object, ...]:
    if target.level is not None:
        return ("level", target.level)
    return (target.op, target.low, target.high) if target.op == "between" else (target.op, target.value)


def expect(found: Asked, expected: Asked, tolerance: float = 1e-3) -> None:
    """See that targets are as expected, numbers to within a share of themselves."""
    assert set(found) == set(expected)
    for key, (op, *numbers) in expected.items():
        assert found[key][0] == op, key
        assert list(found[key][1:]) == pytest.approx(numbers, rel=tolerance), key


def one_molecule(statistics: Statistics, rng: Random) -> list[float]:
    """Draw the values of a molecule, whose energies belong together."""
    values = draw_values(statistics, rng)
    values[KEYS.index("gap")] = values[KEYS.index("lumo")] - values[KEYS.index("homo")]
    return values


@pytest.fixture(scope="session")
def read(qm9_statistics: Statistics) -> Read:
    """A sentence's targets by property: ("level", 3), ("=", 7.0), ("between", 1.0, 2.0)."""
    return lambda text: {target.property: short(target) for target in parse_prompt(text, qm9_statistics).targets}


@pytest.fixture(scope="session")
def structure(qm9_statistics: Statistics) -> Callable[[str], dict[str, object]]:
    """A sentence's structural wishes as plain values."""
    return lambda text: parse_prompt(text, qm9_statistics).structure.record()
