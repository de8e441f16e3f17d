"""Which quantity belongs to which noun: the cheapest way to cut a sentence's items into pairs."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from t2d_mol.prompts import lexicon
from t2d_mol.prompts.quantities import DENIED, Item, Noun, Quantity, merged
from t2d_mol.properties import PROPERTIES, unit_measures

LOST_PROPERTY: Final = 4.0
"""Cost of a property that nothing is asked of."""

LOST_QUANTITY: Final = 4.0
"""Cost of a quantity that is asked of nothing."""

LOST_UNIT: Final = 2.0
"""Cost of a quantity whose unit says the property, so that none need be named."""

NAMED: Final = 0.3
"""Cost of reading a level out of a name, as in "average polarizability" with nothing asked of it; below `SHARED`."""

LINKED: Final = -0.5
"""Cost of "of", "is", "=" or the like between a noun and the quantity behind it."""

SHARED: Final = 0.6
"""Cost of each further noun that shares a quantity."""

PRECISED: Final = 1.0
"""Cost of a number that makes a level of the same property precise."""

DENIED_TOO: Final = -0.1
"""Cost of each further noun that is denied or alone allowed: "no nitrogen or oxygen" asks for no oxygen."""

UNCOUNTED: Final = 1.0
"""Cost of a number of what is no count, as in "two aromatic rings": that there are such is all that is understood of it."""

LONGEST_SEGMENT: Final = 8
"""Items that are looked at together."""

MEDIUM: Final = 2
"""The level whose words occur in names of properties."""

ANYTHING: Final = ("percentile", "%")
"""Units that measure any property."""


@dataclass(frozen=True)
class Pair:
    """A noun and what is asked of it; no quantity where the noun stands alone, no noun where its unit says it."""

    noun: Noun | None
    quantity: Quantity | None


def join(items: Sequence[Item]) -> list[Pair]:
    """Return the pairs of a sentence in order, by dynamic programming over the places where it can be cut.

    A segment is a noun alone, a quantity alone, a quantity before or behind one noun or a list of nouns that share it, or
    a list of nouns with a list of as many quantities. What stands between the parts of a segment costs its `distance`.
    """
    best: list[tuple[float, int, list[Pair]]] = [(0.0, 0, [])]
    for end in range(1, len(items) + 1):
        ways = [
            (best[start][0] + cost, start, pairs)
            for start in range(max(0, end - LONGEST_SEGMENT), end)
            for cost, pairs in _readings(items[start:end])
        ]
        best.append(min(ways, key=lambda way: way[0]))
    segments: list[list[Pair]] = []
    end = len(items)
    while end:
        _, end, found = best[end]
        segments.append(found)
    return [pair for found in reversed(segments) for pair in found]


def _readings(segment: Sequence[Item]) -> Iterator[tuple[float, list[Pair]]]:
    """Yield the ways to read a run of items as one segment, with their costs."""
    if len(segment) == 1:
        yield _alone(segment[0])
        return
    if any(item.noun is not None and item.quantity is not None for item in segment):
        if len(segment) == 2:
            yield from _precised_adjective(*segment)
        return
    nouns = _in_one_unit([item.noun for item in segment if item.noun is not None])
    quantities = [item.quantity for item in segment if item.quantity is not None]
    between = sum(item.distance + (LINKED if item.linked else 0.0) for item in segment[1:])
    if len(quantities) == 1 and not segment[0].turned:
        yield from _shared(segment, nouns, quantities[0])
    elif len(quantities) == 2 and len(nouns) == 1 and segment[0].turned and segment[1].noun is not None:
        first, second = quantities
        if {first.op[0], second.op[0]} == {"<", ">"} and _fits(second, nouns[0]) < LOST_QUANTITY:
            yield between, [Pair(nouns[0], merged(first, second, f"{first.text} {nouns[0].text} {second.text}"))]
    if len(nouns) == 1 and len(quantities) == 2 and not segment[0].turned:
        yield from _precised(segment, nouns[0], *quantities)
    if len(nouns) == len(quantities) == 1 and segment[0].turned and segment[1].noun is not None:
        yield between + _fits(quantities[0], nouns[0]), [Pair(nouns[0], quantities[0])]
    if len(nouns) == len(quantities) > 1 and all(item.noun is not None for item in segment[: len(nouns)]):
        inner = [item for place, item in enumerate(segment) if place not in (0, len(nouns))]
        if all(item.coordinated or item.distance == 0 for item in inner):
            fits = sum(_fits(quantity, noun) for quantity, noun in zip(quantities, nouns, strict=True))
            cost = segment[len(nouns)].distance + fits + SHARED * (len(nouns) - 1)
            yield cost, [Pair(noun, quantity) for noun, quantity in zip(nouns, _alike(quantities), strict=True)]


def _in_one_unit(nouns: list[Noun]) -> list[Noun]:
    """Return nouns with the unit that is named behind the last of them: HOMO and LUMO in Hartree."""
    unit = nouns[-1].unit if nouns else None
    if unit is None:
        return nouns
    shared = (noun.unit is None and noun.kind == "property" and unit_measures(unit, noun.name) for noun in nouns)
    return [replace(noun, unit=unit) if of_all else noun for noun, of_all in zip(nouns, shared, strict=True)]


def _alike(quantities: list[Quantity]) -> list[Quantity]:
    """Return a list of numbers with the bound that stands before the first: above 6 eV and 3 D."""
    first = quantities[0]
    bound = first.op in DENIED and all(
        one.ask == "number" and one.op == "=" and one.text[0] in "+-.0123456789" for one in quantities[1:]
    )
    return [replace(one, op=first.op) for one in quantities] if bound else quantities


def _precised_adjective(adjective: Item, number: Item) -> Iterator[tuple[float, list[Pair]]]:
    """An adjective and then a number with a unit for the same property: large gap (over 8 eV)."""
    noun, quantity = adjective.noun, number.quantity
    if noun is not None and number.noun is None and quantity is not None and quantity.unit is not None:
        yield PRECISED + number.distance + _fits(quantity, noun), [Pair(noun, quantity)]


def _alone(item: Item) -> tuple[float, list[Pair]]:
    noun, quantity = item.noun, item.quantity
    if noun is not None:
        if quantity is not None or noun.kind != "property":
            return 0.0, [Pair(noun, quantity)]
        level = _level_in_name(noun)
        return (LOST_PROPERTY if level is None else NAMED), [Pair(noun, level)]
    assert quantity is not None
    return (LOST_UNIT if property_of_unit(quantity.unit) else LOST_QUANTITY), [Pair(None, quantity)]


def _level_in_name(noun: Noun) -> Quantity | None:
    first, _, rest = noun.text.lower().partition(" ")
    medium = first in lexicon.LEVEL_WORDS[MEDIUM].split("|")[0].split()
    return Quantity("level", noun.text, noun.start, levels=frozenset([MEDIUM])) if rest and medium else None


def _shared(segment: Sequence[Item], nouns: list[Noun], quantity: Quantity) -> Iterator[tuple[float, list[Pair]]]:
    """A quantity before or behind the nouns it is asked of."""
    before, behind = segment[0].quantity is not None, segment[-1].quantity is not None
    if not (before or behind):
        return
    lists = segment[2:] if before else segment[1:-1]
    if not all(item.coordinated for item in lists):
        return
    if len(nouns) > 1 and any((left.kind == "property") != (right.kind == "property") for left, right in pairwise(nouns)):
        return
    if len(nouns) > 1 and quantity.ask == "number" and nouns[0].kind != "property":
        return
    touching = segment[1] if before else segment[-1]
    cost = touching.distance + (LINKED if touching.linked and behind else 0.0)
    listed = quantity.ask in ("none", "only")
    if listed and any(item.noun and item.noun.kind != nouns[0].kind and not item.either for item in lists):
        return
    cost += (DENIED_TOO if listed else SHARED) * len(lists) + sum(_fits(quantity, noun) for noun in nouns)
    yield cost, [Pair(noun, quantity) for noun in nouns]


def _precised(segment: Sequence[Item], noun: Noun, first: Quantity, second: Quantity) -> Iterator[tuple[float, list[Pair]]]:
    """A level and then a number for the same property: a low LUMO, below -2 eV; maximum dipole 2 D."""
    if noun.kind == "property" and first.ask == "none" and second.ask == "number" and segment[-1].quantity is second:
        turned = DENIED.get(second.op)
        if turned is not None and segment[1].noun is not None:
            yield segment[1].distance + segment[2].distance + _fits(second, noun), [Pair(noun, replace(second, op=turned))]
        return
    if noun.kind != "property" or first.ask != "level" or second.ask != "number" or segment[-1].quantity is not second:
        return
    distance = segment[1].distance + segment[2].distance
    if first.bound is not None and segment[1].noun is not None and second.op == "=":
        yield distance + _fits(second, noun), [Pair(noun, replace(second, op=first.bound))]
    else:
        yield distance + PRECISED + _fits(second, noun), [Pair(noun, second)]


def _fits(quantity: Quantity, noun: Noun) -> float:
    """Return the cost of asking this of that, infinite where it makes no sense."""
    nonsense = math.inf
    if noun.kind == "property":
        if quantity.ask == "only":
            return nonsense
        right = quantity.unit is None or quantity.unit in ANYTHING or unit_measures(quantity.unit, noun.name)
        return 0.0 if right else LOST_PROPERTY - 1
    if quantity.ask == "level":
        return nonsense
    if quantity.ask == "number":
        whole = quantity.unit is None and all(number == int(number) >= 0 for number in quantity.numbers)
        return nonsense if not whole else UNCOUNTED if noun.kind == "flag" else 0.0
    if quantity.ask == "only":
        return 0.0 if noun.kind == "count" and len(noun.name) == 1 else nonsense
    return nonsense if noun.name.startswith("formula:") else 0.0


def property_of_unit(unit: str | None) -> str | None:
    """Return the one property that is measured in a unit, if it is one."""
    if unit is None or unit in ANYTHING:
        return None
    keys = [prop.key for prop in PROPERTIES if unit_measures(unit, prop.key)]
    return keys[0] if len(keys) == 1 else None
