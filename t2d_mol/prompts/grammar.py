"""The grammar: a sentence becomes targets and structural wishes, and what was not understood is kept."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final, Literal, get_args

from t2d_mol.checkpoint import Statistics
from t2d_mol.errors import InputError, unknown
from t2d_mol.molecule import Prompt, Target
from t2d_mol.prompts import lexicon
from t2d_mol.prompts.characters import plain
from t2d_mol.prompts.consistency import check_energies, remarks
from t2d_mol.prompts.items import read_items
from t2d_mol.prompts.joining import Pair, join, property_of_unit
from t2d_mol.prompts.levels import level_operator
from t2d_mol.prompts.lexer import tokens
from t2d_mol.prompts.quantities import Item, Noun, Quantity, place_of
from t2d_mol.prompts.structure import structure_of
from t2d_mol.prompts.words import corrections
from t2d_mol.properties import BY_KEY, KEYS, LEVELS, unit_measures
from t2d_mol.units import ATOMIC_UNITS, UNIT_FACTORS, to_canonical

Values = Literal["auto", "units", "normalised"]
READINGS: Final = get_args(Values)
MAX_CHARACTERS: Final = 10_000
"""Longer prompts are refused, compatibility characters counted as what they stand for."""

ORBITALS: Final = ("homo", "lumo")
"""Properties of which zero is a value like others, and no very low one."""

LARGEST_Z: Final = 12.0
"""Bare numbers beyond this are no normalised values."""


def parse_prompt(text: str, statistics: Statistics, *, values: Values = "auto") -> Prompt:
    """Understand a sentence.

    Args:
        text: the sentence.
        statistics: of the train split; they decide how bare numbers and percentiles are read and what is attainable.
        values: whether bare numbers are in canonical units, normalised, or decided by the sentence.

    Returns:
        The prompt with one target per property, in canonical units.

    Raises:
        InputError: if the sentence is empty, too long, or contradicts itself; the message names both places.
        UsageError: if there is no such reading of bare numbers.
    """
    if values not in READINGS:
        raise unknown("reading of bare numbers", values, READINGS)
    if not text.strip():
        raise InputError("the prompt is empty", 'ask for something, e.g. "a molecule with high polarizability"')
    length = len(text) if len(text) > MAX_CHARACTERS else len(plain(text).text)
    if length > MAX_CHARACTERS:
        raise InputError(f"the prompt has {length} characters; at most {MAX_CHARACTERS} are read")
    reading = read_items(tokens(text))
    pairs = join(reading.items)
    asked, lost = _asked(pairs)
    normalised = _reads_normalised(text, asked, statistics, values)
    targets = [_target(noun, quantity, statistics, normalised) for noun, quantity in asked]
    places = {noun.name: place_of(noun, quantity) for noun, quantity in asked}
    _check_repeats(asked)
    check_energies(targets, places, statistics)
    structure = structure_of(pairs)
    warnings = [f"read {written!r} as {fixed!r}" for written, fixed in corrections(text)]
    bare = any(quantity.numbers and quantity.unit is None for _, quantity in asked)
    if normalised and bare and values == "auto":
        warnings.append("bare numbers are read as normalised values")
    if _offers_a_choice(reading.items, pairs):
        warnings.append("'or' is read as 'and': what stands on both sides of it is asked for")
    if any(pair.noun and pair.noun.name == "molecules" and pair.quantity for pair in pairs):
        warnings.append("how many molecules are made is decided by -n, not by the prompt")
    if not targets and not structure:
        warnings.append("nothing in the prompt was understood as a property or a structure")
    warnings += remarks(targets, structure, statistics)
    return Prompt(text, tuple(targets), structure, (*reading.unknown, *lost), tuple(warnings))


def _asked(pairs: Sequence[Pair]) -> tuple[list[tuple[Noun, Quantity]], list[str]]:
    """Return what is asked of properties, and the words that found no partner."""
    asked: list[tuple[Noun, Quantity]] = []
    lost: list[str] = []
    for noun, quantity in ((pair.noun, pair.quantity) for pair in pairs):
        if noun is None and quantity is not None:
            key = property_of_unit(quantity.unit)
            if key is not None:
                asked.append((Noun("property", key, quantity.text, quantity.start), quantity))
            elif quantity.unit != "K" and quantity.text.lower() not in ("one", "single", "free"):
                lost.append(quantity.text)
        elif noun is not None and noun.kind == "property":
            if quantity is None or quantity.unit == "%":
                lost.append(noun.text)
            elif noun.name in ORBITALS and quantity.text.lower() in lexicon.NEAR_ZERO:
                asked.append((noun, replace(quantity, ask="number", numbers=(0.0,), unit="eV")))
            else:
                asked.append((noun, replace(quantity, unit=quantity.unit or noun.unit)))
    return asked, lost


def _offers_a_choice(items: Sequence[Item], pairs: Sequence[Pair]) -> bool:
    """Return whether "or" stands between two wishes; between two of what is excluded it means both anyway."""
    excludes: dict[int, bool] = {}
    for noun, quantity in ((pair.noun, pair.quantity) for pair in pairs):
        if noun is not None and (quantity is not None or noun.kind != "property"):
            none = noun.kind != "property" and quantity is not None and quantity.ask in ("none", "only")
            excludes |= {id(part): none for part in (noun, quantity) if part is not None}

    def excluding(item: Item) -> bool | None:
        """Return whether an item is part of what is excluded; None where it is part of no wish."""
        parts = [part for part in (item.noun, item.quantity) if part is not None]
        return next((excludes[id(part)] for part in parts if id(part) in excludes), None)

    sides = [(excluding(first), excluding(second)) for first, second in pairwise(items) if second.choice]
    return any(None not in both and not all(both) for both in sides)


def _reads_normalised(text: str, asked: Sequence[tuple[Noun, Quantity]], statistics: Statistics, values: Values) -> bool:
    """Decide whether bare numbers are normalised: in `auto`, when one lies outside QM9's range and all fit as z."""
    if values != "auto":
        return values == "normalised"
    if any(token.kind == "scale" for token in tokens(text)):
        return True
    bare = [(noun.name, number) for noun, quantity in asked if quantity.unit is None for number in quantity.numbers]
    return read_as_normalised(bare, statistics)


def read_as_normalised(bare: Iterable[tuple[str, float]], statistics: Statistics) -> bool:
    """Return whether a sentence with these bare numbers, each with its property's key, is read as normalised."""
    numbers = list(bare)
    ranges = {key: (row[0], row[-1]) for key, row in zip(KEYS, statistics.percentiles, strict=True)}
    outside = any(not ranges[key][0] <= number <= ranges[key][1] for key, number in numbers)
    return outside and all(abs(number) <= LARGEST_Z for _, number in numbers)


def _target(noun: Noun, quantity: Quantity, statistics: Statistics, normalised: bool) -> Target:
    key, unit = noun.name, BY_KEY[noun.name].unit
    if quantity.ask == "none":
        return Target(key, "level", level=0, unit=unit)
    if quantity.ask == "level":
        op, percentiles = level_operator(quantity.levels)
        if op == "level":
            return Target(key, "level", level=min(quantity.levels), unit=unit)
        return _numeric(Target(key, op, unit=unit), [statistics.percentile(KEYS.index(key), share) for share in percentiles])
    by_z = normalised and quantity.unit is None
    numbers = [_canonical(number, noun, quantity, statistics, by_z) for number in quantity.numbers]
    op = "<" if quantity.op == "<=" else ">" if quantity.op == ">=" else quantity.op
    if op == "between" and numbers[0] > numbers[1]:
        if (quantity.numbers[0] < 0 and abs(numbers[0]) < abs(numbers[1])) or "symbol" in quantity.text:
            numbers = numbers[::-1]
        else:
            raise InputError(f"the range of {BY_KEY[key].name} is empty: {place_of(noun, quantity)} begins above its end")
    return _numeric(Target(key, op, unit=unit, normalised=by_z), numbers)


def _numeric(target: Target, numbers: Sequence[float]) -> Target:
    if target.op == "between":
        return replace(target, low=numbers[0], high=numbers[1])
    return replace(target, value=numbers[0])


def _canonical(number: float, noun: Noun, quantity: Quantity, statistics: Statistics, by_z: bool) -> float:
    canonical = BY_KEY[noun.name].unit
    if quantity.unit == "percentile":
        return statistics.percentile(KEYS.index(noun.name), number)
    if by_z:
        return statistics.denormalise(KEYS.index(noun.name), number)
    if quantity.unit is None:
        return number
    if not unit_measures(quantity.unit, noun.name):
        raise InputError(
            f"{quantity.unit} is no unit of {BY_KEY[noun.name].name} (in {place_of(noun, quantity)})",
            f"units understood: {', '.join(UNIT_FACTORS[canonical])}",
        )
    return to_canonical(number, ATOMIC_UNITS[canonical] if quantity.unit == "a.u." else quantity.unit, canonical)


def _check_repeats(asked: Sequence[tuple[Noun, Quantity]]) -> None:
    seen: dict[str, str] = {}
    for noun, quantity in asked:
        place = place_of(noun, quantity)
        if noun.name in seen:
            raise InputError(f"the prompt asks for {BY_KEY[noun.name].name} twice: {seen[noun.name]} and {place}")
        seen[noun.name] = place


def describe_target(target: Target) -> str:
    """Return a target in words, for people."""
    name, wish = BY_KEY[target.property].name, describe_wish(target)
    return f"{name} {wish}" if target.level is None else f"{wish} {name}"


def describe_wish(target: Target) -> str:
    """Return what a target asks of its property in words, without the property's name."""
    if target.level is not None:
        return LEVELS[target.level]
    if target.op == "between":
        return f"between {target.low:.4g} and {target.high:.4g} {target.unit}"
    return f"{target.op} {target.value:.4g} {target.unit}"
