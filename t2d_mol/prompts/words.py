"""Words as the lexicon spells them: lower case, American, singular where only that is known, typos put right."""

import re
from functools import lru_cache
from typing import Final

from t2d_mol.prompts import lexicon
from t2d_mol.prompts.characters import plain
from t2d_mol.prompts.spelling import Speller
from t2d_mol.prompts.unit_spellings import UNIT_WORDS

WORD: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
"""A word as the lexer cuts it."""

_WORDS: Final = frozenset(word for phrase in lexicon.SENSES for word in phrase)
_SPELLER: Final = Speller(_WORDS | UNIT_WORDS, alike=lexicon.FILLERS | lexicon.ALIKE | frozenset(lexicon.NUMBER_WORDS))

SHORT_CAPITALS: Final = 3
"""Up to this length a word in capitals is an abbreviation and no typo."""


@lru_cache(maxsize=65536)
def normal(word: str) -> str:
    """Return a word as the lexicon spells it."""
    spelt = lexicon.spelling(word.lower())
    if spelt in _WORDS or spelt in lexicon.FILLERS or spelt in lexicon.NUMBER_WORDS:
        return spelt
    singular = _singular(spelt)
    return singular if singular in _WORDS else corrected(word) or spelt


@lru_cache(maxsize=65536)
def corrected(word: str) -> str | None:
    """Return the known word that a word misspells; None if it misspells none."""
    if word.isupper() and len(word) <= SHORT_CAPITALS:
        return None
    spelt = lexicon.spelling(word.lower())
    if _singular(spelt) in _WORDS or spelt in lexicon.FILLERS:
        return None
    return _SPELLER(spelt)


def repaired(text: str) -> str:
    """Return a text with its typos put right."""
    return WORD.sub(lambda match: corrected(match[0]) or match[0], text)


def corrections(text: str) -> list[tuple[str, str]]:
    """Return the typos of a sentence with what they were read as."""
    words = dict.fromkeys(match[0] for match in WORD.finditer(plain(text).text))
    return [(word, right) for word in words if (right := corrected(word)) is not None]


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if word.endswith("s") and len(word) > 3 and not word.endswith("ss") else word
