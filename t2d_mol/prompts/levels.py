"""Levels in words: high, not very low, neither low nor high, medium to high, highly polar."""

from typing import Final

from t2d_mol.molecule import Operator
from t2d_mol.prompts import lexicon
from t2d_mol.prompts.quantities import Bound, Noun, Quantity
from t2d_mol.prompts.sentence import LONGEST_RUN, Sentence
from t2d_mol.properties import LEVELS

ALL_LEVELS: Final = frozenset(range(len(LEVELS)))
_MIDDLE: Final = len(LEVELS) // 2
_LOWEST, _HIGHEST = 0, len(LEVELS) - 1
_BOUND_OF: Final[dict[str, Bound]] = {"low": ">=", "high": "<="}


def read_adjective(sentence: Sentence, place: int) -> tuple[tuple[Noun, Quantity] | None, int]:
    """[not] [degree] polar: a property and its level at once."""
    start, negated = place, sentence.kind(place) in ("negation", "absence")
    place = sentence.skip(place + negated, "filler") if negated else place
    place, degree = _degree(sentence, place)
    if sentence.kind(place) != "adjective":
        return None, start
    token = sentence[place]
    key, level = lexicon.ADJECTIVES[token.meaning]
    faint = level == 3 and place > start and sentence.word(place - 1) in lexicon.FAINT
    levels = frozenset([1 if faint else _pushed(level, degree)])
    text = sentence.text(start, place + 1)
    quantity = Quantity("level", text, token.start, levels=_denied(levels) if negated else levels)
    return (Noun("property", key, token.text, token.start), quantity), place + 1


def read_level(sentence: Sentence, place: int) -> tuple[Quantity | None, int]:
    """[not] level [to|or level], [neither] level nor level."""
    start = place
    negated = sentence.kind(place) in ("negation", "absence")
    levels, place = _level(sentence, sentence.skip(place + 1, "filler", "link") if negated else place)
    if levels is None:
        return None, start
    extreme = sentence[start].meaning if sentence.kind(start) == "extreme" and place == start + 1 else ""
    levels = _denied(levels) if negated else levels
    listed = _is_listed(sentence, start)
    while levels and levels != ALL_LEVELS:
        joint = sentence.kind(place)
        ahead = place + 1 + (sentence.kind(place + 1) == "negation" and joint == "soft")
        denies = joint == "negation" or ahead == place + 2
        either = joint == "soft" and (sentence[place].text == "or" or (sentence[place].text == "/" and not listed))
        if not (denies or either or joint == "range"):
            break
        other, after = _level(sentence, ahead)
        if other is None or (not negated and denies):
            break
        both = levels & _denied(other) if negated else levels | other
        levels, place = both if negated else frozenset(range(min(both), max(both) + 1)), after
    if not levels or levels == ALL_LEVELS or len(levels) != max(levels) - min(levels) + 1:
        return None, start
    bound = _BOUND_OF.get(extreme)
    return Quantity("level", sentence.text(start, place), sentence[start].start, levels=levels, bound=bound), place


def _is_listed(sentence: Sentence, place: int) -> bool:
    """Return whether properties with slashes between them stand before, each of which has a level of its own."""
    noun = sentence.back(place - 1, "filler", "link", "compare")
    return sentence.kind(noun) == "property" and noun > 0 and sentence.word(noun - 1) == "/"


def level_operator(levels: frozenset[int]) -> tuple[Operator, tuple[float, ...]]:
    """Return how a run of levels is asked for: as one level, or by the percentiles that bound it."""
    low, high = min(levels), max(levels)
    share = 100 / len(LEVELS)
    if low == high:
        return "level", ()
    if low == _LOWEST:
        return "<", (share * (high + 1),)
    if high == _HIGHEST:
        return ">", (share * low,)
    return "between", (share * low, share * (high + 1))


def _level(sentence: Sentence, place: int) -> tuple[frozenset[int] | None, int]:
    start = place
    place, degree = _degree(sentence, place)
    kind = sentence.kind(place)
    if kind == "extreme":
        return frozenset([_LOWEST if sentence[place].meaning == "low" else _HIGHEST]), place + 1
    if kind != "level":
        little = place > start and sentence.word(place - 1) == "a little"
        return (frozenset([1]), place) if little else (None, start)
    return frozenset([_pushed(int(sentence[place].meaning), degree)]), place + 1


def _degree(sentence: Sentence, place: int) -> tuple[int, str]:
    degree, last = "", place + LONGEST_RUN
    while place < last and sentence.kind(place) == "degree":
        degree = sentence[place].meaning if degree != "strong" else degree
        place += 1
    return place, degree


def _pushed(level: int, degree: str) -> int:
    return {1: _LOWEST, 3: _HIGHEST}.get(level, level) if degree == "strong" else level


def _denied(levels: frozenset[int]) -> frozenset[int]:
    """Return the levels that remain when some are denied: those below a high one, those above a low one."""
    if min(levels) > _MIDDLE:
        return frozenset(range(min(levels)))
    if max(levels) < _MIDDLE:
        return frozenset(range(max(levels) + 1, len(LEVELS)))
    return ALL_LEVELS - levels
