"""Tables of results, one form for the terminal, for Markdown and for the report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from t2d_mol.evaluation.anchors import BOUNDS, CONTROL
from t2d_mol.evaluation.score import JOINT
from t2d_mol.properties import BY_KEY, KEYS, LEVELS

_QUALITY: Final = {
    "atom_stable": "atoms stable",
    "molecule_stable": "molecules stable",
    "connected": "connected",
    "valid": "valid",
    "valid_unique": "valid and unique",
    "unique": "unique among the valid",
    "novel": "novel among the unique",
}
_DIGITS: Final = {"alpha": 2, "homo": 3, "lumo": 3, "gap": 3, "mu": 3, "cv": 3}
_BOUND_TITLES: Final = {
    "l_bound": "judge on real molecules (L-bound)",
    "atom_count": "atom count only: the median",
    "u_bound": "labels shuffled (U-bound)",
}

_BASELINES: Final = {
    "same_size": "a random training molecule of the same size",
    "nearest": "nearest training molecule",
    "nearest_joint": "nearest training molecule in all six",
}


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        title: what it shows.
        head: titles of the columns.
        rows: the cells, as text.
        note: what a reader needs to know.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    def text(self) -> str:
        """Return the table for a terminal."""
        widths = [max(map(len, column)) for column in zip(self.head, *self.rows, strict=True)]
        lines = [self.title] if self.title else []
        for row in (self.head, *self.rows):
            cells = [cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))]
            lines.append("  ".join(cells).rstrip())
        return "\n".join([*lines, *([self.note] if self.note else [])]) + "\n"

    def markdown(self) -> str:
        """Return the table in Markdown."""
        rule = "|---" + "|---:" * (len(self.head) - 1) + "|"
        lines = [f"| {' | '.join(self.head)} |", rule, *(f"| {' | '.join(row)} |" for row in self.rows)]
        return "\n".join([f"**{self.title}**", "", *lines, "", *([self.note, ""] if self.note else [])])


def quality(summary: Mapping[str, Any]) -> Table:
    """Return rates by the look-up rule and by the bonds, in %, with 95 % intervals."""
    rows = []
    for key, title in _QUALITY.items():
        cells = [_rate(summary, block, key) for block in ("lookup", "bonds")]
        rows.append((title, *cells))
    title = f"{summary['n']} molecules"
    if summary["candidates"] > 1:
        title += f", chosen among {summary['candidates']} candidates each: not comparable with raw ones"
    if summary["repaired"]:
        title += f", {summary['repaired']} of them repaired: not comparable with raw ones"
    if summary["came_relaxed"]:
        title += f", {summary['came_relaxed']} of them relaxed before: not comparable with raw ones"
    return Table(title, ("%", "look-up rule", "own bonds"), tuple(rows))


def targets(summary: Mapping[str, Any], results: Mapping[str, Any]) -> Table:
    """Return errors and hit rates of the targets records carry, beside the bounds and what real molecules hit."""
    found = summary["targets"]
    rows = [
        ("targets", *(str(found[key]["n"]) if key in found else "-" for key in KEYS)),
        ("mean absolute error of values and ranges", *(_plain(found.get(key, {}).get("mae"), _DIGITS[key]) for key in KEYS)),
        *bound_rows(results),
        ("hits, %", *(_percent(found.get(key, {}).get("hit")) for key in KEYS)),
    ]
    if results:
        rows.append(("ceiling of hits: real molecules, %", *(_percent(_ceiling(found, results, key)) for key in KEYS)))
    return Table(f"targets, read by {summary['oracle']}", _head(), tuple(rows))


def properties(summary: Mapping[str, Any], results: Mapping[str, Any]) -> Table:
    """Return the means of what an oracle read, beside its own errors."""
    found = summary["properties"]
    rows = [("mean", *(_plain(found.get(key), _DIGITS[key]) for key in KEYS))]
    if results:
        rows.append(("the judge's own mean absolute error", *_cells(results["test"])))
    strange = found.get("out_of_domain")
    note = "" if strange is None else f"{_percent(strange)} % are flagged as out of domain."
    return Table(f"properties, read by {summary['oracle']}", _head(), tuple(rows), note)


def _ceiling(found: Mapping[str, Any], results: Mapping[str, Any], key: str) -> float | None:
    """Return the rate at which real molecules hit such a mixture of values and levels under the judge."""
    if key not in found:
        return None
    share = float(found[key]["level_share"] or 0.0)
    return share * float(results["level_hit"][key]) + (1 - share) * float(results["hit"][key])


def exact(control: Mapping[str, Any], results: Mapping[str, Any]) -> Table:
    """Return the errors of exact prompts beside the bounds and the published methods."""
    rows: list[tuple[str, ...]] = []
    single = {key: control[key][key] for key in KEYS if key in control.get(key, {})}
    for title, found in (("one property", single), ("all six at once", control.get(JOINT, {}))):
        for name, suffix in (("mae", ""), ("mae_novel", ", novel molecules only")):
            rows.append((title + suffix, *(_with_interval(found.get(key), name, _DIGITS[key]) for key in KEYS)))
    rows += bound_rows(results)
    rows += [(f"{name}, published", *_cells(row)) for name, row in CONTROL.items()]
    note = "Published rows used each paper's own evaluator, 10,000 molecules, and none was told to avoid its training data."
    return Table("mean absolute error of exact prompts", _head(), tuple(rows), note)


def hits(control: Mapping[str, Any], results: Mapping[str, Any]) -> Table:
    """Return the hit rates of exact prompts beside the judge's own on real molecules."""
    single = {key: control[key][key] for key in KEYS if key in control.get(key, {})}
    rows = [("one property", *(_percent(single.get(key, {}).get("hit")) for key in KEYS))]
    rows.append(("all six at once", *(_percent(control.get(JOINT, {}).get(key, {}).get("hit")) for key in KEYS)))
    rows.append(("ceiling: real molecules", *(_percent(results.get("hit", {}).get(key)) for key in KEYS)))
    return Table("hits of exact prompts (within 0.25 mean absolute deviations), %", _head(), tuple(rows))


def levels(control: Mapping[str, Any], results: Mapping[str, Any]) -> Table:
    """Return hit rate, level distance and swing of general prompts by wording, beside the ceiling and chance."""
    rows: list[tuple[str, ...]] = []
    for wording in ("seen", "unseen"):
        found = {key: control[key][wording] for key in KEYS if wording in control.get(key, {})}
        rows.append((f"{wording} wordings: hits, %", *(_with_interval(found.get(key), "hit", 1, 100) for key in KEYS)))
        rows.append(
            (f"{wording} wordings: level distance", *(_plain(found.get(key, {}).get("distance"), 2) for key in KEYS))
        )
        swings = [_plain(found.get(key, {}).get("swing"), _DIGITS[key]) for key in KEYS]
        rows.append((f"{wording} wordings: swing", *swings))
    rows.append(("ceiling: real molecules, %", *(_percent(results.get("level_hit", {}).get(key)) for key in KEYS)))
    rows.append(("chance, %", *["20.0"] * len(KEYS)))
    note = "Swing: mean of what was asked to be very high less mean of what was asked to be very low. Chance distance: 1.6."
    return Table("levels reached of general prompts", _head(), tuple(rows), note)


def confusion(key: str, wording: str, counts: Sequence[Sequence[int]]) -> Table:
    """Return a confusion matrix, levels asked for by row, reached by column."""
    rows = tuple((level, *(str(count) for count in row)) for level, row in zip(LEVELS, counts, strict=True))
    return Table(f"{BY_KEY[key].name}, {wording} wordings: asked (rows), reached (columns)", ("", *LEVELS), rows)


def distributions(found: Mapping[str, Any]) -> Table:
    """Return the Wasserstein distances from the test split."""
    titles = {"atoms": "atom count", "elements": "elements, share", "bonds": "bond lengths, Å", "angles": "bond angles, °"}
    rows = tuple((title, _plain(found.get(key), 4)) for key, title in titles.items())
    return Table("Wasserstein distance from QM9's test split", ("", "distance"), rows)


def physics(summary: Mapping[str, Any]) -> Table:
    """Return the checks' pass rates, strain, and what relaxation came to."""
    rows = []
    for name, value in (summary["checks"] or {}).items():
        plain = name == "strain"
        rows.append(
            ("MMFF strain, kcal/mol" if plain else name.replace("_", " "), _plain(value, 2) if plain else _percent(value))
        )
    for name, value in (summary["relaxation"] or {}).items():
        titles = {"rmsd": "RMSD to the GFN2-xTB minimum, Å", "energy_drop": "energy drop, kcal/mol"}
        rows.append((titles.get(name, f"relaxation {name}, %"), _plain(value, 3) if name in titles else _percent(value)))
    return Table("physical plausibility", ("", "% or mean"), tuple(rows))


def calibration(results: Mapping[str, Any]) -> Table:
    """Return what the judge was measured to be worth."""
    rows = [("judge on the test split", *_cells(results["test"])), *bound_rows(results)]
    rows.append(("90 % interval, mean ±", *_cells(results["radius"])))
    rows.append(("its coverage of the test split, %", *(_percent(results["coverage"][key]) for key in KEYS)))
    rows.append(("hits of real molecules, %", *(_percent(results["hit"][key]) for key in KEYS)))
    rows.append(("levels of real molecules, %", *(_percent(results["level_hit"][key]) for key in KEYS)))
    note = f"{_percent(results['out_of_domain'])} % of the test split are flagged as out of domain."
    return Table("the judge: mean absolute errors", _head(), tuple(rows), note)


def bound_rows(results: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return the rows every table of errors shares: bounds and baselines, ours and published."""
    rows: list[tuple[str, ...]] = []
    for name, title in _BOUND_TITLES.items():
        if name in results:
            rows.append((f"{title}, ours", *_cells(results[name])))
        rows.append((f"{title}, published", *_cells(BOUNDS[name])))
    for name, title in _BASELINES.items():
        if name in results:
            rows.append((title, *_cells(results[name])))
    return rows


def _head() -> tuple[str, ...]:
    return ("", *(f"{key} ({BY_KEY[key].unit})" for key in KEYS))


def _cells(row: Mapping[str, float]) -> tuple[str, ...]:
    return tuple(f"{row[key]:.{_DIGITS[key]}f}" for key in KEYS)


def _rate(summary: Mapping[str, Any], block: str, key: str) -> str:
    value = (summary[block] or {}).get(key)
    if value is None:
        return "-"
    low, high = summary["intervals"][f"{block}.{key}"]
    return f"{100 * value:.2f} [{100 * low:.1f}, {100 * high:.1f}]"


def _with_interval(found: Mapping[str, Any] | None, name: str, digits: int, factor: float = 1) -> str:
    if not found or found[name] is None:
        return "-"
    low, high = (factor * bound for bound in found["intervals"][name])
    return f"{factor * found[name]:.{digits}f} ±{(high - low) / 2:.{digits}f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def _plain(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
