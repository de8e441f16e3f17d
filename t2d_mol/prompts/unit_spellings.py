"""How units are written behind a number."""

from typing import Final

_MOL: Final = r"mol(?:e\b)?"
_PER: Final = r"\s*(?:/|per|·|\*|⋅)?\s*"
_MOL_K: Final = rf"\(?\s*{_MOL}\s*(?:\^?-1)?\s*(?:/|·|\*|⋅|\.|per)?\s*k(?:elvin)?\b\s*(?:\^?-1)?\s*\)?"
_K_MOL: Final = r"\s*/\s*\(?k\s*[·*⋅/.]?\s*mol\)?"
_K1_MOL1: Final = r"\s*[·*⋅.]?\s*k\s*\^?-1\s*[·*⋅.]?\s*mol\s*\^?-1"
_PER_MOL: Final = rf"\s*(?:/|per\s+|[·*⋅])?\s*{_MOL}(?:\s*\^?-1)?"

UNIT_SPELLINGS: Final = {
    "percentile": r"(?:st|nd|rd|th)?[\s-]*(?:percentiles?|centiles?|pctl|%-?ile)\b",
    "Bohr^3": r"(?:cubic\s+bohrs?|bohrs?[\s-]*(?:\^\s*3|\*\*\s*3|3\b|cubed)|bohrs?\b(?!\s*(?:\^|\*\*|squared))|"
    r"a_?0\s*(?:\^|\*\*)?\s*3)",
    "a.u.": r"(?:a\.\s?u\.?|au\b|atomic\s+units?)",
    "Å^3": r"(?:(?:å|angstroms?|ångströms?|angstroems?|ang|a)\s*(?:(?:\^|\*\*)\s*3|3\b|-?cubed)|"
    r"cubic\s+(?:å|[aå]ngstr[oö]e?ms?))",
    "Hartree": r"(?:hartrees?|ha\b|e_?h\b|hartee\b)",
    "meV": r"(?:mev\b|milli\s?-?electron\s?-?volts?)",
    "eV": r"(?:e\.?v\b\.?|electron\s?-?volts?)",
    "kJ/mol/K": rf"kj\s*(?:/|per\s+)?\s*{_MOL_K}",
    "kJ/mol": rf"(?:kj{_PER_MOL}|kilojoules?\s*(?:/|per)\s*mole?)",
    "kcal/mol": rf"(?:kcals?{_PER_MOL}|kilocalories?\s*(?:/|per)\s*mole?)",
    "cm^-1": r"(?:cm\s*(?:\^|\*\*)?\s*\(?\s*-\s*1\)?|wavenumbers?|inverse\s+(?:cm|centimet(?:re|er)s?)|1/cm|"
    r"reciprocal\s+centimet(?:re|er)s?)",
    "C·m": r"(?:c\s*[·*⋅.]?\s*m\b(?!\s*\^?\s*[23])|coulombs?[\s-]*met(?:re|er)s?)",
    "e·a0": r"(?:e\s*[·*⋅.-]?\s*(?:a_?0\b|bohrs?\b))",
    "e·Å": r"(?:e\s*[·*⋅.-]?\s*(?:å|angstroms?|ångströms?|ang\b)|e\s*[·*⋅]\s*a\b|electron[\s-]*[aå]ngstr[oö]ms?)",
    "cal/mol/K": rf"(?:cal(?:ories?)?{_PER}{_MOL_K}|cal{_K_MOL}|cal{_K1_MOL1})",
    "J/mol/K": rf"(?:j(?:oules?)?{_PER}{_MOL_K}|j{_K_MOL}|j{_K1_MOL1})",
    "D": r"(?:debyes?\b|deb\b|d\b)",
    "K": r"(?:k(?:elvin)?\b|°\s*c\b|degrees?\b)",
    "nm": r"(?:[nµuμ]m\b|(?:nano|micro)met(?:re|er)s?\b)",
    "Hz": r"(?:[kmgt]?hz\b|(?:kilo|mega|giga|tera)?hertz\b)",
    "Ry": r"(?:ry\b|rydbergs?\b)",
    "keV": r"(?:kev\b|kilo\s?-?electron\s?-?volts?)",
    "C·m^2/V": r"(?:c\s*[·*⋅.]?\s*m\s*\^?\s*2\s*(?:/\s*v|[·*⋅.]?\s*v\s*\^?-1)?(?![a-z]))",
    "cm^3": r"(?:cm\s*(?:\^|\*\*)?\s*3\b|cubic\s+centimet(?:re|er)s?)",
    "%": r"(?:%|percent\b|per\s+cent\b|pct\b)",
}
"""How the units of `units.UNIT_FACTORS` may be written; `percentile`, `%`, the temperature `K`, and those from `nm` to
`cm^3` measure none that can be asked for.

Of two that begin alike the longer stands first. Case does not matter; blanks and a bracket or hyphen may go before.
"""

UNIT_WORDS: Final = frozenset(
    ("hartree", "hartrees", "debye", "debyes", "bohr", "electronvolt", "electronvolts", "angstrom", "calories", "joule")
)
"""Units that are long enough to be misspelt."""
