"""Levels, numbers and what else a sentence asks, found among its tokens."""

import pytest

from t2d_mol.prompts.items import read_items
from t2d_mol.prompts.levels import level_operator
from t2d_mol.prompts.lexer import tokens
from t2d_mol.prompts.quantities import Item, Quantity


def items(text: str) -> list[Item]:
    return read_items(tokens(text)).items


def quantity(text: str) -> Quantity:
    (found,) = [item.quantity for item in items(text) if item.quantity is not None]
    return found


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("low", {1}), ("tiny", {0}), ("very low", {0}), ("extremely high", {4}), ("fairly high", {3}),
        ("rather low", {1}),
        ("average", {2}), ("very very high", {4}), ("really quite huge", {4}), ("very " * 30 + "high", {4}),
        ("not high", {0, 1, 2}), ("not very high", {0, 1, 2, 3}), ("not low", {2, 3, 4}), ("neither low nor high", {2}),
        ("not low and not high", {2}), ("medium to high", {2, 3}), ("high or very high", {3, 4}),
        ("low to medium", {1, 2}),
        ("maximal", {4}), ("minimum", {0}), ("a little", {1}), ("as low as possible", {0}), ("above average", {3}),
    ],
)  # fmt: skip
def test_levels_are_read(text: str, levels: set[int]) -> None:
    assert quantity(text).levels == levels


@pytest.mark.parametrize("text", ["very low or very high", "neither very low, nor low nor medium nor high nor very high"])
def test_levels_that_say_nothing_are_no_wish(text: str) -> None:
    assert all(item.quantity is None or item.quantity.levels != set(range(5)) for item in items(text))


@pytest.mark.parametrize(
    ("levels", "operator"),
    [({2}, ("level", ())), ({0, 1}, ("<", (40.0,))), ({3, 4}, (">", (60.0,))), ({1, 2}, ("between", (20.0, 60.0)))],
)
def test_a_run_of_levels_is_bounded_by_percentiles(levels: set[int], operator: object) -> None:
    assert level_operator(frozenset(levels)) == operator


@pytest.mark.parametrize(
    ("text", "op", "numbers", "unit"),
    [
        ("7 eV", "=", (7,), "eV"), ("about 7", "=", (7,), None),
        ("at least 3 D", ">=", (3,), "D"), ("no less than 3", ">=", (3,), None), ("3 D or more", ">=", (3,), "D"),
        ("at most 3", "<=", (3,), None), ("not above 3", "<=", (3,), None), ("maximum of 3 D", "<=", (3,), "D"),
        ("below 3", "<", (3,), None), ("not below 3", ">=", (3,), None), ("≥ 3", ">=", (3,), None), ("> 3",
        ">", (3,), None),
        ("between 1 and 2 D", "between", (1, 2), "D"), ("from 1 to 2", "between", (1, 2), None), ("1-2 D",
        "between", (1, 2), "D"),
        ("1 … 2", "between", (1, 2), None), ("1 D to 2 D", "between", (1, 2), "D"), ("in [1, 2]",
        "between", (1, 2), None),
        ("7 ± 0.5 eV", "between", (6.5, 7.5), "eV"), ("7 +/- 0.5", "between", (6.5, 7.5), None), ("7 eV ± 10 %",
        "between", (6.3, 7.7), "eV"),
        ("-6 eV ± 10 %", "between", (-6.6, -5.4), "eV"), ("7 give or take 1", "between", (6, 8), None),
        ("within 0.5 eV of 7 eV", "between", (6.5, 7.5), "eV"), ("within 10% of 7", "between", (6.3, 7.7), None),
        ("over 6 and under 8 eV", "between", (6, 8), "eV"), ("more than 6 but less than 8", "between", (6, 8), None),
        ("7 or 8 eV", "between", (7, 8), "eV"), ("about " * 30 + "7", "=", (7,), None),
        ("top 5%", ">", (95,), "percentile"), ("bottom quartile", "<", (25,), "percentile"), ("upper half",
        ">", (50,), "percentile"),
        ("median", "=", (50,), "percentile"), ("90th percentile", "=", (90,), "percentile"), ("p90",
        "=", (90,), "percentile"),
        ("above the 80th percentile", ">", (80,), "percentile"),
    ],
)  # fmt: skip
def test_numbers_are_read(text: str, op: str, numbers: tuple[float, ...], unit: str | None) -> None:
    found = quantity(text)
    assert (found.op, found.unit) == (op, unit)
    assert found.numbers == pytest.approx(numbers)


def test_a_temperature_is_no_wish() -> None:
    assert [item.noun.name for item in items("heat capacity at 298.15 K") if item.noun] == ["cv"]
    assert not [item for item in items("heat capacity at 298.15 K") if item.quantity]


def test_adjectives_are_noun_and_quantity_at_once() -> None:
    (item,) = items("highly polar")
    assert item.noun is not None
    assert item.quantity is not None
    assert (item.noun.name, item.quantity.levels) == ("mu", {4})
    (item,) = items("not very polar")
    assert item.quantity is not None
    assert item.quantity.levels == {0, 1, 2, 3}


def test_what_stands_between_items_is_kept() -> None:
    first, second, third = items("gap of 7 eV; low")
    assert (first.linked, second.linked, second.distance) == (False, True, 0.0)
    assert third.distance > 3
    assert [item.either for item in items("nitrogen or oxygen, fluorine")] == [False, True, False]
    assert [item.coordinated for item in items("nitrogen or oxygen with fluorine")] == [False, True, False]


def test_unknown_words_keep_their_negation() -> None:
    assert read_items(tokens("sweet, not toxic, no bitter taste, with a low gap and zing")).unknown == [
        "sweet", "not toxic", "no bitter", "taste", "zing",
    ]  # fmt: skip


def test_no_tokens_are_no_items() -> None:
    assert items("") == items("((( ° )))") == []
