"""Numbers in words: 7 eV, at least 3, between 1 and 2 D, 5 to 6, 7 ± 0.5, within 0.2 eV of 7, the top 5 %."""

from dataclasses import replace
from typing import Final

from t2d_mol.errors import InputError
from t2d_mol.prompts import lexicon
from t2d_mol.prompts.quantities import DENIED, Bound, Quantity, merged
from t2d_mol.prompts.sentence import LONGEST_RUN, THINGS, Sentence
from t2d_mol.units import converted

_TURNED: Final[dict[str, Bound]] = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}
_FURTHER: Final[dict[str, Bound]] = {"lower": "<=", "smaller": "<=", "higher": ">=", "larger": ">="}
_OPPOSITE: Final = ({"<", ">"}, {"<", ">="}, {"<=", ">"}, {"<=", ">="})
_COMPARED: Final[dict[int, Bound]] = {1: "<", 3: ">"}
_TOPS: Final = frozenset(("top", "upper", "highest", "uppermost", "largest", "strongest", "biggest"))
_ORDINALS: Final = ("st", "nd", "rd", "th")
_BOTTOMS: Final = frozenset(("first", "bottom", "lower", "lowest", "lowermost", "smallest", "weakest", "least"))


def read_share(sentence: Sentence, place: int) -> tuple[Quantity | None, int]:
    """Read a share of the data: top 5 %, bottom quartile, upper half, 3rd quartile."""
    rank, after = _rank(sentence, place)
    if rank is not None:
        return rank, after
    high = sentence.word(place) in _TOPS
    if not high and sentence.word(place) not in _BOTTOMS:
        return None, place
    if sentence.kind(place + 1) == "fraction":
        share, after = lexicon.FRACTIONS[sentence[place + 1].meaning], place + 2
    else:
        number, unit, after = _number(sentence, place + 1)
        if number is None or unit not in ("%", "percentile") or not 0 < number < 100:
            return None, place
        share = number
    bound = 100 - share if high else share
    text = sentence.text(place, after)
    return Quantity("number", text, sentence[place].start, ">" if high else "<", (bound,), "percentile"), after


def _rank(sentence: Sentence, place: int) -> tuple[Quantity | None, int]:
    """The 3rd quartile."""
    ranked = sentence.kind(place) == "number" and sentence.word(place).endswith(_ORDINALS)
    if not ranked or sentence.kind(place + 1) != "fraction":
        return None, place
    share, rank = lexicon.FRACTIONS[sentence[place + 1].meaning], sentence[place].value
    if not 1 <= rank <= round(100 / share) or share == 1:
        return None, place
    ends = (share * (rank - 1), min(share * rank, 100.0))
    text = sentence.text(place, place + 2)
    return Quantity("number", text, sentence[place].start, "between", ends, "percentile"), place + 2


def read_turned(sentence: Sentence, place: int) -> tuple[Quantity | None, int]:
    """Read a number and a sign before a noun: 6 eV < gap."""
    number, unit, after = _number(sentence, place)
    if number is None or sentence.kind(after) != "compare" or not sentence[after].meaning.startswith("symbol"):
        return None, place
    if sentence.kind(after + 1) not in ("property", "count"):
        return None, place
    sign = sentence[after].meaning.removeprefix("symbol")
    if sign not in _TURNED:
        raise _left_out(sentence, place, after + 1)
    op = _TURNED[sign]
    return Quantity("number", sentence.text(place, after + 1), sentence[place].start, op, (number,), unit), after + 1


def read_number(sentence: Sentence, place: int) -> tuple[Quantity | None, int]:
    """[comparison] number [unit], ranges, ±, and two bounds of one noun."""
    first, after = _bound(sentence, place)
    if first is None:
        return None, place
    step = sentence.skip(after, "soft", "filler")
    step += sentence.kind(step) == "hard" and sentence.word(step) == "but"
    second, end = _bound(sentence, step) if first.op in DENIED else (None, after)
    if second is None or not opposite(first, second):
        return first, after
    named = sentence.kind(sentence.back(place - 1, "filler", "link")) in ("property", "count")
    if named and sentence.kind(sentence.skip(end, "filler")) in ("property", "count"):
        return first, after
    if None not in (first.unit, second.unit) and first.unit != second.unit:
        return first, after
    return merged(first, second, sentence.text(place, end)), end


def opposite(first: Quantity, second: Quantity) -> bool:
    """Return whether one quantity is a lower and the other an upper bound."""
    return {first.op, second.op} in _OPPOSITE


def read_trailing(sentence: Sentence, place: int) -> tuple[Bound | None, int]:
    """Read a bound behind what it bounds: at most, or fewer, max, and up; not one before a further number."""
    if sentence.kind(place) not in ("compare", "extreme", "soft"):
        return None, place
    ahead = sentence.skip(place + 1, "filler", "link")
    following = sentence.kind(ahead + (sentence.kind(ahead) == "compare"))
    further = sentence.word(place).startswith(("or ", "and "))
    if sentence.kind(place) == "compare" and sentence[place].meaning in ("<=", ">=") and (further or following != "number"):
        return sentence[place].meaning, place + 1  # type: ignore[return-value]
    if sentence.kind(place) == "extreme" and following not in ("number", "property", "count"):
        return (">=" if sentence[place].meaning == "low" else "<="), place + 1
    plus = sentence.word(place) == "+" and sentence.kind(place + 1) == "count"
    if plus and sentence[place].start == sentence[place - 1].start + len(sentence[place - 1].text):
        return ">=", place + 1
    return None, place


def _number(sentence: Sentence, place: int) -> tuple[float | None, str | None, int]:
    """A number with its unit; the median is the 50th percentile."""
    if sentence.kind(place) == "fraction":
        if sentence.word(place) == "median":
            return 50.0, "percentile", place + 1
        if sentence[place].meaning == "percentile" and sentence.kind(place + 1) == "number":
            return sentence[place + 1].value, "percentile", place + 2
    if sentence.kind(place) != "number":
        return None, None, place
    value, meaning, place = sentence[place].value, sentence[place].meaning, place + 1
    if meaning == "percentile":
        return value, "percentile", place
    if sentence.kind(place) == "unit":
        return value, sentence[place].meaning, place + 1
    return value, None, place


def _bound(sentence: Sentence, place: int) -> tuple[Quantity | None, int]:
    start, op = place, ""
    denied = sentence.kind(place) in ("negation", "absence")
    if denied:
        place = sentence.skip(place + 1, "filler", "link")
        named = sentence.kind(sentence.back(start - 1, "filler", "link", "compare", "range")) in THINGS
        of_noun = named and sentence.kind(start) == "absence" and sentence.kind(place) == "number"
        if sentence.kind(place) not in ("compare", "number") or of_noun:
            return None, start
    if sentence.kind(place) == "extreme":
        op = ">=" if sentence[place].meaning == "low" else "<="
        place = sentence.skip(place + 1, "link", "filler")
    elif sentence.kind(place) == "within":
        return _around(sentence, place)
    ranked = sentence.kind(place) == "fraction" and sentence[place].meaning == "percentile"
    if ranked and sentence.kind(place + 1) in ("compare", "link"):
        place = sentence.skip(place + 1, "link")
    last = place + LONGEST_RUN
    compared = sentence.kind(place) == "level" and sentence.kind(place + 1) == "number"
    if not op and compared and sentence.word(place) in lexicon.COMPARATIVES.get(level := int(sentence[place].meaning), ()):
        op, place = _COMPARED[level], place + 1
    while place < last and sentence.kind(place) == "compare":
        op = op if op not in ("", "=") else sentence[place].meaning.removeprefix("symbol")
        place = sentence.skip(place + 1, "filler", "link", "degree")
    rank, after = _rank(sentence, place)
    if rank is not None and not denied:
        above_all = rank.numbers[1] == 100 and op not in ("", "=", "between")
        point = replace(rank, op=op, numbers=rank.numbers[1:])  # type: ignore[arg-type]
        return (None, start) if above_all else (rank if op in ("", "=", "between") else point, after)
    number, unit, after = _number(sentence, place)
    if number is None:
        return None, start
    if denied or op == "!=":
        if op not in DENIED:
            raise _left_out(sentence, start, after)
        op = DENIED[op]
    numbers, found, unit, after = _extended(sentence, number, op, unit, after)
    unit = "percentile" if ranked and unit is None else unit
    return Quantity("number", sentence.text(start, after), sentence[start].start, found, numbers, unit), after


def _left_out(sentence: Sentence, start: int, end: int) -> InputError:
    place = f"{sentence.text(start, end)!r} (character {sentence[start].start + 1})"
    return InputError(f"a value cannot be left out: {place}", "ask for a bound or a range instead")


def _extended(
    sentence: Sentence, number: float, op: str, unit: str | None, place: int
) -> tuple[tuple[float, ...], Bound, str | None, int]:
    """What may follow a number: the other end of a range, a spread, or "or more"."""
    kind, word = sentence.kind(place), sentence.word(place)
    if kind in ("plusminus", "within"):
        spread, spread_unit, after = _number(sentence, place + 1)
        if spread is not None:
            ends = _spread(number, unit, spread, spread_unit, sentence.text(place, after))
            return ends, "between", unit or (None if spread_unit == "%" else spread_unit), after
    joins = kind == "range" or (op == "between" and kind == "soft") or word == "up to"
    joins = joins or (word == "or" and not op and sentence.kind(place + 1) == "number")
    if joins:
        second, second_unit, after = _number(sentence, sentence.skip(place + 1, "filler"))
        if second is not None and unit is not None and second_unit is not None:
            second = converted(second, second_unit, unit)
        if second is not None:
            return (number, second), "between", unit or second_unit, after
    further = word == "and" and sentence.word(place + 1) in _FURTHER and op in ("", "=")
    if further and sentence.kind(place + 2) not in ("property", "count", "level", "degree", "compare", "number"):
        return (number,), _FURTHER[sentence.word(place + 1)], unit, place + 2
    if kind == "compare" and word.split()[0] in ("or", "and") and op in ("", "="):
        return (number,), sentence[place].meaning, unit, place + 1  # type: ignore[return-value]
    if op in ("", "=") and (trailing := read_trailing(sentence, place))[0] is not None:
        return (number,), trailing[0], unit, trailing[1]
    plain: Bound = "=" if op in ("", "between") else op  # type: ignore[assignment]
    return (number,), plain, unit, place


def _around(sentence: Sentence, place: int) -> tuple[Quantity | None, int]:
    """Within 0.2 eV of 7 eV; within 5 and 6 eV."""
    spread, unit, after = _number(sentence, place + 1)
    if spread is None:
        return None, place
    number, number_unit, end = _number(sentence, sentence.skip(after, "filler", "link", "degree"))
    if number is not None and sentence.kind(after) == "link":
        ends = _spread(number, number_unit, spread, unit, sentence.text(place, after))
        shared = number_unit or (None if unit == "%" else unit)
        return Quantity("number", sentence.text(place, end), sentence[place].start, "between", ends, shared), end
    numbers, op, unit, end = _extended(sentence, spread, "between", unit, after)
    if op != "between":
        return None, place
    return Quantity("number", sentence.text(place, end), sentence[place].start, op, numbers, unit), end


def _spread(number: float, unit: str | None, spread: float, spread_unit: str | None, words: str) -> tuple[float, float]:
    """Return the ends of a number with a spread, which may be in per cent of it or in another unit."""
    width: float | None = spread
    if spread_unit == "%":
        width = number * spread / 100
    elif unit is not None and spread_unit is not None:
        width = converted(spread, spread_unit, unit)
    if width is None:
        raise InputError(f"a number in {unit} cannot vary by one in {spread_unit} ({words!r})")
    return number - abs(width), number + abs(width)
