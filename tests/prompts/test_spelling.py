"""Typos, plurals and spellings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2d_mol.prompts import lexicon
from t2d_mol.prompts.spelling import Speller, distance
from t2d_mol.prompts.words import corrected, normal

WORDS = st.text("abcd", max_size=6)


@pytest.mark.parametrize(
    ("left", "right", "edits"),
    [
        ("", "abc", 3),
        ("dipole", "dipole", 0),
        ("dipole", "dipol", 1),
        ("dipole", "dipoel", 1),
        ("gap", "cape", 2),
        ("ab", "ba", 1),
    ],
)
def test_distance_counts_edits_and_a_swap_once(left: str, right: str, edits: int) -> None:
    assert distance(left, right) == distance(right, left) == edits


@given(left=WORDS, right=WORDS, cut=st.integers(0, 5))
def test_one_letter_left_out_is_one_edit(left: str, right: str, cut: int) -> None:
    word = left + "x" + right
    assert distance(word, left + right) == 1
    assert distance(left, right) <= max(len(left), len(right))


def test_a_typo_is_put_right_where_one_word_is_nearest() -> None:
    speller = Speller(["dipole", "polarizability", "gap", "gas"])
    assert speller("dipoel") == speller("dipolle") == speller("dpiole") == "dipole"
    assert speller("polarzabilty") == "polarizability"
    assert speller("dipole") is None
    assert speller("gaq") is None, "a word of three letters is taken as it is"
    assert speller("zipole") is None, "the first letter is trusted"
    assert speller("wonderful") is None


def test_a_word_that_is_its_own_is_left_alone() -> None:
    assert Speller(["homo"])("home") == "homo"
    assert Speller(["homo"], alike=["home"])("home") is None


@pytest.mark.parametrize("word", sorted(lexicon.ALIKE))
def test_every_word_listed_as_alike_is_left_alone_and_needs_to_be(word: str) -> None:
    assert corrected(word) is None
    known = {part for phrase in lexicon.SENSES for part in phrase}
    assert Speller(known)(word) is not None


@pytest.mark.parametrize(
    ("word", "as_known"),
    [
        ("polarisability", "polarizability"), ("Polarisabilities", "polarizability"), ("dipoles", "dipole"), ("gaps", "gap"),
        ("minimised", "minimized"), ("momnt", "moment"), ("capcity", "capacity"), ("HOMO", "homo"), ("hihg", "high"),
    ],
)  # fmt: skip
def test_words_come_in_their_known_form(word: str, as_known: str) -> None:
    assert normal(word) == as_known


def test_short_words_in_capitals_are_abbreviations() -> None:
    assert corrected("HOM") is None
    assert corrected("HMOO") == "homo"
