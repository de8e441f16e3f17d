"""Any text is read or refused, and soon."""

import time
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from t2d_mol.checkpoint import Statistics
from t2d_mol.errors import InputError
from t2d_mol.prompts import lexicon
from t2d_mol.prompts.grammar import MAX_CHARACTERS, parse_prompt
from t2d_mol.prompts.senses import senses
from t2d_mol.prompts.unit_spellings import UNIT_SPELLINGS
from t2d_mol.properties import BY_KEY

PHRASES = sorted(" ".join(phrase) for phrase in lexicon.SENSES) + sorted(lexicon.FILLERS)
NUMBERS = ["0", "7", "-6.5", "1e5", "5e-999", "9" * 400, "10^99", "1,000", "2,5", ".5", "C6H6", "p90", "½", "३", "²"]
SYMBOLS = [
    *lexicon.SYMBOLS,
    *",;.:!?()[]{}|/\\&+-±…%°\"'`#*^_~\n\t",
    "−",
    "⁻¹",
    "Å",
    "\u200b",
    "\u00a0",
    "\u0301",
    "ﷺ",
    "\U0001f600",
]
PIECES = [*PHRASES, *UNIT_SPELLINGS, *NUMBERS, *SYMBOLS]


def read_or_refused(text: str, statistics: Statistics) -> None:
    try:
        prompt = parse_prompt(text, statistics)
    except InputError as error:
        assert str(error)
        return
    assert all(target.property in BY_KEY for target in prompt.targets)
    assert len({target.property for target in prompt.targets}) == len(prompt.targets)


@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str, qm9_statistics: Statistics) -> None:
    read_or_refused(text, qm9_statistics)
    senses(text)


@settings(max_examples=500, deadline=None)
@given(pieces=st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=25), glue=st.sampled_from([" ", "", ", "]))
def test_any_mixture_of_known_words_numbers_and_signs_is_read_or_refused(
    pieces: list[str], glue: str, qm9_statistics: Statistics
) -> None:
    read_or_refused(glue.join(pieces), qm9_statistics)
    senses(glue.join(pieces))


def test_ten_thousand_random_strings_are_read_in_ten_seconds(qm9_statistics: Statistics) -> None:
    rng = Random(0)
    letters = [*map(chr, range(32, 127)), *SYMBOLS, *"αμεΔåßçж漢"]
    texts = []
    for _ in range(10_000):
        source = rng.choice((letters, PIECES, PIECES))
        glue = rng.choice(("", " ")) if source is letters else " "
        texts.append(glue.join(rng.choice(source) for _ in range(rng.randint(1, 200)))[: rng.randint(1, 200)])
    start = time.process_time()
    for text in texts:
        read_or_refused(text, qm9_statistics)
    assert time.process_time() - start < 10


REPEATED = [
    "a", "1", "(", ",", "-", "1.", "1,", "1 ", "very ", "not ", "not a ", "nor ", "high gap ", "gap ", "high ",
    "dipole low ", "tiny/huge/",
    "very low or very high or ", "about ", "less than ", "min ", "min of ", "no ", "no fluorine ",
    "without nitrogen or ", "aromatic ",
    "between 5 and ", "5 ± ", "5 < ", "5 to ", "5 or ", "within ", "top 5% ", "5 eV ", "5 cal mol ", "C1", "C6H6 ",
    "1e", "10^", "6x10^", "p9",
    "homo lumo ", "xqzw ", "dipole, gap, ", "minus ", "a\u0301", "½", "Å", "only carbon ", "3 rings, ", "is ",
    "in ", "\n", "_", "'", "polar",
]  # fmt: skip


@pytest.mark.parametrize("piece", REPEATED)
def test_no_repetition_takes_long(piece: str, qm9_statistics: Statistics) -> None:
    text = (piece * MAX_CHARACTERS)[:MAX_CHARACTERS]
    start = time.process_time()
    read_or_refused(text, qm9_statistics)
    assert time.process_time() - start < 1


@pytest.mark.parametrize(
    "text",
    [
        "5 cm" + " " * 9900 + "x", "5" + "\n" * 9900 + "x", "5 kcal mol" + " " * 9900 + "x",
        "5e" + "9" * 9900, "10^" + "9" * 9900,
        "not" + " the" * 2400, "a" + "\u0301\u0316" * 4900, "C" * 9900 + "x", "H1" * 4900 + "x",
        "5 " + "(" * 9900, "5" + "-" * 9900,
    ],
    ids=lambda text: repr(text[:12]),
)  # fmt: skip
def test_no_long_run_takes_long(text: str, qm9_statistics: Statistics) -> None:
    start = time.process_time()
    read_or_refused(text, qm9_statistics)
    assert time.process_time() - start < 1


def test_time_grows_with_length_and_not_with_its_square(qm9_statistics: Statistics) -> None:
    def seconds(count: int) -> float:
        text = "".join(
            f"{place % 90} xy ring{'s' * (place % 2)} or not the q{chr(97 + place % 26)}z, " for place in range(count)
        )
        start = time.process_time()
        read_or_refused(text, qm9_statistics)
        return time.process_time() - start

    seconds(10)
    assert min(seconds(300) for _ in range(3)) < 6 * 3 * min(seconds(50) for _ in range(3)) + 0.05


def test_a_megabyte_is_refused_at_once(qm9_statistics: Statistics) -> None:
    start = time.process_time()
    with pytest.raises(InputError, match="1000000 characters; at most 10000"):
        parse_prompt("gap " * 250_000, qm9_statistics)
    assert time.process_time() - start < 0.5
