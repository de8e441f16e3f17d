"""Paraphrases: the same targets in many wordings, some of which training never sees.

A sentence is an opening, a phrase for each target and a closing. Openings, phrases, joints, the names of the properties and
the words for their levels each come in two parts: `SEEN`, which the text encoder and the generator are trained on, and
`HELD_OUT`, which measures whether they understand wordings they were never shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from t2d_mol.checkpoint import Statistics
from t2d_mol.molecule import Target
from t2d_mol.prompts import lexicon
from t2d_mol.prompts.templates import exact_prompt, general_prompt, number_text
from t2d_mol.properties import KEYS, LEVELS, PROPERTIES
from t2d_mol.units import UNIT_FACTORS

HOLD_OUT_EVERY: Final = 4
"""Of each list of names and level words every fourth is held out, but never the first; a property of fewer names has none."""


@dataclass(frozen=True)
class Wordings:
    """The parts sentences are put together from.

    Attributes:
        openings, closings: what stands before and behind the targets.
        level_phrases: for a level, with {name} and {level}.
        exact_phrases: for a number, with {name} and {number}.
        joints: what stands between the targets, and before the last.
        names: of each property, by key.
        levels: words for each level.
    """

    openings: tuple[str, ...]
    closings: tuple[str, ...]
    level_phrases: tuple[str, ...]
    exact_phrases: tuple[str, ...]
    joints: tuple[tuple[str, str], ...]
    names: dict[str, tuple[str, ...]]
    levels: dict[int, tuple[str, ...]]


_VERBS: Final = ("mis", "decrease", "reduce", "increase", "lowered", "record", "regular", "good", "decent", "marked")
_DEGREES: Final = {0: ("very", "extremely", "really", "exceptionally"), 4: ("very", "extremely", "remarkably", "super")}
_BARE: Final = {0: ("low", "small"), 4: ("high", "large", "big")}


def _level_words(level: int) -> list[str]:
    words = [LEVELS[level]]
    words += [f"{degree} {bare}" for degree in _DEGREES.get(level, ()) for bare in _BARE.get(level, ())]
    single = lexicon.phrases(lexicon.LEVEL_WORDS[level].split("|")[0])
    return words + [word for word in single if not any(verb in word for verb in _VERBS) and word != words[0]]


def _part(words: Sequence[str], held_out: bool) -> tuple[str, ...]:
    return tuple(word for place, word in enumerate(words) if (place % HOLD_OUT_EVERY == HOLD_OUT_EVERY - 1) == held_out)


def _words(held_out: bool) -> tuple[dict[str, tuple[str, ...]], dict[int, tuple[str, ...]]]:
    names = {prop.key: _part((prop.name, *prop.synonyms), held_out) or (prop.name,) for prop in PROPERTIES}
    return names, {level: _part(_level_words(level), held_out) for level in range(len(LEVELS))}


SEEN: Final = Wordings(
    (
        "A molecule with", "Generate a molecule with", "A compound that has", "Give me a molecule with", "", "", "find molecules with",
        "I need a structure with", "please make something with", "molecule:", "looking for a small organic molecule with",
        "Design a compound whose", "we want molecules having", "Molecules,", "I would like one with", "show me candidates of",
    ),
    ("", "", "", ".", ".", " please", "!", ", thanks."),
    (
        "a {level} {name}", "{level} {name}", "{name} is {level}", "{name}: {level}", "{name} should be {level}", "{name} {level}",
        "a {name} that is {level}", "the {name} as {level}", "{level} {name} value", "{name}, {level} in this case",
    ),
    (
        "the {name} of {number}", "{name} of {number}", "{name} = {number}", "{name} around {number}", "{number} {name}",
        "a {name} of about {number}", "{name}: {number}", "{name} is {number}", "the {name} as {number}", "{name} {number}",
        "{name} approximately {number}", "{name} ~ {number}", "{name}, about {number}",
    ),
    ((", ", " and "), (", ", ", "), ("; ", "; "), (" and ", " and "), (", ", ", with "), (" with ", " and "), ("\n", "\n")),
    *_words(False),
)  # fmt: skip
"""What training shows."""

HELD_OUT: Final = Wordings(
    (
        "could you suggest some species showing", "We are after a structure characterised by", "what about a compound possessing",
        "Dear colleague, kindly provide candidates exhibiting", "target:", "any idea for an organic system featuring",
        "My student asked for something that comes with", "search the space for examples of",
    ),
    ("", " would be great", ", if that exists", "?", " (for screening)", "; cheers"),
    (
        "its {name} ought to be {level}", "{name} on a {level} level", "{name} ({level})", "{name} = {level}", "with {level} values of the {name}",
        "{name}, which must be {level}", "as for the {name}, {level}", "{level} for the {name}",
    ),
    (
        "{name} near {number}", "{name} equal to {number}", "{number} for the {name}", "{name} set to {number}",
        "{name} ({number})", "its {name} ought to be roughly {number}", "{name}, namely {number}", "{number} as the {name}",
        "{name} in the vicinity of {number}",
    ),
    ((", ", " plus "), (", ", " as well as "), (" / ", " / "), ("; ", "; and "), (", ", " together with "), (" but ", " but ")),
    *_words(True),
)  # fmt: skip
"""What training never shows: other frames, other names, other words for levels."""


def paraphrase(
    targets: Sequence[Target],
    statistics: Statistics,
    rng: Random,
    wordings: Wordings = SEEN,
    *,
    units: bool = True,
    typos: float = 0.1,
) -> str:
    """Return a sentence for `=` and `level` targets in a random order and wording.

    Half the exact ones are in units (canonical ones mostly, others where `units`), a few bare; the others are normalised and
    the sentence says so.

    Args:
        targets: what is asked, in canonical units.
        statistics: for normalised values.
        rng: decides everything.
        wordings: the parts to use.
        units: whether other units than the canonical may occur.
        typos: probability that one long word is misspelt.
    """
    exact = [target for target in targets if target.op == "="]
    normalised = bool(exact) and rng.random() < 0.5
    if wordings is SEEN and rng.random() < 0.15 and len(exact) in (0, len(targets)):
        text = exact_prompt(targets, statistics, normalised=normalised) if exact else general_prompt(targets)
    else:
        text = _sentence(targets, statistics, rng, wordings, normalised, units)
    text = _misspelt(text, rng) if rng.random() < typos else text
    text = f"{text} (normalised values)" if normalised else text
    return rng.choice((text, text, text.lower(), text[:1].upper() + text[1:]))


def _sentence(
    targets: Sequence[Target], statistics: Statistics, rng: Random, wordings: Wordings, normalised: bool, units: bool
) -> str:
    shuffled = rng.sample(list(targets), len(targets))
    phrase = rng.choice(wordings.level_phrases), rng.choice(wordings.exact_phrases)
    mixed, bare = rng.random() < 0.3, rng.random() < 0.15
    parts = []
    for target in shuffled:
        if mixed:
            phrase = rng.choice(wordings.level_phrases), rng.choice(wordings.exact_phrases)
        names = wordings.names[target.property]
        name = names[0] if rng.random() < 0.4 else rng.choice(names)
        if target.level is not None:
            words = wordings.levels[target.level]
            level = words[0] if rng.random() < 0.4 else rng.choice(words)
            parts.append(phrase[0].format(name=name, level=level))
        else:
            number = number_text(target, statistics, normalised, unit=None if bare else _unit(target, rng, units))
            parts.append(phrase[1].format(name=name, number=number))
    between, last = rng.choice(wordings.joints)
    whole = parts[0] if len(parts) == 1 else between.join(parts[:-1]) + last + parts[-1]
    return f"{rng.choice(wordings.openings)} {whole}".strip() + rng.choice(wordings.closings)


def _unit(target: Target, rng: Random, others: bool) -> str:
    """Choose a unit; one without powers of ten, which four digits could not carry."""
    choices = [unit for unit in UNIT_FACTORS[target.unit] if unit != "C·m"]
    return rng.choice(choices) if others and rng.random() < 0.3 else target.unit


def _misspelt(text: str, rng: Random) -> str:
    """Swap, drop or double a letter of one long word."""
    words = text.split(" ")
    places = [place for place, word in enumerate(words) if len(word) > 5 and word.isalpha()]
    if not places:
        return text
    place = rng.choice(places)
    word, at = words[place], rng.randrange(1, len(words[place]) - 1)
    words[place] = rng.choice((
        word[:at] + word[at + 1] + word[at] + word[at + 2 :], word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:],
    ))  # fmt: skip
    return " ".join(words)


def random_targets(values: Sequence[float], statistics: Statistics, rng: Random) -> list[Target]:
    """Choose which properties of a molecule with these K values a sentence speaks of, exactly or by level."""
    weights = [6, 3, 2, 1, 1, 3]
    count = rng.choices(range(1, len(KEYS) + 1), weights=(weights + [1] * len(KEYS))[: len(KEYS)])[0]
    chosen = sorted(rng.sample(range(len(KEYS)), count))
    general = rng.random()
    targets = []
    for index in chosen:
        prop = PROPERTIES[index]
        if general < 0.4 or (general > 0.9 and rng.random() < 0.5):
            targets.append(Target(prop.key, "level", level=statistics.level(index, values[index]), unit=prop.unit))
        else:
            targets.append(Target(prop.key, "=", value=values[index], unit=prop.unit))
    return targets
