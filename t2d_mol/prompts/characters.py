"""The characters of a sentence as the lexer knows them, each with its place in the sentence as it was written."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_SUPERSCRIPTS: Final = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]+")
_POWERS: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_ACCENTED: Final = re.compile("[^\x00-\x7f]|[\x00-\x7f][\u0300-\u036f]+")
_DASHES: Final = str.maketrans({"−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "‒": "-", "\u00ad": None, "’": "'"})
_BLANKS: Final = re.compile(r"\s{2,}")
_THOUSANDS: Final = re.compile("(?<=[0-9])(?:[\u00a0\u2009\u202f](?=[0-9]{3}(?![0-9]))| (?=000(?![0-9])))")
_MINUS: Final = re.compile(r"(?<!plus )(?<!plus or )(?<!plus/)\b(?:minus|negative)\s+(?=[\d.])", re.IGNORECASE)


@dataclass(frozen=True)
class Plain:
    """A sentence in plain characters.

    Attributes:
        text: with ASCII dashes, superscripts as ^3, compatibility forms folded, one blank for several and none
            in a number.
        places: where each character stands in the sentence as it was written.
    """

    text: str
    places: tuple[int, ...]

    def replaced(self, pattern: re.Pattern[str], replacement: Callable[[str], str]) -> "Plain":
        """Return it with each match replaced; the new characters stand where the match begins."""
        if pattern.search(self.text) is None:
            return self
        pieces: list[str] = []
        places: list[int] = []
        done = 0
        for match in pattern.finditer(self.text):
            new = replacement(match[0])
            pieces += self.text[done : match.start()], new
            places += [*self.places[done : match.start()], *[self.places[match.start()]] * len(new)]
            done = match.end()
        return Plain("".join(pieces) + self.text[done:], (*places, *self.places[done:]))


@lru_cache(maxsize=64)
def plain(text: str) -> Plain:
    """Return a sentence in plain characters."""
    return (
        Plain(text, tuple(range(len(text))))
        .replaced(_THOUSANDS, lambda _: "")
        .replaced(_SUPERSCRIPTS, lambda power: "^" + power.translate(_POWERS))
        .replaced(_ACCENTED, lambda letter: unicodedata.normalize("NFKC", letter).translate(_DASHES))
        .replaced(_BLANKS, lambda blanks: "\n" if "\n" in blanks else " ")
        .replaced(_MINUS, lambda _: "-")
    )
