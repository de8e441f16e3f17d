"""Templates: targets become the paper's sentences, exact ("the homo of -6.5 eV") or general ("a high homo value")."""

from collections.abc import Sequence

from t2d_mol.checkpoint import Statistics
from t2d_mol.molecule import Target
from t2d_mol.properties import BY_KEY, KEYS, LEVELS
from t2d_mol.units import UNIT_FACTORS


def listed(parts: Sequence[str]) -> str:
    """Join parts with commas and a final "and"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def exact_prompt(targets: Sequence[Target], statistics: Statistics, *, normalised: bool = False) -> str:
    """Return the poster's exact sentence for `=` targets, with values in units or normalised without unit."""
    parts = []
    for target in targets:
        link = "as" if target.property == "gap" else "of"
        parts.append(f"the {BY_KEY[target.property].name} {link} {number_text(target, statistics, normalised)}")
    return f"A molecule with {listed(parts)}."


def general_prompt(targets: Sequence[Target]) -> str:
    """Return the poster's general sentence for `level` targets."""
    parts = []
    for target in targets:
        assert target.level is not None
        name = "energy difference between homo and lumo" if target.property == "gap" else BY_KEY[target.property].name
        value = " value" if target.property in ("homo", "lumo") else ""
        parts.append(f"a {LEVELS[target.level]} {name}{value}")
    return f"A molecule with {listed(parts)}."


def mixed_prompt(targets: Sequence[Target], statistics: Statistics) -> str:
    """Return a canonical sentence for any mixture of `=` and `level` targets."""
    parts = []
    for target in targets:
        name = BY_KEY[target.property].name
        if target.level is not None:
            parts.append(f"a {LEVELS[target.level]} {name}")
        else:
            parts.append(f"the {name} of {number_text(target, statistics, target.normalised)}")
    ending = " (normalised values)" if any(target.normalised for target in targets) else ""
    return f"A molecule with {listed(parts)}{ending}."


def number_text(target: Target, statistics: Statistics, normalised: bool, *, unit: str | None = "") -> str:
    """Return the number of an `=` target: normalised, in a unit (the canonical one by default), or bare for None."""
    assert target.value is not None
    if normalised:
        return f"{statistics.normalise(KEYS.index(target.property), target.value):.2f}"
    if unit is None:
        return f"{target.value:.4g}"
    unit = unit or target.unit
    return f"{target.value / UNIT_FACTORS[target.unit][unit]:.5g} {unit}"
