"""Structural wishes: counts of atoms, elements and rings, formulas, aromaticity; and what of them cannot be."""

import re
from collections.abc import Sequence
from typing import Final

from t2d_mol.elements import MAX_ATOMS, SYMBOLS
from t2d_mol.errors import InputError
from t2d_mol.molecule import Structure
from t2d_mol.prompts.joining import Pair
from t2d_mol.prompts.quantities import Noun, Quantity, place_of

Range = tuple[int, int | None]
MAX_HEAVY: Final = 9
"""Atoms other than hydrogen in QM9's largest molecules."""

LEAST_AROMATIC: Final = 3
"""Rings and double bonds that an aromatic molecule has at least, such as furan."""

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
        """Return what the pairs ask for together; see `structure_of` for the errors."""
        for pair in pairs:
            assert pair.noun is not None
            self._add(pair.noun, pair.quantity)
        alone = {
            pair.noun.name: place_of(pair.noun, pair.quantity)
            for pair in pairs
            if pair.noun and pair.quantity and pair.quantity.ask == "only"
        }
        for symbol in SYMBOLS if alone else ():
            if symbol not in alone:
                self._narrow(symbol, (0, 0), " and ".join(alone.values()))
        self._check_rings()
        self._check_atoms()
        atoms, aromatic = self.ranges.get("atoms"), self.ranges.get("aromatic")
        return Structure(
            atoms=None if atoms is None else _closed((max(atoms[0], 1), atoms[1])),
            heavy=_closed(self.ranges["heavy"]) if "heavy" in self.ranges else None,
            elements=tuple((symbol, *self.ranges[symbol]) for symbol in SYMBOLS if symbol in self.ranges),
            rings=self.ranges.get("rings"),
            aromatic=None if aromatic is None else bool(aromatic[0]),
            formula=self.formula,
        )

    def _add(self, noun: Noun, quantity: Quantity | None) -> None:
        words = place_of(noun, quantity)
        denied = quantity is not None and quantity.ask == "none"
        if noun.name.startswith("formula:"):
            self.formula, self.words["formula"] = noun.name.removeprefix("formula:"), words
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

    def _check_rings(self) -> None:
        """See that a formula is possible and leaves room for the rings, and that what is aromatic has one."""
        rings, words = self.ranges.get("rings", (0, None)), self.words
        aromatic = self.ranges.get("aromatic") == (1, 1)
        if aromatic and rings[1] == 0:
            raise InputError(f"the prompt contradicts itself: {words['aromatic']} and {words['rings']}")
        if self.formula is None:
            return
        room = unsaturation(atoms_of(self.formula))
        if room < 0 or room != int(room):
            raise InputError(f"no closed-shell molecule has the formula {words['formula']}")
        if rings[0] > room:
            raise InputError(f"the prompt contradicts itself: {words['formula']} has no room for {words['rings']}")
        if aromatic and room < LEAST_AROMATIC:
            raise InputError(f"the prompt contradicts itself: {words['formula']} has no room for {words['aromatic']}")

    def _check_atoms(self) -> None:
        """See that the counts of all atoms, of heavy ones and of each element can be met at once, by at most 29 atoms."""
        for name, symbols in (("atoms", SYMBOLS), ("heavy", SYMBOLS[1:])):
            low, high = self.ranges.get(name, (0, None))
            if low > MAX_ATOMS or (name, high) == ("atoms", 0):
                raise InputError(f"molecules have 1 to {MAX_ATOMS} atoms, but the prompt asks for {self.words[name]}")
            counted = [self.ranges.get(symbol, (0, None)) for symbol in symbols]
            least, most = sum(few for few, _ in counted), sum(MAX_ATOMS if many is None else many for _, many in counted)
            named = " and ".join(dict.fromkeys(self.words[symbol] for symbol in symbols if symbol in self.words))
            if least > MAX_ATOMS:
                raise InputError(f"{named} has at least {least:.4g} atoms; molecules here have at most {MAX_ATOMS}")
            if (high is not None and least > high) or most < low:
                raise InputError(f"the prompt contradicts itself: {named} and {self.words[name]}")
        heavy, atoms = self.ranges.get("heavy", (0, None)), self.ranges.get("atoms", (0, None))
        if atoms[1] is not None and heavy[0] > atoms[1]:
            raise InputError(f"the prompt contradicts itself: {self.words['heavy']} and {self.words['atoms']}")


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


def _closed(wished: Range) -> tuple[int, int]:
    low, high = wished
    return low, MAX_ATOMS if high is None else min(high, MAX_ATOMS)


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


def bounds(structure: Structure, atoms: int) -> tuple[tuple[int, int], ...] | None:
    """Return the least and most atoms of each type in a molecule of `atoms` atoms with a structure; None if all are free.

    Raises:
        InputError: if no composition meets them.
    """
    if not structure.elements and structure.heavy is None:
        return None
    wished = {symbol: (low, atoms if high is None else min(high, atoms)) for symbol, low, high in structure.elements}
    found = [wished.get(symbol, (0, atoms)) for symbol in SYMBOLS]
    if structure.heavy is not None:
        hydrogens = found[0]
        found[0] = max(hydrogens[0], atoms - structure.heavy[1]), min(hydrogens[1], atoms - structure.heavy[0])
    least, most = (sum(bound[end] for bound in found) for end in (0, 1))
    if any(low > high for low, high in found) or not least <= atoms <= most:
        raise InputError(f"no composition of {atoms} atoms meets what is asked of the elements")
    return tuple(found)
