"""From a sentence to tokens: numbers, units, formulas, and the longest phrases the lexicon knows; typos are put right."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from t2d_mol.prompts import lexicon
from t2d_mol.prompts.lexicon import Kind
from t2d_mol.prompts.spelling import Speller
from t2d_mol.units import UNIT_FACTORS, to_canonical


@dataclass(frozen=True)
class Token:
    """A piece of a sentence.

    Attributes:
        kind: what it is.
        meaning: which one of its kind, such as a property's key or a unit.
        text: as it was written, after typos were put right.
        start: where it begins in the sentence, counted in characters from 0.
        value: of a number.
    """

    kind: Kind
    meaning: str
    text: str
    start: int
    value: float = 0.0


_NUMBER: Final = re.compile(
    r"(?P<sign>[+-]\s?)?(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d)|\d+(?:\.(?!\.)\d*)?|\.\d+)"
    r"(?:\s*[x×*·]\s*10\s*\^?\s*(?P<power>\(?[+-]?\d+\)?)|e(?P<exponent>[+-]?\d+))?(?![^\W\d_]?\d)",
    re.IGNORECASE,
)
_DECIMAL_COMMA: Final = re.compile(
    r"(?P<sign>[+-]\s?)?(?P<whole>\d+),(?P<part>\d{1,2}|\d{4,})(?=\s*[^\W\d_]|\s*$)(?!\s*[\d])"
)
_POWER: Final = re.compile(r"(?P<sign>[+-]\s?)?10\s*\^\s*(?P<power>[+-]?\d+)")
_UNIT: Final = [
    (unit, re.compile(rf"\s*[-(\[]?\s*{pattern}", re.IGNORECASE)) for unit, pattern in lexicon.UNIT_SPELLINGS.items()
]
_FORMULA: Final = re.compile(r"(?<![A-Za-z])(?:[CHNOF]\d*){2,}(?![A-Za-z\d])")
_ELEMENT: Final = re.compile(r"([CHNOF])(?![A-Za-z\d'])(?:[\s-]*atoms?\b)?")
_GAP: Final = re.compile(r"[ \t_]*[-/(]?[ \t_]*")
_WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_MIXED: Final = re.compile(r"[^\W_]+")
_SYMBOL: Final = re.compile(r"\+\s?/?\s?-|±|\.{2,3}|…|<=|>=|=<|=>|==|~=|>>|<<|.", re.DOTALL)
_ORDINAL: Final = re.compile(r"(?:st|nd|rd|th)\b", re.IGNORECASE)
_DASHES: Final = str.maketrans({"−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "‒": "-", "­": None, "’": "'"})
_POWERS: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_BREAKS: Final[dict[str, Literal["soft", "hard"]]] = {
    ",": "soft", "/": "soft", "&": "soft", "+": "soft",
    ";": "hard", ".": "hard", "\n": "hard", "!": "hard", "?": "hard", "|": "hard", "•": "hard",
}  # fmt: skip

_MINUS: Final = re.compile(r"\b(?:minus|negative)\s+(?=[\d.])", re.IGNORECASE)
_PERCENTILE: Final = re.compile(r"p(\d{1,2})", re.IGNORECASE)
_BLANK: Final = " \t\r\v\f\u200b_"

_WORDS: Final = frozenset(word for phrase in lexicon.SENSES for word in phrase)
_SPELLER: Final = Speller(
    _WORDS | lexicon.UNIT_WORDS, alike=lexicon.FILLERS | lexicon.ALIKE | frozenset(lexicon.NUMBER_WORDS)
)


def plain(text: str) -> str:
    """Return a sentence in the characters the lexer knows: ASCII dashes, superscripts as ^3, compatibility forms folded."""
    text = re.sub(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]+", lambda match: "^" + match[0].translate(_POWERS), text)
    return _MINUS.sub("-", unicodedata.normalize("NFKC", text).translate(_DASHES))


@lru_cache(maxsize=4096)
def tokens(text: str) -> tuple[Token, ...]:
    """Cut a sentence into tokens, leaving out white space; nothing else is lost."""
    return tuple(_Scanner(plain(text)).scan())


def senses(text: str) -> list[tuple[str, float]]:
    """Cut a sentence into what a text encoder reads: senses of words, and numbers in canonical units.

    An encoder that reads senses understands every synonym the lexicon knows. Words that carry no wish are left out, and so
    are links such as "of" and "is", which every frame has others of; of several pauses in a row one is left, at either end none.
    """
    found: list[tuple[str, float]] = []
    for token in tokens(text):
        sense = _sense(token)
        if token.kind == "unit":
            canonical = next((unit for unit, factors in UNIT_FACTORS.items() if token.meaning in factors), token.meaning)
            if canonical != token.meaning and found and found[-1][0] == "number":
                found[-1] = ("number", to_canonical(found[-1][1], token.meaning, canonical))
            sense = f"unit:{canonical}"
        if sense in PAUSES and (not found or found[-1][0] in PAUSES):
            found[-1:] = [("hard", 0.0)] if found and "hard" in (sense, found[-1][0]) else found[-1:]
        elif sense is not None:
            found.append((sense, token.value))
    return found[:-1] if found and found[-1][0] in PAUSES else found


PAUSES: Final = ("soft", "hard")


def _sense(token: Token) -> str | None:
    silent = token.kind in ("word", "filler", "link") or token.meaning in ("mild", "molecules", "=", "symbol=")
    if silent:
        return None
    if token.kind in ("number", "soft", "hard"):
        return token.kind
    return f"{token.kind}:{token.meaning.removeprefix('symbol')}"


def vocabulary() -> tuple[str, ...]:
    """Return every sense but the numbers, sorted: what a text encoder can tell apart."""
    named = {_sense(Token(kind, meaning, "", 0)) for kind, meaning in lexicon.SENSES.values()}
    units = {f"unit:{unit}" for unit in (*UNIT_FACTORS, "a.u.", "percentile", "K", "%")}
    return tuple(sorted({sense for sense in named if sense} | units | {"range:-", "plusminus:±"}))


def corrections(text: str) -> list[tuple[str, str]]:
    """Return the typos of a sentence with what they were read as."""
    found = [(word[0], fixed) for word in _WORD.finditer(plain(text)) if (fixed := _fixed(word[0])) is not None]
    return list(dict.fromkeys(found))


@lru_cache(maxsize=65536)
def _fixed(word: str) -> str | None:
    if word.isupper() and len(word) <= SHORT_CAPITALS:
        return None
    spelt = lexicon.spelling(word.lower())
    if _singular(spelt) in _WORDS or spelt in lexicon.FILLERS:
        return None
    return _SPELLER(spelt)


SHORT_CAPITALS: Final = 3
"""Up to this length a word in capitals is an abbreviation and no typo."""


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if word.endswith("s") and len(word) > 3 and not word.endswith("ss") else word


class _Scanner:
    """One pass over one sentence."""

    def __init__(self, text: str) -> None:
        self.text, self.place = text, 0
        self.last: Token | None = None

    def scan(self) -> Iterator[Token]:
        while self.place < len(self.text):
            if self.text[self.place] in _BLANK:
                self.place += 1
                continue
            token = self._unit() or self._formula() or self._number() or self._phrase() or self._symbol()
            if token is not None:
                self.last = token
                yield token

    def _token(self, kind: Kind, meaning: str, end: int, text: str | None = None, value: float = 0.0) -> Token:
        start, self.place = self.place, end
        return Token(kind, meaning, text or self.text[start:end].strip(), start, value)

    def _unit(self) -> Token | None:
        """A unit right after a number, or in brackets or after "in" behind one."""
        if self.last is None or self.last.kind not in ("number", "fraction"):
            return None
        for unit, pattern in _UNIT:
            if match := pattern.match(self.text, self.place):
                end = match.end()
                if self.text[end : end + 1] in tuple(")]") and "(" not in match[0].strip("(["):
                    end += 1
                return self._token("unit", unit, end)
        word = _WORD.match(self.text, self.place)
        fixed = _fixed(word[0]) if word and self.last.kind == "number" else None
        for unit, pattern in _UNIT if word and fixed in lexicon.UNIT_WORDS else ():
            if word and fixed and pattern.match(fixed):
                return self._token("unit", unit, word.end(), text=fixed)
        return None

    def _formula(self) -> Token | None:
        match = _FORMULA.match(self.text, self.place)
        before = self.last.text.lower() if self.last else ""
        named = before in ("formula", "composition", "stoichiometry", "isomer", "isomers")
        if match is None or not (named or (any(map(str.isdigit, match[0])) and re.search("[CH]", match[0]))):
            return None
        return self._token("count", f"formula:{match[0]}", match.end())

    def _number(self) -> Token | None:
        for pattern in (_POWER, _DECIMAL_COMMA, _NUMBER):
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
        return self._token("number", "", end, value=_value(match))

    def _continues(self, place: int) -> bool:
        """Return whether what stands glued to a number is a unit, an element or a known word."""
        following = _MIXED.match(self.text, place)
        assert following is not None
        word = following[0]
        known = word in lexicon.ELEMENTS or (_normal(word),) in lexicon.SENSES
        return known or any(pattern.match(self.text, place) for _, pattern in _UNIT)

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
        for length in range(len(words), 0, -1):
            found = lexicon.SENSES.get(tuple(words[:length]))
            if found is not None and (length > 1 or self._element() is None):
                return self._token(*found, ends[length - 1], text=_repaired(self.text[self.place : ends[length - 1]]))
        if element := self._element():
            return element
        word, end = words[0], ends[0]
        if word in lexicon.NUMBER_WORDS:
            value = lexicon.NUMBER_WORDS[word]
            ones = lexicon.NUMBER_WORDS.get(words[1], 0) if len(words) > 1 and value >= 20 else 0
            joined = 0 < ones < 10
            return self._token("number", "", ends[joined], value=float(value + ones * joined))
        return self._token("filler" if word in lexicon.FILLERS else "word", "", end, text=self.text[self.place : end])

    def _ahead(self) -> tuple[list[str], list[int]]:
        """Return the normal forms of the words that follow without punctuation between them, and where each ends."""
        words: list[str] = []
        ends: list[int] = []
        place = self.place
        while len(words) < lexicon.LONGEST and (match := _WORD.match(self.text, place)):
            following = self.text[match.end() : match.end() + 1]
            if following.isdigit():
                break
            words.append(_normal(match[0]))
            ends.append(match.end())
            gap = _GAP.match(self.text, match.end())
            if gap is None or not gap[0]:
                break
            place = gap.end()
        return words, ends

    def _element(self) -> Token | None:
        match = _ELEMENT.match(self.text, self.place)
        return self._token("count", match[1], match.end()) if match else None

    def _symbol(self) -> Token | None:
        match = _SYMBOL.match(self.text, self.place)
        assert match is not None
        symbol, end = match[0], match.end()
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


def _normal(word: str) -> str:
    """Return a word as the lexicon spells it: lower case, American, singular where only that is known, typos put right."""
    spelt = lexicon.spelling(word.lower())
    if spelt in _WORDS or spelt in lexicon.FILLERS or spelt in lexicon.NUMBER_WORDS:
        return spelt
    singular = _singular(spelt)
    return singular if singular in _WORDS else _fixed(word) or spelt


def _repaired(text: str) -> str:
    return _WORD.sub(lambda match: _fixed(match[0]) or match[0], text)


def _value(match: re.Match[str]) -> float:
    groups = match.groupdict()
    sign = -1.0 if (groups.get("sign") or "").startswith("-") else 1.0
    if "whole" in groups:
        return sign * float(f"{groups['whole']}.{groups['part']}")
    digits = (groups.get("digits") or "1").replace(",", "")
    power = int((groups.get("power") or groups.get("exponent") or "0").strip("()"))
    return sign * float(f"{digits}e{max(-300, min(300, power))}")
