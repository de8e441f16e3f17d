"""From tokens to items: what a sentence speaks of, what it asks, and the words that are part of neither."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from t2d_mol.prompts import lexicon
from t2d_mol.prompts.levels import read_adjective, read_level
from t2d_mol.prompts.lexer import Token
from t2d_mol.prompts.numbers import read_number, read_share, read_trailing, read_turned
from t2d_mol.prompts.quantities import Bound, Item, Noun, Quantity, Reading
from t2d_mol.prompts.sentence import THINGS, Sentence

SOFT, HARD, STRANGER = 1.0, 3.5, 0.5
"""Costs of what can stand between a quantity and its noun: a comma or "and", the end of a clause, an unknown word."""

STRANGEST = 2.0
"""The most that unknown words cost together."""

HAVING: Final = frozenset((
    "contain", "contains", "containing", "contained", "include", "includes", "including", "included", "bearing", "bears",
    "use", "uses",
))  # fmt: skip
"""Words that begin a wish of their own: what stands behind them is not denied with what stands before."""


def read_items(tokens: Sequence[Token]) -> Reading:
    """Find the items of a sentence."""
    sentence, reading = Sentence(tokens), Reading()
    place, between = 0, list[Token]()
    while place < len(sentence):
        bound, after = read_trailing(sentence, place)
        if bound is not None and not between and _bounded(reading.items, bound):
            place = after
            continue
        after = _undecided(sentence, place)
        if after > place:
            reading.unknown += [*_unknown(between), sentence.text(place, after)]
            place, between = after, []
            continue
        item, after = _item(sentence, place)
        if item is None:
            between.append(sentence[place])
            place += 1
            continue
        reading.unknown += _unknown(between)
        shares = not between or not _begins(item, between, reading.items[-1:], sentence, after)
        reading.items.append(_placed(item, between, shares))
        place, between = after, []
    reading.unknown += _unknown(between)
    return reading


def _bounded(items: list[Item], bound: Bound) -> bool:
    """Make the number before the last noun that bound, as in "12 atoms or fewer"; return whether there is one."""
    if len(items) < 2 or items[-1].noun is None or items[-1].distance:
        return False
    quantity = items[-2].quantity
    if items[-2].noun is not None or quantity is None or quantity.ask != "number" or quantity.op != "=":
        return False
    open_before = any(item.noun is not None and item.quantity is None for item in items[-3:-2])
    if items[-1].noun.kind == "property" and open_before:
        return False
    items[-2] = replace(items[-2], quantity=replace(quantity, op=bound))
    return True


def _item(sentence: Sentence, place: int) -> tuple[Item | None, int]:
    adjective, after = read_adjective(sentence, place)
    if adjective is not None:
        return Item(*adjective), after
    turned, after = read_turned(sentence, place)
    if turned is not None:
        return Item(quantity=turned, turned=True), after
    for read in (read_share, read_number, read_level, _read_absence):
        quantity, after = read(sentence, place)
        if quantity is not None:
            return Item(quantity=quantity), after
    token = sentence[place]
    if token.kind not in THINGS:
        return None, place
    noun = Noun(token.kind, token.meaning, token.text, token.start, token.unit or None)
    return Item(noun), place + 1


def _read_absence(sentence: Sentence, place: int) -> tuple[Quantity | None, int]:
    """No, without, not before a noun, none or free behind it; only, nothing but."""
    token = sentence[place]
    if token.kind == "only":
        return Quantity("only", token.text, token.start), place + 1
    if token.kind not in ("absence", "negation"):
        return None, place
    strangers = ("word",) if token.kind == "absence" else ()
    before = sentence.kind(sentence.skip(place + 1, "filler", "degree", "link", *strangers)) in THINGS
    last = sentence.back(place - 1, "filler", "link", "range")
    last = sentence.back(last - 1, "filler") if last >= 0 and sentence[last].meaning == "symbol=" else last
    behind = token.kind == "absence" and sentence.kind(last) in THINGS
    behind = behind and not (sentence.kind(last) == "property" and token.text.lower() in ("none", "false"))
    return (Quantity("none", token.text, token.start), place + 1) if before or behind else (None, place)


def _undecided(sentence: Sentence, place: int) -> int:
    """Return the place behind what is said to be left open, such as "with or without rings"; this place where nothing is."""
    if sentence[place].meaning != "undecided":
        return place
    thing = sentence.skip(place + 1, "filler", "degree", "link")
    return thing + 1 if sentence.kind(thing) in (*THINGS, "adjective", "level") else place


def _begins(item: Item, between: list[Token], before: Sequence[Item], sentence: Sentence, after: int) -> bool:
    """Return whether a wish of its own begins with an item: "no fluorine, contains nitrogen", "no nitrogen, fluorinated"."""
    texts = [token.text.lower() for token in between]
    pause = max((place for place, token in enumerate(between) if token.kind == "soft"), default=-1)
    either = "or" in texts or "/" in texts
    listed = any(other.noun is not None and other.noun.text.lower() in lexicon.BEARING for other in before)
    bearing = item.noun is not None and item.noun.text.lower() in lexicon.BEARING and not (either or listed)
    anew = pause >= 0 and texts[pause] != "or" and not HAVING.isdisjoint(texts[pause + 1 :])
    alike = sentence.word(sentence.skip(after, "range")) in HAVING
    return bearing or anew or (not alike and not HAVING.isdisjoint(texts[: max(pause, 0)]))


def _placed(item: Item, between: list[Token], shares: bool) -> Item:
    """Return an item with what stands between it and the one before, and whether the two may share a quantity."""
    kinds = [token.kind for token in between]
    cost = HARD * ("hard" in kinds) + SOFT * ("soft" in kinds) + min(STRANGER * kinds.count("word"), STRANGEST)
    quiet = all(kind in ("soft", "filler", "negation", "range", "degree") for kind in kinds)
    texts = [token.text.lower() for token in between]
    choice = "or" in texts
    either = choice or "/" in texts
    coordinated = quiet and shares and ("soft" in kinds or "range" in kinds)
    linked = any(kind in ("link", "compare") for kind in kinds)
    return replace(item, distance=cost, coordinated=coordinated, either=either, choice=choice, linked=linked)


def _bounds(token: Token) -> bool:
    """Return whether a token is a bound or a spread, which mean nothing without a number."""
    return token.kind == "plusminus" or (token.kind == "compare" and token.meaning in ("<", "<=", ">", ">=", "!="))


def _unknown(between: list[Token]) -> list[str]:
    """Return the words that are part of nothing, a negation with the word it negates."""
    found, denied = [], ""
    for token in between:
        if token.kind in ("negation", "absence") and token.text.lower() != "free":
            denied = token.text + " "
        elif (token.kind in ("word", "unit") or _bounds(token)) and any(map(str.isalnum, token.text)):
            found.append(denied + token.text)
            denied = ""
        elif token.kind not in ("filler", "degree"):
            found += [denied.strip()] if denied else []
            denied = ""
    return found + ([denied.strip()] if denied else [])
