"""What a sentence speaks of and what it asks of that: nouns, quantities, and the items it is made of."""

from dataclasses import dataclass, field
from typing import Final, Literal

Ask = Literal["level", "number", "none", "only"]
Bound = Literal["=", "<", "<=", ">", ">=", "between"]


DENIED: Final[dict[str, Bound]] = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
"""What a bound becomes when it is denied."""


@dataclass(frozen=True)
class Noun:
    """What a sentence can speak of: a property, a count such as rings or an element, or a flag such as aromatic.

    Attributes:
        kind: which of these.
        name: a property's key, an element's symbol, a formula, or the count's or flag's name in the lexicon.
        text, start: how and where it is written, counted in characters from 0.
        unit: the one its bare numbers are in, as in "gap (eV): 6"; None where none is named with it.
    """

    kind: Literal["property", "count", "flag"]
    name: str
    text: str
    start: int
    unit: str | None = None


@dataclass(frozen=True)
class Quantity:
    """What is asked of a noun.

    Attributes:
        ask: levels, numbers, absence, or nothing but.
        text, start: how and where it is written, counted in characters from 0.
        op: of numbers.
        numbers: one, or two for `between`.
        unit: of the numbers, as `units.UNIT_FACTORS` names it; None if they are bare.
        levels: for levels, which of them.
        bound: what makes the number behind its noun a bound, as in "maximum dipole 2 D".
        strict: whether the ends of a `between` made of two bounds are themselves left out; it matters for counts.
    """

    ask: Ask
    text: str
    start: int
    op: Bound = "="
    numbers: tuple[float, ...] = ()
    unit: str | None = None
    levels: frozenset[int] = frozenset()
    bound: Bound | None = None
    strict: tuple[bool, bool] = (False, False)


@dataclass(frozen=True)
class Item:
    """A noun, a quantity, or both at once (`highly polar`), and what stands between it and the item before it.

    Attributes:
        noun, quantity: at least one of them.
        distance: how far it is from the item before; a pair costs that much.
        coordinated: whether a comma, "and", "or" or the like is all that stands between.
        either: whether "or" or a slash is among it.
        choice: whether the word "or" is.
        linked: whether "of", "=", ":" or the like stands between.
        turned: a bound written before its noun, as in 1 < mu.
    """

    noun: Noun | None = None
    quantity: Quantity | None = None
    distance: float = 0.0
    coordinated: bool = False
    either: bool = False
    choice: bool = False
    linked: bool = False
    turned: bool = False


@dataclass
class Reading:
    """All items of a sentence, and the words that are part of none."""

    items: list[Item] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def merged(first: Quantity, second: Quantity, text: str) -> Quantity:
    """Return the range that two opposite bounds of one noun make."""
    low, high = (first, second) if first.op[0] == ">" else (second, first)
    strict = (low.op == ">", high.op == "<")
    unit = first.unit or second.unit
    return Quantity("number", text, first.start, "between", low.numbers + high.numbers, unit, strict=strict)


def place_of(noun: Noun, quantity: Quantity | None) -> str:
    """Return the words of a wish and where they stand, counted in characters from 1."""
    if quantity is None:
        return f"{noun.text!r} (character {noun.start + 1})"
    if noun.text in quantity.text:
        return f"{quantity.text!r} (character {quantity.start + 1})"
    parts = sorted([(noun.start, noun.text), (quantity.start, quantity.text)])
    return f"{' '.join(text for _, text in parts)!r} (character {parts[0][0] + 1})"
