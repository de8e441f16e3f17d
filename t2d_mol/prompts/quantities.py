"""From tokens to items: nouns that can be asked for, and what is asked of them: levels, numbers, ranges, absence."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from t2d_mol.molecule import Operator
from t2d_mol.prompts import lexicon
from t2d_mol.prompts.lexer import Token
from t2d_mol.properties import LEVELS

Ask = Literal["level", "number", "none", "only"]
Bound = Literal["=", "<", "<=", ">", ">=", "between"]


@dataclass(frozen=True)
class Noun:
    """What a sentence can speak of: a property, a count such as rings or an element, or a flag such as aromatic."""

    kind: Literal["property", "count", "flag"]
    name: str
    text: str
    start: int


@dataclass(frozen=True)
class Quantity:
    """What is asked of a noun.

    Attributes:
        ask: levels, numbers, absence, or nothing but.
        text, start: where it stands.
        op: of numbers.
        numbers: one, or two for `between`.
        unit: of the numbers, as written; None if they are bare.
        levels: for levels, which of them.
        bound: whether it makes the number behind its noun a bound, as in "maximum dipole 2 D".
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
        linked: whether "of", "=", ":" or the like stands between.
        turned: a bound written before its noun, as in 1 < mu.
    """

    noun: Noun | None = None
    quantity: Quantity | None = None
    distance: float = 0.0
    coordinated: bool = False
    linked: bool = False
    turned: bool = False


@dataclass
class Reading:
    """All items of a sentence, and the words that are part of none."""

    items: list[Item] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


SOFT, HARD, STRANGER = 1.0, 3.5, 0.5
"""Costs of what can stand between a quantity and its noun: a comma or "and", the end of a clause, an unknown word."""

ALL_LEVELS: Final = frozenset(range(len(LEVELS)))
_TURNED: Final[dict[str, Bound]] = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}
_TOPS: Final = {"top": True, "upper": True, "highest": True, "uppermost": True, "largest": True, "strongest": True,
                "biggest": True, "bottom": False, "lower": False, "lowest": False, "lowermost": False, "smallest": False,
                "weakest": False, "least": False}  # fmt: skip
_BOUND_OF: Final[dict[str, Bound]] = {"low": ">=", "high": "<="}
_DENIED: Final[dict[str, Bound]] = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_SKIPPED: Final = ("filler", "link", "degree")


def read_items(tokens: Sequence[Token]) -> Reading:
    """Find the items of a sentence."""
    return _Reader(tokens).read()


class _Reader:
    """Goes through the tokens once; a method `_x(place)` returns what begins there and the place behind it."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = [
            _settled(before, token, after)
            for before, token, after in zip([None, *tokens[:-1]], tokens, [*tokens[1:], None], strict=True)
        ]
        self.result = Reading()

    def read(self) -> Reading:
        place, between = 0, list[Token]()
        while place < len(self.tokens):
            item, after = self._item(place)
            if item is None:
                between.append(self.tokens[place])
                place += 1
                continue
            self._unknown(between)
            self.result.items.append(self._placed(item, between))
            place, between = after, []
        self._unknown(between)
        return self.result

    def _item(self, place: int) -> tuple[Item | None, int]:
        for method in (self._adjective, self._turned, self._quantity_item, self._noun):
            item, after = method(place)
            if item is not None:
                return item, after
        return None, place

    def _placed(self, item: Item, between: list[Token]) -> Item:
        kinds = [token.kind for token in between]
        cost = HARD * ("hard" in kinds) + SOFT * ("soft" in kinds) + min(STRANGER * kinds.count("word"), 2.0)
        quiet = all(kind in ("soft", "filler", "negation", "range", "degree") for kind in kinds)
        linked = any(kind in ("link", "compare") for kind in kinds)
        return replace(item, distance=cost, coordinated=quiet and ("soft" in kinds or "range" in kinds), linked=linked)

    def _unknown(self, between: list[Token]) -> None:
        """Keep the words that are part of nothing, a negation with the word it negates."""
        denied = ""
        for token in between:
            if token.kind in ("negation", "absence") and token.text.lower() != "free":
                denied = token.text + " "
            elif token.kind in ("word", "unit") and any(map(str.isalnum, token.text)):
                self.result.unknown.append(denied + token.text)
                denied = ""
            elif token.kind not in ("filler", "degree"):
                denied = ""

    def _kind(self, place: int) -> str:
        return self.tokens[place].kind if place < len(self.tokens) else ""

    def _skip(self, place: int, *kinds: str) -> int:
        while self._kind(place) in kinds:
            place += 1
        return place

    def _text(self, start: int, end: int) -> str:
        return " ".join(token.text for token in self.tokens[start:end])

    def _noun(self, place: int) -> tuple[Item | None, int]:
        token = self.tokens[place]
        if token.kind not in ("property", "count", "flag"):
            return None, place
        return Item(Noun(token.kind, token.meaning, token.text, token.start)), place + 1

    def _adjective(self, place: int) -> tuple[Item | None, int]:
        """[not] [degree] polar: a property and its level at once."""
        start, negated = place, self._kind(place) in ("negation", "absence")
        place = self._skip(place + negated, "filler") if negated else place
        place, degree = self._degree(place)
        if self._kind(place) != "adjective":
            return None, start
        token = self.tokens[place]
        key, level = lexicon.ADJECTIVES[token.meaning]
        levels = frozenset([_pushed(level, degree)])
        text = self._text(start, place + 1)
        quantity = Quantity("level", text, token.start, levels=_denied(levels) if negated else levels)
        return Item(Noun("property", key, token.text, token.start), quantity), place + 1

    def _turned(self, place: int) -> tuple[Item | None, int]:
        """A number, a sign and then the noun: 6 eV < gap."""
        number, unit, after = self._number(place)
        if number is None or self._kind(after) != "compare" or not self.tokens[after].meaning.startswith("symbol"):
            return None, place
        if self._kind(after + 1) not in ("property", "count"):
            return None, place
        op = _TURNED[self.tokens[after].meaning.removeprefix("symbol")]
        quantity = Quantity("number", self._text(place, after + 1), self.tokens[place].start, op, (number,), unit)
        return Item(quantity=quantity, turned=True), after + 1

    def _quantity_item(self, place: int) -> tuple[Item | None, int]:
        for method in (self._share, self._bounded, self._leveled, self._absence):
            quantity, after = method(place)
            if quantity is not None:
                return Item(quantity=quantity), after
        return None, place

    def _absence(self, place: int) -> tuple[Quantity | None, int]:
        """No, without, not before a noun; only, nothing but."""
        token = self.tokens[place]
        if token.kind == "only":
            return Quantity("only", token.text, token.start), place + 1
        after = self._skip(place + 1, "filler", "degree", "link")
        if token.kind == "absence" or (token.kind == "negation" and self._kind(after) in ("property", "count", "flag")):
            return Quantity("none", token.text, token.start), place + 1
        return None, place

    def _degree(self, place: int) -> tuple[int, str]:
        degree = ""
        while self._kind(place) == "degree":
            token = self.tokens[place]
            degree = token.meaning if degree != "strong" else degree
            place += 1
        return place, degree

    def _leveled(self, place: int) -> tuple[Quantity | None, int]:
        """[not] level [to|or level], [neither] level nor level."""
        start = place
        negated = self._kind(place) in ("negation", "absence")
        levels, place = self._level(self._skip(place + 1, "filler", "link") if negated else place)
        if levels is None:
            return None, start
        extreme = self.tokens[place - 1].meaning if self._kind(place - 1) == "extreme" and place - 1 == start else None
        if negated:
            levels = _denied(levels)
        while True:
            joint = self._kind(place)
            ahead = place + 1 + (self._kind(place + 1) == "negation" and joint == "soft")
            denies = joint == "negation" or ahead == place + 2
            if not denies and not (joint == "range" or (joint == "soft" and self.tokens[place].text in ("or", "/"))):
                break
            other, after = self._level(ahead)
            if other is None or (not negated and denies):
                break
            if negated:
                levels = levels & _denied(other)
            else:
                both = levels | other
                levels = frozenset(range(min(both), max(both) + 1))
            place = after
        if not levels or levels == ALL_LEVELS or len(levels) != max(levels) - min(levels) + 1:
            return None, start
        bound = _BOUND_OF.get(extreme or "")
        return Quantity("level", self._text(start, place), self.tokens[start].start, levels=levels, bound=bound), place

    def _level(self, place: int) -> tuple[frozenset[int] | None, int]:
        start = place
        place, degree = self._degree(place)
        kind = self._kind(place)
        if kind == "extreme":
            return frozenset([0 if self.tokens[place].meaning == "low" else 4]), place + 1
        if kind != "level":
            little = place > start and self.tokens[place - 1].text.lower() == "a little"
            return (frozenset([1]), place) if little else (None, start)
        return frozenset([_pushed(int(self.tokens[place].meaning), degree)]), place + 1

    def _share(self, place: int) -> tuple[Quantity | None, int]:
        """A share of the data: top 5 %, bottom quartile, upper half."""
        high = _TOPS.get(self.tokens[place].text.lower())
        if high is None:
            return None, place
        share, after = self._fraction(place + 1)
        if share is None:
            number, unit, after = self._number(place + 1)
            if number is None or unit not in ("%", "percentile") or not 0 < number < 100:
                return None, place
            share = number
        bound = 100 - share if high else share
        text = self._text(place, after)
        return Quantity("number", text, self.tokens[place].start, ">" if high else "<", (bound,), "percentile"), after

    def _fraction(self, place: int) -> tuple[float | None, int]:
        if self._kind(place) != "fraction":
            return None, place
        return lexicon.FRACTIONS[self.tokens[place].meaning], place + 1

    def _number(self, place: int) -> tuple[float | None, str | None, int]:
        """A number with its unit; the median is the 50th percentile."""
        if self._kind(place) == "fraction":
            token = self.tokens[place]
            if token.text.lower() == "median":
                return 50.0, "percentile", place + 1
            if token.meaning == "percentile" and self._kind(place + 1) == "number":
                return self.tokens[place + 1].value, "percentile", place + 2
        if self._kind(place) != "number":
            return None, None, place
        value, meaning, place = self.tokens[place].value, self.tokens[place].meaning, place + 1
        if meaning == "percentile":
            return value, "percentile", place
        behind = place + (self._kind(place) == "filler" and self.tokens[place].text.lower() == "in")
        if self._kind(behind) == "unit":
            return value, self.tokens[behind].meaning, behind + 1
        return value, None, place

    def _bounded(self, place: int) -> tuple[Quantity | None, int]:
        """[comparison] number [unit], ranges, ±, and two bounds of one noun."""
        first, after = self._bound(place)
        if first is None:
            return None, place
        step = self._skip(after, "soft", "filler")
        if self._kind(step) == "hard" and self.tokens[step].text.lower() == "but":
            step += 1
        second, end = self._bound(step) if first.op in _TURNED and first.op != "=" else (None, after)
        opposite = second is not None and second.op in _TURNED and second.op != "=" and second.op[0] != first.op[0]
        if second is None or not opposite or self._kind(self._skip(end, "filler")) in ("property", "count"):
            return first, after
        if None not in (first.unit, second.unit) and first.unit != second.unit:
            return first, after
        return merged(first, second, self._text(place, end)), end

    def _bound(self, place: int) -> tuple[Quantity | None, int]:
        start, op = place, None
        denied = self._kind(place) == "negation"
        if denied:
            place = self._skip(place + 1, "filler", "link")
            if self._kind(place) != "compare":
                return None, start
        if self._kind(place) == "extreme":
            op = ">=" if self.tokens[place].meaning == "low" else "<="
            place = self._skip(place + 1, "link", "filler")
        elif self._kind(place) == "within":
            return self._around(place)
        while self._kind(place) == "compare":
            op = op if op not in (None, "=") else self.tokens[place].meaning.removeprefix("symbol")
            place = self._skip(place + 1, "filler", "link", "degree")
        number, unit, after = self._number(place)
        if number is None or (op is not None and self._kind(start) == "link"):
            return None, start
        if denied:
            op = _DENIED.get(op or "", op)
        numbers, op, unit, after = self._extended(number, op, unit, after)
        quantity = Quantity("number", self._text(start, after), self.tokens[start].start, op, numbers, unit)
        return quantity, after

    def _extended(
        self, number: float, op: str | None, unit: str | None, place: int
    ) -> tuple[tuple[float, ...], Bound, str | None, int]:
        """What may follow a number: the other end of a range, a spread, or "or more"."""
        kind, text = self._kind(place), self.tokens[place].text.lower() if place < len(self.tokens) else ""
        if kind in ("plusminus", "within"):
            spread, spread_unit, after = self._number(place + 1)
            if spread is not None:
                spread = abs(number) * spread / 100 if spread_unit == "%" else abs(spread)
                unit = unit or (None if spread_unit == "%" else spread_unit)
                return (number - spread, number + spread), "between", unit, after
        joins = kind == "range" or (op == "between" and kind == "soft") or text == "up to"
        joins = joins or (kind == "soft" and text == "or" and op is None and self._kind(place + 1) == "number")
        if joins:
            ahead = self._skip(place + 1, "filler")
            second, second_unit, after = self._number(ahead)
            if second is not None and (unit is None or second_unit is None or unit == second_unit):
                return (number, second), "between", unit or second_unit, after
        if kind == "compare" and text.split()[0] in ("or", "and") and op in (None, "="):
            return (number,), self.tokens[place].meaning, unit, place + 1  # type: ignore[return-value]
        plain: Bound = "=" if op in (None, "between") else op  # type: ignore[assignment]
        return (number,), plain, unit, place

    def _around(self, place: int) -> tuple[Quantity | None, int]:
        """Within 0.2 eV of 7 eV; within 5 and 6 eV."""
        spread, unit, after = self._number(place + 1)
        if spread is None:
            return None, place
        number, number_unit, end = self._number(self._skip(after, *_SKIPPED))
        if number is not None and self._kind(after) == "link":
            width = abs(number) * spread / 100 if unit == "%" else spread
            shared = number_unit or (None if unit == "%" else unit)
            text = self._text(place, end)
            return Quantity(
                "number", text, self.tokens[place].start, "between", (number - width, number + width), shared
            ), end
        numbers, op, unit, end = self._extended(spread, "between", unit, after)
        if op != "between":
            return None, place
        return Quantity("number", self._text(place, end), self.tokens[place].start, op, numbers, unit), end


def _settled(before: Token | None, token: Token, after: Token | None) -> Token:
    """Return a token whose kind depends on its neighbours as what it is here: a word without meaning, or itself.

    "Molecules" mean nothing where no number says how many, "one" where nothing is counted, a temperature everywhere.
    """
    uncounted = token.meaning == "molecules" and (before is None or before.kind != "number")
    counted = (after is not None and after.kind in ("count", "unit", "range", "soft")) or (after and after.kind == "flag")
    idle = token.kind == "number" and token.text.lower() in ("one", "single") and not counted
    warm = token.kind == "number" and after is not None and after.kind == "unit" and after.meaning == "K"
    temperature = token.kind == "unit" and token.meaning == "K"
    return replace(token, kind="filler") if uncounted or idle or warm or temperature else token


def merged(first: Quantity, second: Quantity, text: str) -> Quantity:
    """Return the range that two opposite bounds of one noun make."""
    low, high = (first, second) if first.op[0] == ">" else (second, first)
    strict = (low.op == ">", high.op == "<")
    unit = first.unit or second.unit
    return Quantity("number", text, first.start, "between", low.numbers + high.numbers, unit, strict=strict)


def _pushed(level: int, degree: str) -> int:
    return {1: 0, 3: 4}.get(level, level) if degree == "strong" else level


def _denied(levels: frozenset[int]) -> frozenset[int]:
    """Return the levels that remain when some are denied: those below a high one, those above a low one."""
    if min(levels) > len(LEVELS) // 2:
        return frozenset(range(min(levels)))
    if max(levels) < len(LEVELS) // 2:
        return frozenset(range(max(levels) + 1, len(LEVELS)))
    return ALL_LEVELS - levels


def level_operator(levels: frozenset[int]) -> tuple[Operator, tuple[float, ...]]:
    """Return how a run of levels is asked for: as one level, or by the percentiles that bound it."""
    low, high = min(levels), max(levels)
    if low == high:
        return "level", ()
    if low == 0:
        return "<", (20.0 * (high + 1),)
    if high == len(LEVELS) - 1:
        return ">", (20.0 * low,)
    return "between", (20.0 * low, 20.0 * (high + 1))
