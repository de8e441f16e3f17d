"""Templates: targets become sentences, exact ("the polarizability of 75.3 Bohr^3") or general ("a high homo value")."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from t2d_mol.checkpoint import Statistics
from t2d_mol.molecule import Target
from t2d_mol.prompts.grammar import read_as_normalised
from t2d_mol.properties import BY_KEY, KEYS, LEVELS

OPENINGS: Final = ("A molecule with", "Generate a molecule with", "A compound that has", "Give me a molecule with")
NAMES: Final = {
    "alpha": ("polarizability", "isotropic polarizability", "alpha"),
    "homo": ("homo", "homo energy", "homo level"),
    "lumo": ("lumo", "lomo", "lumo energy"),
    "gap": ("energy gap between homo and lumo", "homo-lumo gap", "energy difference between homo and lumo", "gap"),
    "mu": ("dipole moment", "dipole", "mu"),
    "cv": ("heat capacity", "cv"),
}
"""Names the templates use; the first of each is the canonical one."""

LEVEL_NAMES: Final = {
    0: ("very low", "very small", "extremely low", "tiny"),
    1: ("low", "small"),
    2: ("medium", "moderate", "average"),
    3: ("high", "large"),
    4: ("very high", "very large", "extremely high", "huge"),
}
LINKS: Final = ("of", "as", "is", "=", "around", "about")


def listed(parts: Sequence[str]) -> str:
    """Join parts with commas and a final "and"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _article(words: str) -> str:
    return f"{'an' if words[0] in 'aeio' else 'a'} {words}"


def exact_prompt(targets: Sequence[Target], statistics: Statistics, *, normalised: bool = False) -> str:
    """Return the poster's exact sentence for `=` targets, with values in units or normalised without unit."""
    parts = []
    for target in targets:
        assert target.value is not None
        link = "as" if target.property == "gap" else "of"
        parts.append(f"the {NAMES[target.property][0]} {link} {_number(target, statistics, normalised)}")
    return f"A molecule with {listed(parts)}."


def general_prompt(targets: Sequence[Target]) -> str:
    """Return the poster's general sentence for `level` targets."""
    parts = []
    for target in targets:
        assert target.level is not None
        name = "energy difference between homo and lumo" if target.property == "gap" else NAMES[target.property][0]
        value = " value" if target.property in ("homo", "lumo") else ""
        parts.append(_article(f"{LEVELS[target.level]} {name}{value}"))
    return f"A molecule with {listed(parts)}."


def mixed_prompt(targets: Sequence[Target], statistics: Statistics) -> str:
    """Return a canonical sentence for any mixture of `=` and `level` targets."""
    parts = []
    for target in targets:
        name = NAMES[target.property][0]
        if target.level is not None:
            parts.append(_article(f"{LEVELS[target.level]} {name}"))
        else:
            parts.append(f"the {name} of {_number(target, statistics, target.normalised)}")
    return f"A molecule with {listed(parts)}."


def random_prompt(targets: Sequence[Target], statistics: Statistics, rng: Random) -> str:
    """Return a sentence for `=` and `level` targets in a random frame, order, wording; half the exact ones normalised."""
    shuffled = list(targets)
    rng.shuffle(shuffled)
    normalised, unitless = rng.random() < 0.5, rng.random() < 0.2
    frame: Callable[[Target, str, str], str] = rng.choice((_of_frame, _plain_frame, _is_frame))
    link = rng.choice(LINKS)
    parts = []
    for target in shuffled:
        name = NAMES[target.property][0] if rng.random() < 0.6 else rng.choice(NAMES[target.property])
        if target.level is not None:
            level = LEVELS[target.level] if rng.random() < 0.6 else rng.choice(LEVEL_NAMES[target.level])
            parts.append(frame(target, name, level))
        else:
            number = _number(target, statistics, normalised, unit=not unitless)
            parts.append(f"{rng.choice(('the ', 'a ', ''))}{name} {link} {number}")
    text = f"{rng.choice(OPENINGS)} {listed(parts)}" if rng.random() < 0.85 else ", ".join(parts)
    if normalised and any(target.op == "=" for target in targets) and not _reads_normalised(targets, statistics):
        text += " (normalised values)"
    return text.lower() if rng.random() < 0.3 else text + rng.choice(("", "."))


def random_targets(values: Sequence[float], statistics: Statistics, rng: Random) -> list[Target]:
    """Choose which properties of a molecule with these K values a sentence speaks of, exactly or by level."""
    count = rng.choices(range(1, len(KEYS) + 1), weights=(6, 3, 2, 1, 1, 3))[0]
    chosen = sorted(rng.sample(range(len(KEYS)), count))
    general = rng.random()
    targets = []
    for index in chosen:
        prop = BY_KEY[KEYS[index]]
        if general < 0.4 or (general > 0.9 and rng.random() < 0.5):
            targets.append(Target(prop.key, "level", level=statistics.level(index, values[index]), unit=prop.unit))
        else:
            targets.append(Target(prop.key, "=", value=values[index], unit=prop.unit))
    return targets


def _reads_normalised(targets: Sequence[Target], statistics: Statistics) -> bool:
    exact = [(target, float(_number(target, statistics, True))) for target in targets if target.op == "="]
    return read_as_normalised([(target.property, number) for target, number in exact], statistics)


def _of_frame(target: Target, name: str, level: str) -> str:
    value = " value" if target.property in ("homo", "lumo") and " " not in name else ""
    return _article(f"{level} {name}{value}")


def _plain_frame(_target: Target, name: str, level: str) -> str:
    return f"{level} {name}"


def _is_frame(_target: Target, name: str, level: str) -> str:
    return f"{name} is {level}"


def _number(target: Target, statistics: Statistics, normalised: bool, *, unit: bool = True) -> str:
    assert target.value is not None
    if normalised:
        return f"{statistics.normalise(KEYS.index(target.property), target.value):.2f}"
    return f"{target.value:.4g} {target.unit}" if unit else f"{target.value:.4g}"


def vocabulary() -> tuple[str, ...]:
    """Return every word the templates can write, sorted: what the text encoder needs to know."""
    words: set[str] = set(
        [
            "a",
            "an",
            "the",
            "value",
            "values",
            "and",
            "with",
            "molecule",
            "compound",
            "is",
            "of",
            ",",
            "(",
            ")",
            ".",
            "normalised",
        ]
    )
    for phrase in (*OPENINGS, *LINKS, *(name for names in NAMES.values() for name in names)):
        words.update(phrase.lower().replace("-", " ").split())
    for names in LEVEL_NAMES.values():
        words.update(" ".join(names).split())
    return tuple(sorted(words))
