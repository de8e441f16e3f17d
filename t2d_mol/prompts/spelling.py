"""Typos: a word nobody knows becomes the one known word that is nearest, if there is one."""

from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import Final

SHORTEST: Final = 3
"""Words of fewer letters are taken as they are written; in one of just so many two letters may be swapped."""

TWO_FROM: Final = 8
"""From this many letters on two letters may be wrong."""


class Speller:
    """Finds the known word within one edit of a word, or two in a long one; an edit drops, adds, changes or swaps letters.

    Every known word is filed under itself with up to two letters left out, so that a look-up costs a few set operations
    whatever the vocabulary (symmetric deletion). The first letter is trusted, unless it was swapped with the second.
    """

    def __init__(self, known: Iterable[str], alike: Iterable[str] = ()) -> None:
        self.known, self.alike = frozenset(known), frozenset(alike)
        self._filed: dict[str, set[str]] = {}
        for word in self.known:
            if len(word) >= SHORTEST and word.isalpha():
                for short in _shortened(word, _allowed(word)):
                    self._filed.setdefault(short, set()).add(word)

    def __call__(self, word: str) -> str | None:
        """Return the known word a lower-case word misspells; None if it is known, its own, or like none or many."""
        if len(word) < SHORTEST or len(word) > 40 or word in self.known or word in self.alike:
            return None
        near: dict[str, int] = {}
        for short in _shortened(word, _allowed(word)):
            for candidate in self._filed.get(short, ()):
                swapped = sorted(candidate) == sorted(word)
                if swapped or (len(word) > SHORTEST and candidate[0] == word[0]):
                    near[candidate] = distance(word, candidate)
        if not near:
            return None
        least = min(near.values())
        best = [candidate for candidate, edits in near.items() if edits == least]
        shorter = min(len(word), min(map(len, best)))
        return best[0] if len(best) == 1 and least <= (1 if shorter < TWO_FROM - 1 else 2) else None


def distance(left: str, right: str) -> int:
    """Return the number of edits between two words, swaps of neighbours counting once (optimal string alignment)."""
    before: list[int] = []
    last = list(range(len(right) + 1))
    for i, letter in enumerate(left, 1):
        row = [i]
        for j, other in enumerate(right, 1):
            edits = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == right[j - 2] and left[i - 2] == other:
                edits = min(edits, before[j - 2] + 1)
            row.append(edits)
        before, last = last, row
    return last[-1]


def _allowed(word: str) -> int:
    return 2 if len(word) >= TWO_FROM - 1 else 1


def _shortened(word: str, most: int) -> Iterator[str]:
    for left_out in range(most + 1):
        for places in combinations(range(len(word)), left_out):
            yield "".join(letter for place, letter in enumerate(word) if place not in places)
