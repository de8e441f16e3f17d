"""Structural wishes: counts of atoms, elements and rings, formulas, aromaticity; and what of them cannot be."""

import re
from collections.abc import Sequence
from typing import Final

from t2d_mol.elements import MAX_ATOMS, SYMBOLS
from t2d_mol.errors import InputError
from t2d_mol.molecule import Structure
from t2d_mol.prompts.joining import Pair
from t2d_mol.prompts.quantities import Noun, Quantity

Range = tuple[int, int | None]
MAX_HEAVY: Final = 9
"""Atoms other than hydrogen in QM9's largest molecules."""

_RING_FLAGS: Final[dict[str, Range]] = {
    "cyclic": (1, None), "acyclic": (0, 0), "monocyclic": (1, 1), "bicyclic": (2, 2), "tricyclic": (3, 3),
    "polycyclic": (2, None),
}  # fmt: skip


def structure_of(pairs: Sequence[Pair]) -> Structure:
    """Put the structural wishes of a sentence together.

    Raises:
        InputError: if two of them exclude each other or no molecule can be so; the message names both places.
    """
    return _Builder().build([pair for pair in pairs if pair.noun is not None and pair.noun.kind != "property"])


class _Builder:
    """Gathers ranges by what they count, each with the words it came from."""

    def __init__(self) -> None:
        self.ranges: dict[str, Range] = {}
        self.words: dict[str, str] = {}
        self.formula: str | None = None

    def build(self, pairs: Sequence[Pair]) -> Structure:
        alone = [pair.noun.name for pair in pairs if pair.noun and pair.quantity and pair.quantity.ask == "only"]
        for pair in pairs:
            assert pair.noun is not None
            self._add(pair.noun, pair.quantity)
        for symbol in set(SYMBOLS) - set(alone) if alone else ():
            self._narrow(symbol, (0, 0), f"only {', '.join(alone)}")
        return self._checked()

    def _add(self, noun: Noun, quantity: Quantity | None) -> None:
        words = _place(noun, quantity)
        denied = quantity is not None and quantity.ask == "none"
        if noun.name.startswith("formula:"):
            self.formula = noun.name.removeprefix("formula:")
            counts = atoms_of(self.formula)
            for symbol in SYMBOLS:
                self._narrow(symbol, (counts.get(symbol, 0),) * 2, words)
        elif noun.kind == "flag":
            self._flag(noun.name, denied, words)
        elif noun.name == "molecules" or (quantity is not None and quantity.ask == "only"):
            return
        elif quantity is not None or noun.name not in ("atoms", "heavy"):
            self._narrow(noun.name, (0, 0) if denied else _range(quantity), words)

    def _flag(self, name: str, denied: bool, words: str) -> None:
        if name == "hydrocarbon":
            for symbol in ("N", "O", "F") if not denied else ():
                self._narrow(symbol, (0, 0), words)
        elif name in ("aromatic", "aliphatic"):
            aromatic = (name == "aromatic") != denied
            self._narrow("aromatic", (int(aromatic),) * 2, words)
        elif not denied:
            self._narrow("rings", _RING_FLAGS[name], words)
        elif name in ("cyclic", "acyclic"):
            self._narrow("rings", (0, 0) if name == "cyclic" else (1, None), words)

    def _narrow(self, name: str, wished: Range, words: str) -> None:
        low, high = self.ranges.get(name, (0, None))
        narrowed = max(low, wished[0]), min((end for end in (high, wished[1]) if end is not None), default=None)
        if narrowed[1] is not None and narrowed[0] > narrowed[1]:
            if name in self.words:
                raise InputError(f"the prompt contradicts itself: {self.words[name]} and {words}")
            raise InputError(f"the range is empty: {words}")
        self.ranges[name] = narrowed
        self.words[name] = words

    def _checked(self) -> Structure:
        atoms, rings, aromatic = (self.ranges.get(name) for name in ("atoms", "rings", "aromatic"))
        if aromatic == (1, 1) and rings is not None and rings[1] == 0:
            raise InputError(f"the prompt contradicts itself: {self.words['aromatic']} and {self.words['rings']}")
        if self.formula is not None:
            self._check_formula(self.formula)
        least = sum(self.ranges.get(symbol, (0, None))[0] for symbol in SYMBOLS)
        for name, bound in (("atoms", atoms), ("heavy", self.ranges.get("heavy"))):
            needed = least - (self.ranges.get("H", (0, None))[0] if name == "heavy" else 0)
            if bound is not None and bound[1] is not None and needed > bound[1]:
                raise InputError(f"{needed} atoms are asked for one by one, but {self.words[name]} allows {bound[1]}")
        if atoms is not None and not (1 <= max(atoms[0], 1) <= MAX_ATOMS):
            raise InputError(f"molecules have 1 to {MAX_ATOMS} atoms, but the prompt asks for {self.words['atoms']}")
        elements = tuple((symbol, *self.ranges[symbol]) for symbol in SYMBOLS if symbol in self.ranges)
        return Structure(
            atoms=None if atoms is None else (max(atoms[0], 1), min(atoms[1] or MAX_ATOMS, MAX_ATOMS)),
            heavy=self._closed("heavy", MAX_ATOMS),
            elements=elements,
            rings=rings,
            aromatic=None if aromatic is None else bool(aromatic[0]),
            formula=self.formula,
        )

    def _closed(self, name: str, most: int) -> tuple[int, int] | None:
        if name not in self.ranges:
            return None
        low, high = self.ranges[name]
        return low, most if high is None else min(high, most)

    def _check_formula(self, formula: str) -> None:
        counts = atoms_of(formula)
        total, bonds = sum(counts.values()), unsaturation(counts)
        if total > MAX_ATOMS:
            raise InputError(f"{formula} has {total} atoms; molecules here have at most {MAX_ATOMS}")
        if bonds < 0 or bonds != int(bonds):
            raise InputError(f"no closed-shell molecule has the formula {formula}")
        atoms = self.ranges.get("atoms")
        if atoms is not None and not atoms[0] <= total <= (atoms[1] or MAX_ATOMS):
            raise InputError(f"{formula} has {total} atoms, but the prompt asks for {self.words['atoms']}")


def atoms_of(formula: str) -> dict[str, int]:
    """Return the atoms of each element in a formula such as C2H6O."""
    counts: dict[str, int] = {}
    for symbol, number in re.findall(r"([A-Z])(\d{0,4})", formula):
        counts[symbol] = counts.get(symbol, 0) + int(number or 1)
    return counts


def unsaturation(counts: dict[str, int]) -> float:
    """Return the rings and double bonds a formula must have; no neutral closed-shell molecule has less than 0 or a half."""
    c, n, h, f = (counts.get(symbol, 0) for symbol in ("C", "N", "H", "F"))
    return c + 1 + (n - h - f) / 2


def _range(quantity: Quantity | None) -> Range:
    """Return the counts a quantity asks for; a noun without one asks for any."""
    if quantity is None:
        return 1, None
    first = int(quantity.numbers[0])
    if quantity.op == "between":
        return first + quantity.strict[0], int(quantity.numbers[1]) - quantity.strict[1]
    ranges: dict[str, Range] = {
        "=": (first, first), "<=": (0, first), "<": (0, first - 1), ">=": (first, None), ">": (first + 1, None),
    }  # fmt: skip
    return ranges[quantity.op]


def _place(noun: Noun, quantity: Quantity | None) -> str:
    """Return the words of a wish and where they stand."""
    if quantity is None:
        return f"{noun.text!r} (character {noun.start + 1})"
    if noun.text in quantity.text:
        return f"{quantity.text!r} (character {quantity.start + 1})"
    parts = sorted([(noun.start, noun.text), (quantity.start, quantity.text)])
    return f"{' '.join(text for _, text in parts)!r} (character {parts[0][0] + 1})"


place_of = _place
