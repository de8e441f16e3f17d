"""From a sentence to tokens: numbers, units, formulas, and the longest phrases the lexicon knows; typos are put right."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal

from t2d_mol.prompts import lexicon
from t2d_mol.prompts.characters import Plain, plain
from t2d_mol.prompts.lexicon import Kind
from t2d_mol.prompts.measures import NUMBERS, UNIT, UNIT_OF_PROPERTY, unit_of, value_of
from t2d_mol.prompts.unit_spellings import UNIT_WORDS
from t2d_mol.prompts.words import WORD, corrected, normal, repaired
from t2d_mol.properties import unit_measures


@dataclass(frozen=True)
class Token:
    """A piece of a sentence.

    Attributes:
        kind: what it is.
        meaning: which one of its kind, such as a property's key or a unit.
        text: as it was written, after typos were put right.
        start: where it begins in the sentence as it was written, counted in characters from 0.
        value: of a number.
        unit: of a property the one that is named with it, as in "gap (eV)"; empty where there is none.
    """

    kind: Kind
    meaning: str
    text: str
    start: int
    value: float = 0.0
    unit: str = ""


_FORMULA: Final = re.compile(r"(?<![A-Za-z])(?:[CHNOF]\d*){2,}(?![A-Za-z\d])")
_ELEMENT: Final = re.compile(r"([CHNOF])(?![A-Za-z\d'])(?:[\s-]*atoms?\b)?")
_GROUP: Final = re.compile(r"[\s-]*(?:groups?|substituents?|moiet(?:y|ies)|radicals?|units?)\b", re.IGNORECASE)
_SMILES: Final = re.compile(r"(?!.*H).*([CNO])\d*\1")
_BASIS: Final = re.compile(r"\d-\d+\+{0,2}G\S*", re.IGNORECASE)
_BOND: Final = re.compile(
    r"[CHNOF](?:[=#≡][CHNOF])+(?![A-Za-z\d])|"
    r"[CHNOF](?:\s?[-=#≡]\s?[CHNOF])+(?=\s+(?:(?:single|double|triple)\s+)?(?:bond|group|linkage|contact))"
)
_SPATIAL: Final = re.compile(
    r"[123]-?D(?=[\s-]+(?:molec|struct|geomet|coord|conform|shape|model|material|space))", re.IGNORECASE
)
_DIFFERENCE: Final = re.compile(r"LUMO\s?-\s?HOMO|HOMO\s?-\s?LUMO(?=[^\d,;.\n+-]{0,20}\+?\d)", re.IGNORECASE)
_COUNTED: Final = re.compile(r"\s*(?:[=:<>≈~\d]|of|is|are)")
_GAP: Final = re.compile(r"[ \t_]*[-/(]?[ \t_]*")
_MIXED: Final = re.compile(r"[^\W_]+")
_SYMBOL: Final = re.compile(r"\+\s?/?\s?-|[<>]/=|±|\.{2,3}|…|!=|<=|>=|=<|=>|==|~=|>>|<<|.", re.DOTALL)
_ORDINAL: Final = re.compile(r"(?:st|nd|rd|th)\b", re.IGNORECASE)
_BREAKS: Final[dict[str, Literal["soft", "hard"]]] = {
    ",": "soft", "/": "soft", "&": "soft", "+": "soft",
    ";": "hard", ".": "hard", "\n": "hard", "!": "hard", "?": "hard", "|": "hard", "•": "hard",
}  # fmt: skip

_PERCENTILE: Final = re.compile(r"p(\d{1,2})", re.IGNORECASE)
_MEMBERED: Final = re.compile(r"\d+(?:[\s-]*membered\b|-(?=rings?\b))", re.IGNORECASE)
_AHEAD: Final = re.compile(r"[ \t]*(?:[+-]?\.?\d|(?:the\s+)?(?:average|mean|usual|typical|normal)\b)", re.IGNORECASE)
_OTHER_ORBITAL: Final = re.compile(r"[+-]\d(?![\d.])")
SHORTENED: Final = ("max", "min", "approx", "ca")
"""Words that end with a dot without ending a sentence."""

_BLANK: Final = " \t\r\v\f\u200b_"


@lru_cache(maxsize=4096)
def tokens(text: str) -> tuple[Token, ...]:
    """Cut a sentence into tokens, leaving out white space; nothing else is lost."""
    return tuple(_Scanner(plain(text)).scan())


class _Scanner:
    """One pass over one sentence."""

    def __init__(self, sentence: Plain) -> None:
        self.text, self.places, self.place = sentence.text, sentence.places, 0
        self.last: Token | None = None

    def scan(self) -> Iterator[Token]:
        """Yield the tokens from left to right."""
        while self.place < len(self.text):
            if self.text[self.place] in _BLANK:
                self.place += 1
                continue
            token = self._unit() or self._formula() or self._jargon() or self._number() or self._phrase() or self._symbol()
            if token is not None:
                self.last = token
                yield token

    def _token(self, kind: Kind, meaning: str, end: int, text: str | None = None, value: float = 0.0) -> Token:
        start, self.place = self.place, end
        return Token(kind, meaning, text or self.text[start:end].strip(), self.places[start], value)

    def _unit(self) -> Token | None:
        """A unit right after a number, or in brackets behind one."""
        if self.last is None or self.last.kind not in ("number", "fraction"):
            return None
        if match := UNIT.match(self.text, self.place):
            end = match.end()
            if self.text[end : end + 1] in tuple(")]") and "(" not in match[0].strip("(["):
                end += 1
            return self._token("unit", unit_of(match), end)
        word = WORD.match(self.text, self.place)
        fixed = corrected(word[0]) if word and self.last.kind == "number" else None
        if word and fixed in UNIT_WORDS and (match := UNIT.match(fixed)):
            return self._token("unit", unit_of(match), word.end(), text=fixed)
        return None

    def _formula(self) -> Token | None:
        match = _FORMULA.match(self.text, self.place)
        before = self.last.text.lower() if self.last else ""
        named = before in ("formula", "composition", "stoichiometry", "isomer", "isomers")
        if match is None or not (named or (any(map(str.isdigit, match[0])) and re.search("[CH]", match[0]))):
            return None
        if _GROUP.match(self.text, match.end()) or (not named and _SMILES.match(match[0])):
            return self._token("word", "", match.end())
        return self._token("count", f"formula:{match[0]}", match.end())

    def _jargon(self) -> Token | None:
        """What looks like numbers or elements and is none: 3D structures, the basis set 6-31G(d), C-F bonds."""
        if (match := _BOND.match(self.text, self.place)) and not self.text[self.place - 1 : self.place].isalpha():
            return self._token("word", "", match.end())
        if match := _SPATIAL.match(self.text, self.place):
            return self._token("filler", "", match.end())
        if match := _BASIS.match(self.text, self.place):
            return self._token("word", "", match.end())
        return None

    def _number(self) -> Token | None:
        if match := _MEMBERED.match(self.text, self.place):
            return self._token("word", "", match.end())
        orbital = self.last is not None and self.last.meaning in ("homo", "lumo") and self.text[self.place - 1].isalnum()
        if orbital and (match := _OTHER_ORBITAL.match(self.text, self.place)) and not UNIT.match(self.text, match.end()):
            return self._token("word", "", match.end())
        for pattern in NUMBERS:
            if match := pattern.match(self.text, self.place):
                break
        else:
            return None
        if match["sign"] and self.last is not None and self.last.kind in ("number", "unit"):
            return None
        end = match.end()
        if self.text[end : end + 1].isalpha():
            if ordinal := _ORDINAL.match(self.text, end):
                end = ordinal.end()
            elif not self._continues(end):
                return self._mixed()
        return self._token("number", "", end, value=value_of(match))

    def _continues(self, place: int) -> bool:
        """Return whether what stands glued to a number is a unit, an element or a known word."""
        following = _MIXED.match(self.text, place)
        assert following is not None
        word = following[0]
        known = word in lexicon.ELEMENTS or (normal(word),) in lexicon.SENSES
        return known or UNIT.match(self.text, place) is not None

    def _mixed(self) -> Token | None:
        """Letters and digits in one, as in B3LYP."""
        match = _MIXED.match(self.text, self.place)
        if match is None:
            return None
        known = match[0].lower() in lexicon.FILLERS
        if percentile := _PERCENTILE.fullmatch(match[0]):
            return self._token("number", "percentile", match.end(), value=float(percentile[1]))
        return self._token("filler" if known else "word", "", match.end())

    def _phrase(self) -> Token | None:
        """The longest phrase of the lexicon that begins here, else a single word."""
        words, ends = self._ahead()
        if not words:
            return self._mixed()
        if words[1:2] == ["membered"]:
            return self._token("word", "", ends[1])
        if words[0] in ("minus", "negative") and len(words) > 1 and words[1] in lexicon.NUMBER_WORDS:
            return self._token("number", "", ends[1], value=-float(lexicon.NUMBER_WORDS[words[1]]))
        element = _ELEMENT.match(self.text, self.place)
        for length in range(len(words), 0, -1):
            found, end = lexicon.SENSES.get(tuple(words[:length])), ends[length - 1]
            atoms = element is not None and found == ("count", "atoms")
            nitrogen = atoms and (self.text[self.place + 1] == " " or not _COUNTED.match(self.text, end))
            if found is None or nitrogen or not self._is_complete(found[0], words, end):
                continue
            if found[0] == "property":
                return self._property(found[1], length, end)
            return self._token(*found, end, text=repaired(self.text[self.place : end]))
        if element is not None:
            return self._token("count", element[1], element.end())
        word, end = words[0], ends[0]
        if word in lexicon.NUMBER_WORDS:
            value = lexicon.NUMBER_WORDS[word]
            ones = lexicon.NUMBER_WORDS.get(words[1], 0) if len(words) > 1 and value >= 20 else 0
            joined = 0 < ones < 10
            return self._token("number", "", ends[joined], value=float(value + ones * joined))
        return self._token("filler" if word in lexicon.FILLERS else "word", "", end, text=self.text[self.place : end])

    def _is_complete(self, kind: Kind, words: list[str], end: int) -> bool:
        """Return whether a phrase ends here: "and under" is a bound behind a number, and none before one."""
        if kind != "compare" or words[0] not in ("and", "or") or words[1] not in ("above", "below", "over", "under"):
            return True
        following = WORD.match(self.text, end + 1)
        counted = following is not None and following[0].lower() in lexicon.NUMBER_WORDS
        return not counted and not _AHEAD.match(self.text, end)

    def _property(self, key: str, length: int, end: int) -> Token:
        """A property of so many words, with the unit named with it. LUMO - HOMO is the gap, and HOMO-LUMO of a value."""
        if length == 1 and (difference := _DIFFERENCE.match(self.text, self.place)):
            key, end = "gap", difference.end()
        text, match = repaired(self.text[self.place : end]), UNIT_OF_PROPERTY.match(self.text, end)
        unit = unit_of(match) if match else ""
        if match is None or not unit_measures(unit, key):
            return self._token("property", key, end, text)
        return replace(self._token("property", key, match.end(), text), unit=unit)

    def _ahead(self) -> tuple[list[str], list[int]]:
        """Return the normal forms of the words that follow without punctuation between them, and where each ends."""
        words: list[str] = []
        ends: list[int] = []
        place, longest = self.place, 1
        while len(words) < longest and (match := WORD.match(self.text, place)):
            following = self.text[match.end() : match.end() + 1]
            if following.isdigit():
                break
            words.append(normal(match[0]))
            longest = max(lexicon.LONGEST.get(words[0], 1), 2)
            ends.append(match.end())
            gap = _GAP.match(self.text, match.end())
            if gap is None or not gap[0]:
                break
            place = gap.end()
        return words, ends

    def _symbol(self) -> Token | None:
        match = _SYMBOL.match(self.text, self.place)
        assert match is not None
        symbol, end = match[0], match.end()
        glued = self.last.kind if self.last is not None and self.text[self.place - 1].isalnum() else ""
        joins = symbol == "-" and glued == "negation" and self.text[end : end + 1].isalpha()
        shortens = symbol == "." and glued in ("extreme", "compare") and _AHEAD.match(self.text, end) is not None
        if joins or (shortens and self.last is not None and self.last.text.lower() in SHORTENED):
            return self._token("filler", "", end)
        if symbol in lexicon.SYMBOLS:
            return self._token("compare", f"symbol{lexicon.SYMBOLS[symbol]}", end)
        if symbol.startswith("±") or (symbol[0] == "+" and symbol[-1] == "-"):
            return self._token("plusminus", "±", end)
        if symbol == "-" or symbol[:2] in ("..", "…"):
            return self._token("range", "-", end)
        if symbol == ":":
            return self._token("link", ":", end)
        if symbol in _BREAKS:
            return self._token(_BREAKS[symbol], symbol, end)
        if symbol.isalnum():
            return self._token("word", "", end)
        self.place = end
        return None
