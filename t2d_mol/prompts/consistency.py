"""What cannot be: energies that contradict each other; and what QM9 does not hold."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Final

from t2d_mol.checkpoint import Statistics
from t2d_mol.errors import InputError
from t2d_mol.molecule import Structure, Target
from t2d_mol.prompts.structure import MAX_HEAVY
from t2d_mol.properties import BY_KEY, KEYS
from t2d_mol.targets import value_range

GAP_TOLERANCE_EV: Final = 0.05


def attainable(target: Target, statistics: Statistics) -> bool:
    """Return whether QM9 holds a molecule that meets a target."""
    row = statistics.percentiles[KEYS.index(target.property)]
    low, high = value_range(target, statistics)
    return low <= row[-1] and high >= row[0]


def percentile_range(target: Target, statistics: Statistics) -> tuple[float, float]:
    """Return between which percentiles of QM9 the values that meet a target lie."""
    row = statistics.percentiles[KEYS.index(target.property)]
    low, high = value_range(target, statistics)
    return _percentile(low, row), _percentile(high, row)


def _percentile(value: float, row: Sequence[float]) -> float:
    if not row[0] < value < row[-1]:
        return 0.0 if value <= row[0] else 100.0
    below = bisect_right(row, value) - 1
    return below + (value - row[below]) / (row[below + 1] - row[below])


def check_energies(targets: Sequence[Target], places: Mapping[str, str], statistics: Statistics) -> None:
    """See that the gap asked for can be LUMO − HOMO.

    Raises:
        InputError: if no energies within what is asked meet it; the message names the places.
    """
    asked = {target.property: value_range(target, statistics) for target in targets}
    if not {"homo", "lumo", "gap"} <= set(asked):
        return
    homo, lumo, gap = asked["homo"], asked["lumo"], asked["gap"]
    low, high = lumo[0] - homo[1], lumo[1] - homo[0]
    if gap[0] > high + GAP_TOLERANCE_EV or gap[1] < low - GAP_TOLERANCE_EV:
        spread = f"{low:.2f} eV" if high - low < 0.005 else f"between {low:.2f} and {high:.2f} eV"
        raise InputError(
            f"the energies contradict each other: LUMO - HOMO is {spread} by {places['homo']} and {places['lumo']}, "
            f"which excludes {places['gap']}"
        )


def remarks(targets: Sequence[Target], structure: Structure, statistics: Statistics) -> list[str]:
    """Return a remark for each target outside what QM9 holds, with the nearest value it does hold."""
    found = [remark for target in targets if (remark := _outside(target, statistics))]
    if structure.heavy is not None and structure.heavy[0] > MAX_HEAVY:
        found.append(f"QM9 holds molecules of at most {MAX_HEAVY} heavy atoms, not {structure.heavy[0]}")
    elif structure.formula and sum(low for symbol, low, _ in structure.elements if symbol != "H") > MAX_HEAVY:
        found.append(f"QM9 holds molecules of at most {MAX_HEAVY} heavy atoms; {structure.formula} has more")
    return found


def _outside(target: Target, statistics: Statistics) -> str | None:
    row = statistics.percentiles[KEYS.index(target.property)]
    low, high = value_range(target, statistics)
    below = high < row[0] or (target.op == ">" and low < row[0])
    above = low > row[-1] or (target.op == "<" and high > row[-1])
    if not (below or above):
        return None
    name, unit = BY_KEY[target.property].name, target.unit
    held = f"QM9, which holds {row[0]:.4g} to {row[-1]:.4g} {unit}"
    if (target.op == ">" and below) or (target.op == "<" and above):
        return f"every molecule meets {name} {target.op} {target.value:.4g} {unit}: it lies outside {held}"
    ends = [low] if low == high or target.op == ">" else [high] if target.op == "<" else [low, high]
    numbers, nearest = " to ".join(f"{end:.4g}" for end in ends), row[0] if below else row[-1]
    return f"{name} of {numbers} {unit} lies outside {held}; the nearest attainable is {nearest:.4g} {unit}"
