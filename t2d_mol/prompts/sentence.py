"""The tokens of a sentence as its readers see them: settled by their neighbours, safe to look at beyond the end."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from t2d_mol.prompts.lexer import Token

LONGEST_RUN: Final = 8
"""Degrees or comparisons in a row that are read as one; the words before them are passed over."""


class Sentence:
    """The tokens of a sentence.

    A reader is a function of a sentence and a place; it returns what begins there, or None, and the place behind it.
    """

    def __init__(self, tokens: Sequence[Token]) -> None:
        neighbours = zip([None, *tokens], tokens, [*tokens[1:], None], strict=False)
        self.tokens = [_settled(before, token, after) for before, token, after in neighbours]

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, place: int) -> Token:
        return self.tokens[place]

    def kind(self, place: int) -> str:
        """Return the kind of a token, nothing beyond the ends."""
        return self.tokens[place].kind if 0 <= place < len(self.tokens) else ""

    def word(self, place: int) -> str:
        """Return the lower-case text of a token, nothing beyond the end."""
        return self.tokens[place].text.lower() if place < len(self.tokens) else ""

    def skip(self, place: int, *kinds: str) -> int:
        """Return the next place whose token is of none of these kinds."""
        while self.kind(place) in kinds:
            place += 1
        return place

    def back(self, place: int, *kinds: str) -> int:
        """Return the last place, up to this one, whose token is of none of these kinds; -1 if there is none."""
        while self.kind(place) in kinds:
            place -= 1
        return place

    def text(self, start: int, end: int) -> str:
        """Return the tokens from `start` up to `end` as they are written."""
        return " ".join(token.text for token in self.tokens[start:end])


def _settled(before: Token | None, token: Token, after: Token | None) -> Token:
    """Return a token whose kind depends on its neighbours as what it is here: a word without meaning, or itself.

    "Molecules" mean nothing where no number says how many, "one" where nothing is counted, a temperature everywhere.
    """
    uncounted = token.meaning == "molecules" and (before is None or before.kind != "number")
    counted = after is not None and after.kind in ("count", "unit", "range", "soft", "flag")
    idle = token.kind == "number" and token.text.lower() in ("one", "single") and not counted
    warm = token.kind == "number" and after is not None and after.kind == "unit" and after.meaning == "K"
    temperature = token.kind == "unit" and token.meaning == "K"
    return replace(token, kind="filler") if uncounted or idle or warm or temperature else token
