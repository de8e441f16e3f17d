"""What a text encoder reads of a sentence: the senses of its words."""

from typing import Final

from t2d_mol.prompts import lexicon
from t2d_mol.prompts.lexer import Token, tokens
from t2d_mol.units import UNIT_FACTORS, to_canonical

PAUSES: Final = ("soft", "hard")
"""Senses of pauses, of which several in a row are one."""


def senses(text: str) -> list[tuple[str, float]]:
    """Cut a sentence into what a text encoder reads: senses of words, and numbers in canonical units.

    An encoder that reads senses understands every synonym the lexicon knows. Words that carry no wish are left out, and so
    are links such as "of" and "is", which every frame has others of. Of several pauses in a row one is left, at either end
    none.
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
