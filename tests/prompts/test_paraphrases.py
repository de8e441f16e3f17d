"""Paraphrases: seen and held-out wordings, and that the grammar reads them back."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from t2d_mol.checkpoint import Statistics
from t2d_mol.molecule import Target
from t2d_mol.prompts.grammar import parse_prompt
from t2d_mol.prompts.paraphrases import HELD_OUT, SEEN, Wordings, paraphrase, random_targets
from t2d_mol.prompts.senses import senses, vocabulary
from t2d_mol.prompts.templates import exact_prompt, general_prompt, mixed_prompt
from t2d_mol.properties import BY_KEY, KEYS, LEVELS
from tests.prompts.conftest import one_molecule


def matches(text: str, asked: list[Target], statistics: Statistics, *, most: int = 0) -> bool:
    """Return whether a sentence is read as what was asked, but for `most` targets."""
    read = {target.property: target for target in parse_prompt(text, statistics).targets}
    wrong = 0
    for target in asked:
        found = read.get(target.property)
        right = found is not None and found.level == target.level
        if right and found is not None and target.value is not None:
            mad = statistics.mad[KEYS.index(target.property)]
            right = found.value is not None and abs(found.value - target.value) < 0.03 * mad
        wrong += not right
    return wrong <= most and len(read) <= len(asked)


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_the_grammar_reads_back_what_the_templates_write(seed: int, qm9_statistics: Statistics) -> None:
    rng = Random(seed)
    asked = random_targets(one_molecule(qm9_statistics, rng), qm9_statistics, rng)
    exact, general = ([t for t in asked if (t.op == "=") == chosen] for chosen in (True, False))
    assert matches(mixed_prompt(asked, qm9_statistics), asked, qm9_statistics)
    assert not exact or matches(exact_prompt(exact, qm9_statistics), exact, qm9_statistics)
    assert not general or matches(general_prompt(general), general, qm9_statistics)


def test_the_grammar_reads_back_paraphrases_without_typos(qm9_statistics: Statistics) -> None:
    missed = []
    for seed in range(3000):
        rng = Random(seed)
        asked = random_targets(one_molecule(qm9_statistics, rng), qm9_statistics, rng)
        text = paraphrase(asked, qm9_statistics, rng, typos=0)
        if not matches(text, asked, qm9_statistics):
            missed.append(text)
    assert not missed


@pytest.mark.parametrize(("wordings", "share"), [(SEEN, 0.997), (HELD_OUT, 0.985)], ids=["seen", "held out"])
def test_nearly_all_paraphrases_are_read_back_typos_and_all(
    wordings: Wordings, share: float, qm9_statistics: Statistics
) -> None:
    rng, right = Random(7), 0
    for _ in range(1000):
        asked = random_targets(one_molecule(qm9_statistics, rng), qm9_statistics, rng)
        right += matches(paraphrase(asked, qm9_statistics, rng, wordings), asked, qm9_statistics)
    assert right >= share * 1000


def test_held_out_wordings_are_none_of_the_seen() -> None:
    for part in ("level_phrases", "exact_phrases", "joints"):
        assert not set(getattr(SEEN, part)) & set(getattr(HELD_OUT, part)), part
    assert not set(filter(None, SEEN.openings)) & set(HELD_OUT.openings)
    assert not set(filter(None, SEEN.closings)) & set(HELD_OUT.closings)
    for key in KEYS:
        assert not set(SEEN.names[key]) & set(HELD_OUT.names[key]), key
        assert {*SEEN.names[key], *HELD_OUT.names[key]} == {BY_KEY[key].name, *BY_KEY[key].synonyms}
    for level, name in enumerate(LEVELS):
        assert SEEN.levels[level][0] == name
        assert HELD_OUT.levels[level]
        assert not set(SEEN.levels[level]) & set(HELD_OUT.levels[level]), name


def test_every_word_of_the_wordings_is_known() -> None:
    for wordings in (SEEN, HELD_OUT):
        for key, names in wordings.names.items():
            assert all(senses(name) == [(f"property:{key}", 0.0)] for name in names), key


def test_a_paraphrase_depends_on_its_generator_alone(qm9_statistics: Statistics) -> None:
    values = one_molecule(qm9_statistics, Random(1))
    asked = random_targets(values, qm9_statistics, Random(2))
    texts = [paraphrase(asked, qm9_statistics, Random(seed)) for seed in range(50)]
    assert texts == [paraphrase(asked, qm9_statistics, Random(seed)) for seed in range(50)]
    assert len(set(texts)) > 40


def test_random_targets_are_a_molecules_own(qm9_statistics: Statistics) -> None:
    rng = Random(3)
    counts = set()
    for _ in range(200):
        values = one_molecule(qm9_statistics, rng)
        asked = random_targets(values, qm9_statistics, rng)
        counts.add(len(asked))
        for target in asked:
            index = KEYS.index(target.property)
            assert target.value == values[index] or target.level == qm9_statistics.level(index, values[index])
    assert counts == set(range(1, len(KEYS) + 1))


def test_paraphrases_speak_the_encoders_vocabulary(qm9_statistics: Statistics) -> None:
    rng, known = Random(4), {*vocabulary(), "number"}
    for _ in range(300):
        asked = random_targets(one_molecule(qm9_statistics, rng), qm9_statistics, rng)
        text = paraphrase(asked, qm9_statistics, rng)
        assert {sense for sense, _ in senses(text)} <= known, text
