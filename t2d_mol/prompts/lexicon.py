"""The words of the grammar as regular expressions: properties, levels, units, comparisons, numbers."""

import re
from typing import Final

from t2d_mol.properties import PROPERTIES

LEVEL_WORDS: Final = {
    0: ("very low", "extremely low", "very small", "very little", "tiny", "minimal", "lowest", "smallest"),
    1: ("low", "small", "lower", "little", "modest"),
    2: ("medium", "moderate", "average", "intermediate", "mid", "typical", "middling"),
    3: ("high", "large", "big", "higher", "great", "elevated"),
    4: (
        "very high", "extremely high", "very large", "extremely large", "very big", "huge", "highest", "largest",
        "maximal", "enormous",
    ),
}  # fmt: skip
"""Words for each level, an index into `properties.LEVELS`."""

ADJECTIVES: Final = {
    "very polarizable": ("alpha", 4),
    "highly polarizable": ("alpha", 4),
    "polarizable": ("alpha", 3),
    "very polar": ("mu", 4),
    "highly polar": ("mu", 4),
    "polar": ("mu", 3),
    "nonpolar": ("mu", 0),
    "non polar": ("mu", 0),
}
"""Adjectives that name a property and a level at once."""

COMPARISONS: Final = {
    "<": ("at most", "less than", "lower than", "smaller than", "below", "under", "up to", "no more than", "<=", "≤", "<"),
    ">": ("at least", "more than", "greater than", "higher than", "larger than", "above", "over", "no less than", ">=", "≥",
          ">"),
    "=": ("equal to", "approximately", "about", "around", "roughly", "near", "close to", "exactly", "=", "≈", "~", "is"),
    "between": ("in the range", "between", "from", "within"),
}  # fmt: skip

UNIT_SPELLINGS: Final = {
    "Bohr^3": r"(?:cubic\s+bohrs?|bohrs?\s*(?:\^\s*3|³|3\b)|bohrs?|a\.?u\.?|a0\^?3)",
    "Å^3": r"(?:å|angstroms?|ångströms?|a)\s*(?:\^\s*3|³)",
    "Hartree": r"(?:hartrees?|eh)\b",
    "meV": r"mev\b",
    "eV": r"(?:ev|electron\s*volts?)\b",
    "kJ/mol": r"kj\s*/\s*mol\b",
    "kcal/mol": r"kcal\s*/\s*mol\b",
    "cm^-1": r"cm\s*(?:\^\s*-\s*1|⁻¹|-1)",
    "C·m": r"c\s*[·*]\s*m\b",
    "e·Å": r"e\s*[·*]\s*(?:å|angstroms?)",
    "cal/mol/K": r"(?:cal\s*/?\s*mol\s*[/·]?\s*k(?:\s*\^?-1)?|cal\s*/\s*\(?\s*mol\s*[·*]?\s*k\s*\)?)",
    "J/mol/K": r"(?:j\s*/\s*mol\s*/\s*k|j\s*/\s*\(?\s*mol\s*[·*]?\s*k\s*\)?)",
    "D": r"(?:debyes?|d)\b",
}
"""How each unit of `units.UNIT_FACTORS` may be written."""

NUMBER: Final = r"(?:(?<![\d.])[+-])?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?"

FILLERS: Final = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "with",
        "value",
        "values",
        "as",
        "and",
        "its",
        "it",
        "in",
        "molecule",
        "molecules",
        "that",
        "has",
        "have",
        "having",
        "for",
        "please",
        "whose",
        "energy",
        "level",
        "generate",
        "give",
        "me",
        "make",
        "create",
        "compound",
        "compounds",
        "structure",
        "one",
        "some",
        "which",
        "to",
        "be",
        "is",
        "are",
        "should",
        "at",
        "i",
        "want",
        "need",
        "normalised",
        "normalized",
    ]
)
"""Words that carry no wish and are not reported as unknown."""


_VARIANTS: Final = {"lumo": "l[uo]mo", "and": "(?:and|to)"}


def _phrase(text: str) -> str:
    """Return a pattern for a phrase: any white space or hyphen between its words, British spelling, the poster's `lomo`."""
    words = [_VARIANTS.get(word, re.escape(word)) for word in re.split(r"[\s-]+", text)]
    pattern = r"(?:\s+|\s*[-–/]\s*)".join(words).replace("polarizab", "polari[sz]ab")
    return pattern + ("s?" if text[-1].isalpha() else "")


def _alternatives(words: list[str]) -> str:
    return "|".join(_phrase(word) for word in sorted(words, key=len, reverse=True))


def _names(index: int) -> list[str]:
    prop = PROPERTIES[index]
    return [prop.name, *prop.synonyms]


PROPERTY_PATTERN: Final = {
    prop.key: rf"(?:{_alternatives(_names(index))}|{re.escape(prop.symbol.lower())})"
    for index, prop in sorted(enumerate(PROPERTIES), key=lambda item: -len(item[1].name))
}
LEVEL_PATTERN: Final = {level: rf"(?:{_alternatives(list(words))})" for level, words in LEVEL_WORDS.items()}
COMPARISON_PATTERN: Final = {
    op: "(?:" + "|".join(_phrase(w) if w[0].isalpha() else re.escape(w) for w in sorted(words, key=len, reverse=True)) + ")"
    for op, words in COMPARISONS.items()
}
ADJECTIVE_PATTERN: Final = {phrase: _phrase(phrase).removesuffix("s?") for phrase in ADJECTIVES}
ATOMS_PATTERN: Final = r"(?P<atoms_low>\d+)(?:\s*(?:-|–|to)\s*(?P<atoms_high>\d+))?\s*atoms?\b"
