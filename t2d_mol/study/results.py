"""What the cells of a study come to so far: figures pooled over the seeds, and tables of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist, stdev
from typing import Final

from t2d_mol.evaluation.tables import Table
from t2d_mol.properties import BY_KEY, KEYS
from t2d_mol.study.cell import Figure, mean, read_figures
from t2d_mol.study.plan import StudyConfig

WIDTH: Final = NormalDist().inv_cdf(0.975)
"""Standard errors in half a 95 % interval."""

MAIN: Final = {
    "mae": ("MAE / shuffled", 1, 3),
    "hit": ("level hits %", 100, 1),
    "valid": ("valid %", 100, 1),
    "atom_stable": ("atoms stable %", 100, 2),
    "molecule_stable": ("molecules stable %", 100, 1),
    "lookup_molecule_stable": ("look-up stable %", 100, 1),
    "novel": ("novel %", 100, 1),
    "bound": ("−log p ≤, nats", 1, 2),
}
TRAINING: Final = {
    "unconditional_bound": ("−log p ≤ without prompt, nats", 1, 2),
    "validation": ("validation L2", 1, 4),
    "validation_unconditional": ("validation L1'", 1, 4),
    "unconditional": ("L1' in training", 1, 4),
    "lambda": ("mean λ", 1, 4),
    "violated": ("violated %", 100, 1),
    "cosine": ("cosine", 1, 3),
    "steps": ("steps", 1, 0),
    "minutes": ("minutes", 1, 1),
}
"""Figures by the name cells give them: the title of their column, the factor they are shown with, their digits."""

LOWER_IS_BETTER: Final = {"mae", "bound", "unconditional_bound", "validation", "validation_unconditional"}


@dataclass(frozen=True)
class Row:
    """What the seeds of one arm at one share came to.

    Attributes:
        arm, share: see `plan.Cell`.
        seeds: that are done.
        figures: pooled over them.
    """

    arm: str
    share: float
    seeds: tuple[int, ...]
    figures: Mapping[str, Figure]


def is_done(folder: Path) -> bool:
    """Return whether a cell's folder holds its figures."""
    return (folder / "figures.json").exists()


def gather(config: StudyConfig, folder: Path) -> list[Row]:
    """Return the rows of a study of which at least one seed is done, the smallest share first."""
    found: dict[tuple[float, str], dict[int, Mapping[str, Figure]]] = {}
    for cell in config.cells():
        figures = read_figures(folder / "cells" / cell.name)
        if figures is not None:
            found.setdefault((cell.share, cell.arm), {})[cell.seed] = figures
    arms = list(config.arms)
    ordered = sorted(found.items(), key=lambda item: (item[0][0], arms.index(item[0][1])))
    return [Row(arm, share, tuple(seeds), pooled(list(seeds.values()))) for (share, arm), seeds in ordered]


def pooled(seeds: Sequence[Mapping[str, Figure]]) -> dict[str, Figure]:
    """Return the means over the seeds of the figures all have.

    Their standard error is what the molecules say or what the seeds' differences say, whichever is larger.
    """
    names = [name for name in seeds[0] if all(name in seed for seed in seeds)]
    return {name: _pooled([seed[name] for seed in seeds]) for name in names}


def _pooled(figures: Sequence[Figure]) -> Figure:
    whole = mean(figures)
    between = stdev(figure.value for figure in figures) / len(figures) ** 0.5 if len(figures) > 1 else 0.0
    return Figure(whole.value, max(whole.error, between))


def tables(config: StudyConfig, rows: Sequence[Row]) -> list[Table]:
    """Return the tables of a study: what matters, errors by property, against the baseline, how training went."""
    note = (
        "± half a 95 % interval: of the molecules or, where larger, by the difference of the seeds. MAE / shuffled: mean "
        "over the six properties of the error of exact prompts over that of shuffled labels."
    )
    found = [_table("what the cells come to", MAIN, rows, note)]
    errors = {f"mae.{key}": (f"{key} ({BY_KEY[key].unit})", 1, 3) for key in KEYS}
    found.append(_table("mean absolute error of exact prompts", errors, rows))
    hits = {f"hit.{key}": (key, 100, 1) for key in KEYS}
    found.append(_table("levels of general prompts reached, % (chance: 20)", hits, rows))
    found += _compared(config, rows)
    return [*found, _table("training", TRAINING, rows, "λ, violations and the cosine of the gradients: means over steps.")]


def _table(title: str, columns: Mapping[str, tuple[str, float, int]], rows: Sequence[Row], note: str = "") -> Table:
    head = ("share, arm", *(name for name, _, _ in columns.values()), "seeds")
    cells = [
        (
            _label(row),
            *(_cell(row.figures.get(name), factor, digits) for name, (_, factor, digits) in columns.items()),
            str(len(row.seeds)),
        )
        for row in rows
    ]
    return Table(title, head, tuple(cells), note)


def _compared(config: StudyConfig, rows: Sequence[Row]) -> list[Table]:
    """Return the differences from the baseline at equal shares, those that the intervals tell from 0 marked."""
    base = {row.share: row for row in rows if row.arm == config.baseline}
    others = [row for row in rows if row.arm != config.baseline and row.share in base]
    if not others:
        return []
    cells = []
    for row in others:
        differences = []
        for name, (_, factor, digits) in MAIN.items():
            own, usual = row.figures.get(name), base[row.share].figures.get(name)
            if own is None or usual is None:
                differences.append("-")
                continue
            difference = Figure(own.value - usual.value, (own.error**2 + usual.error**2) ** 0.5)
            differences.append(_cell(difference, factor, digits, signed=True) + _mark(name, difference))
        cells.append((_label(row), *differences))
    note = "** better, !! worse by more than half a 95 % interval of the difference."
    head = ("share, arm", *(name for name, _, _ in MAIN.values()))
    return [Table(f"less what {config.baseline} came to", head, tuple(cells), note)]


def _mark(name: str, difference: Figure) -> str:
    if abs(difference.value) <= WIDTH * difference.error or difference.error == 0 or name == "novel":
        return ""
    return " **" if (difference.value < 0) == (name in LOWER_IS_BETTER) else " !!"


def _label(row: Row) -> str:
    return f"{100 * row.share:g} %, {row.arm}"


def _cell(figure: Figure | None, factor: float, digits: int, *, signed: bool = False) -> str:
    if figure is None or figure.value != figure.value:
        return "-"
    value = f"{factor * figure.value:{'+' if signed else ''}.{digits}f}"
    return f"{value} ±{factor * WIDTH * figure.error:.{digits}f}" if figure.error else value


def write_results(config: StudyConfig, folder: Path) -> list[Table]:
    """Write `tables.md` and `figures.json` of the cells that are done, and return the tables."""
    rows = gather(config, folder)
    found = tables(config, rows) if rows else []
    done, all_cells = sum(len(row.seeds) for row in rows), len(config.cells())
    text = f"{done} of {all_cells} cells.\n\n" + "\n".join(table.markdown() for table in found)
    (folder / "tables.md").write_text(text, encoding="utf-8")
    plain = [
        {"arm": row.arm, "share": row.share, "seeds": row.seeds} | {name: vars(f) for name, f in row.figures.items()}
        for row in rows
    ]
    (folder / "figures.json").write_text(json.dumps(plain, indent=1) + "\n")
    return found
