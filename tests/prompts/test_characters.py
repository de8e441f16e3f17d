"""Plain characters, and where they stand in the sentence as it was written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2d_mol.prompts.characters import plain


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("−6.5", "-6.5"), ("HOMO–LUMO", "HOMO-LUMO"), ("Å³", "Å^3"), ("10⁻³⁰", "10^-30"), ("A\u030a", "Å"), ("ﬁve", "five"),
        ("a  \t b", "a b"), ("a \n\n b", "a\nb"), ("minus 5", "-5"), ("don’t", "don't"), ("56\u202f000", "56000"),
        ("56 000", "56000"), ("5 100", "5 100"), ("₂", "2"),
    ],
)  # fmt: skip
def test_a_sentence_becomes_plain(written: str, text: str) -> None:
    assert plain(written).text == text


@given(st.text())
def test_every_character_knows_where_it_stands(text: str) -> None:
    found = plain(text)
    assert len(found.places) == len(found.text)
    assert list(found.places) == sorted(found.places)
    assert all(0 <= place < len(text) for place in found.places)


def test_places_count_the_characters_as_written() -> None:
    found = plain("cm⁻¹   ﬁve gap")
    assert found.text == "cm^-1 five gap"
    assert found.places[found.text.index("gap")] == "cm⁻¹   ﬁve gap".index("gap")
