"""The tokens of a sentence as its readers see them: settled by their neighbours, safe to look at beyond the end."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from t2d_mol.prompts.lexer import Token

LONGEST_RUN: Final = 8
"""Degrees or comparisons in a row that are read as one; the words before them are passed over."""


THINGS: Final = ("property", "count", "flag")
"""Kinds of tokens that a sentence speaks of."""


class Sentence:
    """The tokens of a sentence.

    A reader is a function of a sentence and a place; it returns what begins there, or None, and the place behind it.
    """

    def __init__(self, tokens: Sequence[Token]) -> None:
        neighbours = zip([None, *tokens], tokens, [*tokens[1:], None], strict=False)
        self.tokens = _near([_settled(before, token, after) for before, token, after in neighbours])

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


def _near(tokens: list[Token]) -> list[Token]:
    """Return the tokens with denials before what they deny: "neither gap nor dipole high" as "gap, dipole not high"."""
    found, moved = list(tokens), dict[int, Token]()
    listed = ("filler", "soft", "negation", "property")
    lists = _ends(tokens, lambda token: token.kind in listed)
    clauses = _ends(tokens, lambda token: token.kind in listed and token.text not in (",", "/"))
    verbs = _ends(tokens, lambda token: token.kind in ("filler", "link"))
    for place, token in enumerate(tokens):
        if found[place].kind != "negation":
            continue
        end = (lists if token.text.lower() == "neither" else clauses)[place + 1]
        level = verbs[end]
        denied = level + (level < len(tokens) and tokens[level].kind == "degree")
        levels = denied < len(tokens) and tokens[denied].kind in ("level", "extreme")
        if not levels or end == place + 1 or tokens[place + 1].kind == "soft" or tokens[end - 1].kind != "property":
            continue
        found[place], moved[level] = replace(token, kind="filler"), token
        for other in range(place + 1, end):
            if tokens[other].kind == "negation":
                found[other] = replace(tokens[other], kind="soft", meaning="and")
    return [part for place, token in enumerate(found) for part in ([moved[place], token] if place in moved else [token])]


def _ends(tokens: Sequence[Token], goes_on: Callable[[Token], bool]) -> list[int]:
    """Return, for each place and the one behind the last, the first place from there on whose token does not go on."""
    ends = [len(tokens)] * (len(tokens) + 1)
    for place in range(len(tokens) - 1, -1, -1):
        ends[place] = ends[place + 1] if goes_on(tokens[place]) else place
    return ends
