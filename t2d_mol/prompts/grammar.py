"""The grammar: a sentence becomes targets, and what was not understood is kept."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Literal

from t2d_mol.checkpoint import Statistics
from t2d_mol.errors import InputError
from t2d_mol.molecule import Operator, Prompt, Target
from t2d_mol.prompts import lexicon
from t2d_mol.properties import BY_KEY, KEYS, LEVELS
from t2d_mol.units import UNIT_FACTORS, to_canonical

Values = Literal["auto", "units", "normalised"]
MAX_CHARACTERS: Final = 10_000
GAP_TOLERANCE_EV: Final = 0.05
LARGEST_Z: Final = 12.0


@dataclass(frozen=True)
class _Token:
    """A piece of the sentence: what kind it is, what it means, the text it came from."""

    kind: Literal["property", "level", "number", "unit", "compare", "adjective", "break", "word", "dash", "plusminus"]
    text: str
    meaning: str = ""


@dataclass(frozen=True)
class _Quantity:
    """A level or a number expression, before it is joined to a property."""

    text: str
    op: Operator
    numbers: tuple[float, ...] = ()
    unit: str | None = None
    level: int | None = None


def _lexer() -> re.Pattern[str]:
    edge = r"(?<![^\W\d_])"
    parts = [rf"(?P<p_{key}>{edge}{pattern}(?![^\W\d_]))" for key, pattern in lexicon.PROPERTY_PATTERN.items()]
    parts += [
        rf"(?P<a_{number}>{edge}{pattern}(?![^\W\d_]))" for number, pattern in enumerate(lexicon.ADJECTIVE_PATTERN.values())
    ]
    order = sorted(lexicon.LEVEL_PATTERN, key=lambda level: level not in (0, 4))
    parts += [rf"(?P<l_{level}>{edge}{lexicon.LEVEL_PATTERN[level]}(?![^\W\d_]))" for level in order]
    names = ("lt", "gt", "eq", "between")
    parts += [
        rf"(?P<c_{name}>{lexicon.COMPARISON_PATTERN[op]}(?![^\W\d_]))"
        for name, op in zip(names, lexicon.COMPARISONS, strict=True)
    ]
    parts += [rf"(?P<n>{lexicon.NUMBER})", r"(?P<pm>±|\+/-)"]
    parts += [rf"(?P<u_{number}>{pattern}(?![^\W\d_]))" for number, pattern in enumerate(lexicon.UNIT_SPELLINGS.values())]
    parts += [r"(?P<b>[,;]|\band\b|\bwith\b)", r"(?P<d>[-–]|\bto\b)", r"(?P<w>[^\W\d_]+|\S)"]
    return re.compile("|".join(parts), re.IGNORECASE)


_LEXER: Final = _lexer()
_UNITS: Final = tuple(lexicon.UNIT_SPELLINGS)
_ADJECTIVES: Final = tuple(lexicon.ADJECTIVES)
_OPERATORS: Final = dict(zip(("lt", "gt", "eq", "between"), lexicon.COMPARISONS, strict=True))
_KINDS: Final[dict[str, Literal["number", "plusminus", "break", "dash", "word"]]] = {
    "n": "number", "pm": "plusminus", "b": "break", "d": "dash", "w": "word",
}  # fmt: skip


def parse_prompt(text: str, statistics: Statistics, *, values: Values = "auto") -> Prompt:
    """Understand a sentence.

    Args:
        text: the sentence.
        statistics: of the train split; they decide how bare numbers are read and what is attainable.
        values: whether bare numbers are in canonical units, normalised, or decided by the sentence.

    Returns:
        The prompt with one target per property, in canonical units.

    Raises:
        InputError: if the sentence is empty, too long, or contradicts itself; the message names both places.
    """
    if not text.strip():
        raise InputError("the prompt is empty", 'ask for something, e.g. "a molecule with high polarizability"')
    if len(text) > MAX_CHARACTERS:
        raise InputError(f"the prompt has {len(text)} characters; at most {MAX_CHARACTERS} are read")
    plain = unicodedata.normalize("NFKC", text.replace("³", "^3").replace("⁻¹", "^-1")).replace("−", "-")
    atoms, plain = _take_atoms(plain)
    found, unknown = _join(_tokens(plain))
    _check_units(found)
    if values == "auto" and re.search(r"\bnormali[sz]ed\b", plain, re.IGNORECASE):
        values = "normalised"
    normalised = _reads_normalised(found, statistics, values)
    targets = [_target(key, quantity, statistics, normalised) for key, quantity in found]
    _check_repeats(targets, [quantity.text for _, quantity in found])
    _check_gap({target.property: target for target in targets})
    bare = any(quantity.numbers and quantity.unit is None for _, quantity in found)
    warnings = ["bare numbers are read as normalised values"] if normalised and bare and values == "auto" else []
    if not targets and atoms is None:
        warnings.append("nothing in the prompt was understood as a property")
    warnings += [message for target in targets if (message := _outside(target, statistics))]
    return Prompt(text, tuple(targets), atoms, tuple(unknown), tuple(warnings))


def _take_atoms(text: str) -> tuple[tuple[int, int] | None, str]:
    match = re.search(lexicon.ATOMS_PATTERN, text, re.IGNORECASE)
    if not match:
        return None, text
    low = int(match["atoms_low"][:4])
    return (low, int((match["atoms_high"] or str(low))[:4])), text[: match.start()] + text[match.end() :]


def _tokens(text: str) -> list[_Token]:
    tokens = []
    for match in _LEXER.finditer(text):
        group, piece = str(match.lastgroup), match[0]
        head, _, tail = group.partition("_")
        if head == "p":
            tokens.append(_Token("property", piece, tail))
        elif head == "a":
            tokens.append(_Token("adjective", piece, _ADJECTIVES[int(tail)]))
        elif head == "l":
            tokens.append(_Token("level", piece, tail))
        elif head == "c":
            tokens.append(_Token("compare", piece, _OPERATORS[tail]))
        elif head == "u":
            tokens.append(_Token("unit", piece, _UNITS[int(tail)]))
        else:
            tokens.append(_Token(_KINDS[head], piece))
    return tokens


def _join(tokens: list[_Token]) -> tuple[list[tuple[str, _Quantity]], list[str]]:
    """Join quantities to properties: what stands before a property and has none yet, else what comes after it."""
    found: list[tuple[str, _Quantity]] = []
    unknown: list[str] = []
    waiting: _Quantity | None = None
    open_property: _Token | None = None
    place = 0
    while place < len(tokens):
        token = tokens[place]
        quantity, taken = _quantity(tokens, place)
        if quantity is not None:
            if open_property is not None:
                found.append((open_property.meaning, quantity))
                open_property = None
            else:
                unknown += [waiting.text] if waiting else []
                waiting = quantity
            place += taken
            continue
        if token.kind == "property":
            if waiting is not None:
                found.append((token.meaning, waiting))
                waiting = None
            else:
                unknown += [open_property.text] if open_property else []
                open_property = token
        elif token.kind == "adjective":
            key, level = lexicon.ADJECTIVES[token.meaning]
            found.append((key, _Quantity(token.text, "level", level=level)))
        elif token.kind == "break":
            unknown += [waiting.text] if waiting else []
            waiting = None
        elif token.kind in ("word", "unit", "number") and token.text.lower() not in lexicon.FILLERS and _says(token):
            unknown.append(token.text)
        place += 1
    unknown += [left.text for left in (waiting, open_property) if left is not None]
    return found, unknown


def _says(token: _Token) -> bool:
    return any(character.isalnum() for character in token.text)


def _quantity(tokens: list[_Token], place: int) -> tuple[_Quantity | None, int]:
    """Read a level or number expression that begins at `place`; return it and how many tokens it takes."""
    start = place
    if tokens[place].kind == "level":
        return _Quantity(tokens[place].text, "level", level=int(tokens[place].meaning)), 1
    op: Operator = "="
    if tokens[place].kind == "compare":
        op = tokens[place].meaning  # type: ignore[assignment]
        place += 1
    first, unit, place = _number(tokens, place)
    if first is None:
        return None, 0
    joiner = tokens[place] if place < len(tokens) else None
    if joiner is not None and joiner.kind == "plusminus":
        spread, second_unit, after = _number(tokens, place + 1)
        if spread is not None:
            text = _text(tokens[start:after])
            return _Quantity(text, "between", (first - abs(spread), first + abs(spread)), unit or second_unit), after - start
    joins = joiner is not None and (
        joiner.kind == "dash" or (op == "between" and joiner.kind == "break" and joiner.text.lower() == "and")
    )
    if joins:
        second, second_unit, after = _number(tokens, place + 1)
        if second is not None:
            text = _text(tokens[start:after])
            return _Quantity(text, "between", (first, second), unit or second_unit), after - start
    return _Quantity(_text(tokens[start:place]), "=" if op == "between" else op, (first,), unit), place - start


def _number(tokens: list[_Token], place: int) -> tuple[float | None, str | None, int]:
    if place >= len(tokens) or tokens[place].kind != "number":
        return None, None, place
    value = float(tokens[place].text)
    if place + 1 < len(tokens) and tokens[place + 1].kind == "unit":
        return value, tokens[place + 1].meaning, place + 2
    return value, None, place + 1


def _text(tokens: list[_Token]) -> str:
    return " ".join(token.text for token in tokens)


def _check_units(found: list[tuple[str, _Quantity]]) -> None:
    for key, quantity in found:
        allowed = UNIT_FACTORS[BY_KEY[key].unit]
        if quantity.unit is not None and quantity.unit not in allowed:
            raise InputError(
                f"{quantity.unit} is no unit of {BY_KEY[key].name} (in {quantity.text!r})",
                f"units understood: {', '.join(allowed)}",
            )


def _reads_normalised(found: list[tuple[str, _Quantity]], statistics: Statistics, values: Values) -> bool:
    """Decide whether bare numbers are normalised: in `auto`, when one lies outside QM9's range and all fit as z."""
    if values != "auto":
        return values == "normalised"
    bare = [(key, number) for key, quantity in found if quantity.unit is None for number in quantity.numbers]
    return read_as_normalised(bare, statistics)


def read_as_normalised(bare: Iterable[tuple[str, float]], statistics: Statistics) -> bool:
    """Return whether a sentence with these bare numbers, each with its property's key, is read as normalised."""
    numbers = list(bare)
    ranges = {key: (row[0], row[-1]) for key, row in zip(KEYS, statistics.percentiles, strict=True)}
    outside = any(not ranges[key][0] <= number <= ranges[key][1] for key, number in numbers)
    return outside and all(abs(number) <= LARGEST_Z for _, number in numbers)


def _target(key: str, quantity: _Quantity, statistics: Statistics, normalised: bool) -> Target:
    unit = BY_KEY[key].unit
    if quantity.level is not None:
        return Target(key, "level", level=quantity.level, unit=unit)
    by_z = normalised and quantity.unit is None
    index = KEYS.index(key)
    numbers = [
        statistics.denormalise(index, number) if by_z else to_canonical(number, quantity.unit or unit, unit)
        for number in quantity.numbers
    ]
    target = Target(key, quantity.op, unit=unit, normalised=by_z)
    if quantity.op != "between":
        return replace(target, value=numbers[0])
    if numbers[0] > numbers[1]:
        raise InputError(f"the range of {BY_KEY[key].name} is empty: {quantity.text!r} begins above its end")
    return replace(target, low=numbers[0], high=numbers[1])


def _check_repeats(targets: list[Target], texts: list[str]) -> None:
    seen: dict[str, str] = {}
    for target, text in zip(targets, texts, strict=True):
        if target.property in seen:
            name = BY_KEY[target.property].name
            raise InputError(f"the prompt asks for {name} twice: {seen[target.property]!r} and {text!r}")
        seen[target.property] = text


def _check_gap(targets: dict[str, Target]) -> None:
    numbers = [targets[key].value if key in targets and targets[key].op == "=" else None for key in ("homo", "lumo", "gap")]
    homo, lumo, gap = numbers
    if homo is None or lumo is None or gap is None:
        return
    if abs(lumo - homo - gap) > GAP_TOLERANCE_EV:
        raise InputError(
            f"the energies contradict each other: LUMO {lumo:.2f} eV - HOMO {homo:.2f} eV is {lumo - homo:.2f} eV, "
            f"but the prompt asks for a gap of {gap:.2f} eV"
        )


def _outside(target: Target, statistics: Statistics) -> str | None:
    row = statistics.percentiles[KEYS.index(target.property)]
    numbers = [number for number in (target.value, target.low, target.high) if number is not None]
    if target.op == "between":
        missed = numbers[1] < row[0] or numbers[0] > row[-1]
    else:
        missed = any(not row[0] <= number <= row[-1] for number in numbers)
    if not missed:
        return None
    return (
        f"{BY_KEY[target.property].name} of {', '.join(f'{number:g}' for number in numbers)} {target.unit} lies outside "
        f"QM9, which holds {row[0]:.4g} to {row[-1]:.4g} {target.unit}"
    )


def describe_target(target: Target) -> str:
    """Return a target in words, for people."""
    name, unit = BY_KEY[target.property].name, target.unit
    if target.level is not None:
        return f"{LEVELS[target.level]} {name}"
    if target.op == "between":
        return f"{name} between {target.low:.4g} and {target.high:.4g} {unit}"
    return f"{name} {target.op} {target.value:.4g} {unit}"
