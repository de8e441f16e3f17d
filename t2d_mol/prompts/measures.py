"""Numbers and units as they are written."""

import re
from typing import Final

from t2d_mol.prompts.unit_spellings import UNIT_SPELLINGS

_NUMBER: Final = re.compile(
    r"(?P<sign>[+-]\s?)?(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d)|\d+(?:\.(?!\.)\d*)?|\.\d+)"
    r"(?:\s*[x×*·]\s*10\s*\^?\s*(?P<power>\(?[+-]?\d+\)?)|e(?P<exponent>[+-]?\d+))?(?![^\W\d_]?\d)",
    re.IGNORECASE,
)
_DECIMAL_COMMA: Final = re.compile(
    r"(?P<sign>[+-]\s?)?(?P<whole>\d+),(?P<part>\d{1,2}|\d{4,})(?=\s*[^\W\d_]|\s*$)(?!\s*[\d])"
)
_POWER: Final = re.compile(r"(?P<sign>[+-]\s?)?10\s*\^\s*(?P<power>[+-]?\d+)")
_UNITS: Final = tuple(UNIT_SPELLINGS)
_ANY_UNIT: Final = "|".join(f"({spelling})" for spelling in UNIT_SPELLINGS.values())

NUMBERS: Final = (_POWER, _DECIMAL_COMMA, _NUMBER)
"""Ways to write a number, to be tried in this order; see `value_of`."""

UNIT: Final = re.compile(rf"\s*(?:in\s|[-(\[])?\s*(?:{_ANY_UNIT})", re.IGNORECASE)
"""A unit behind a number; see `unit_of`."""

UNIT_OF_PROPERTY: Final = re.compile(rf"\s*(?:in\s|[(\[/,])\s*(?:{_ANY_UNIT})\s*[)\]]?", re.IGNORECASE)
"""A unit behind the name of a property; see `unit_of`."""

LARGEST: Final = 1e12
"""Larger numbers are read as this one, which no property and no count comes near."""


def unit_of(match: re.Match[str]) -> str:
    """Return the unit, as `unit_spellings` names it, that a pattern of units found."""
    assert match.lastindex is not None
    return _UNITS[match.lastindex - 1]


def value_of(match: re.Match[str]) -> float:
    """Return the value of what a pattern of numbers found."""
    groups = match.groupdict()
    sign = -1.0 if (groups.get("sign") or "").startswith("-") else 1.0
    if "whole" in groups:
        return sign * min(float(f"{groups['whole']}.{groups['part']}"), LARGEST)
    digits = (groups.get("digits") or "1").replace(",", "")
    power = float((groups.get("power") or groups.get("exponent") or "0").strip("()"))
    return sign * min(float(f"{digits}e{max(-300, min(300, power)):.0f}"), LARGEST)
