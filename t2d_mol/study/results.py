"""What the cells of a study come to so far: figures pooled over the seeds, and tables of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist, fmean
from typing import Any, Final

from t2d_mol.evaluation.tables import Table
from t2d_mol.io.settings import write_json
from t2d_mol.judge_checkpoint import BUNDLED_JUDGE, JudgeCheckpoint
from t2d_mol.properties import BY_KEY, KEYS
from t2d_mol.study.cell import read_figures
from t2d_mol.study.figure import Figure, between_seeds, mean_of_seeds
from t2d_mol.study.plan import PRETRAINED, StudyConfig

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


SHARED: Final = {"bound", "unconditional_bound"}
"""Figures whose molecules are the same at all seeds."""


@dataclass(frozen=True, eq=False)
class Difference:
    """How far one arm's figure lies above another's.

    Attributes:
        figure: the mean over the seeds both have, with the error that their molecules give it.
        seeds: the difference at each of these seeds.
        by_molecule: whether it was taken molecule by molecule, so that its error is known.
    """

    figure: Figure
    seeds: tuple[float, ...]
    by_molecule: bool

    @classmethod
    def between(cls, name: str, own: Sequence[Figure], others: Sequence[Figure]) -> "Difference":
        """Hold the figures of the same seeds against one another."""
        found = [figure.less(other) for figure, other in zip(own, others, strict=True)]
        by_molecule = all(figure.entries is not None for figure in found)
        return cls(mean_of_seeds(found, alike=name in SHARED), tuple(figure.value for figure in found), by_molecule)

    @property
    def clear(self) -> bool:
        """Whether it is told from 0 by its interval and has one sign at all seeds."""
        one_sign = min(self.seeds) > 0 or max(self.seeds) < 0
        return one_sign and self.by_molecule and WIDTH * self.figure.error < abs(self.figure.value)


@dataclass(frozen=True, eq=False)
class Row:
    """What the seeds of one arm at one share came to.

    Attributes:
        arm, share: see `plan.Cell`.
        seeds: the figures of the seeds that are done.
    """

    arm: str
    share: float
    seeds: Mapping[int, Mapping[str, Figure]]

    @property
    def figures(self) -> dict[str, Figure]:
        """The means over the seeds of the figures all have.

        Their standard error is what the molecules say or what the seeds' scatter says, whichever is larger.
        """
        told = list(self.seeds.values())
        found = {}
        for name in [name for name in told[0] if all(name in seed for seed in told)]:
            each = [seed[name] for seed in told]
            whole = mean_of_seeds(each, alike=name in SHARED)
            found[name] = Figure(whole.value, max(whole.error, between_seeds(each)))
        return found

    def less(self, other: "Row") -> dict[str, Difference]:
        """Return the differences from another row, over the seeds that both have."""
        common = [seed for seed in self.seeds if seed in other.seeds]
        names = [name for name in self.figures if common and name in other.figures]
        return {
            name: Difference.between(name, *([row.seeds[seed][name] for seed in common] for row in (self, other)))
            for name in names
        }


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
    arms = [PRETRAINED, *config.arms]
    ordered = sorted(found.items(), key=lambda item: (item[0][0], arms.index(item[0][1])))
    return [Row(arm, share, seeds) for (share, arm), seeds in ordered]


def tables(config: StudyConfig, rows: Sequence[Row]) -> list[Table]:
    """Return the tables of a study: what matters, errors by property, against the baseline, how training went."""
    note = (
        f"± {WIDTH:.2f} standard errors: of the molecules or, where larger, between the seeds. MAE / shuffled: mean over "
        "the six properties of the error of exact prompts over that of shuffled labels; a random molecule of the same "
        f"size has {_ignorant():.3f}. −log p: of the same molecules of the test split in every cell."
    )
    found = [_table("what the cells come to", MAIN, rows, note)]
    errors = {f"mae.{key}": (f"{key} ({BY_KEY[key].unit})", 1, 3) for key in KEYS}
    found.append(_table("mean absolute error of exact prompts", errors, rows))
    hits = {f"hit.{key}": (key, 100, 1) for key in KEYS}
    note = "Atom counts are drawn given the level, so that more than a fifth is reached without reading the prompt."
    found.append(_table("levels of general prompts reached, %", hits, rows, note))
    found += _compared(config, rows)
    note = "λ, violations, L1' and the cosine of the gradients: means over logged spans with a look at the constraint."
    return [*found, _table("training", TRAINING, rows, note)]


def _ignorant() -> float:
    """Return the error, in units of that of shuffled labels, of real molecules that have only the right size."""
    results = JudgeCheckpoint.load(BUNDLED_JUDGE).results
    return fmean(results["same_size"][key] / results["u_bound"][key] for key in KEYS)


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
        differences = row.less(base[row.share])
        cells.append((
            _label(row),
            *(_compared_cell(name, differences.get(name), *form) for name, (_, *form) in MAIN.items()),
        ))  # fmt: skip
    note = (
        f"± {WIDTH:.2f} standard errors of the molecules, held against one another one by one: asked for alike, from the "
        "same noise. In brackets the seeds. ** better, !! worse by more than ± and at every seed."
    )
    head = ("share, arm", *(name for name, _, _ in MAIN.values()))
    return [Table(f"less what {config.baseline} came to at the same seeds", head, tuple(cells), note)]


def _compared_cell(name: str, difference: Difference | None, factor: float, digits: int) -> str:
    if difference is None:
        return "-"
    text = _cell(difference.figure, factor, digits, signed=True)
    if len(difference.seeds) > 1:
        text += f" ({', '.join(f'{factor * value:+.{digits}f}' for value in difference.seeds)})"
    if name == "novel" or not difference.clear:
        return text
    return text + (" **" if (difference.figure.value < 0) == (name in LOWER_IS_BETTER) else " !!")


def _label(row: Row) -> str:
    return f"{100 * row.share:g} %, {row.arm}" if row.share else row.arm


def _cell(figure: Figure | None, factor: float, digits: int, *, signed: bool = False) -> str:
    if figure is None or figure.value != figure.value:
        return "-"
    value = f"{factor * figure.value:{'+' if signed else ''}.{digits}f}"
    return f"{value} ±{factor * WIDTH * figure.error:.{digits}f}" if figure.error else value


def _plain(figures: Mapping[str, Figure]) -> dict[str, Any]:
    return {
        name: {"value": figure.value if math.isfinite(figure.value) else None, "error": figure.error}
        for name, figure in figures.items()
    }


def write_results(config: StudyConfig, folder: Path) -> list[Table]:
    """Write `tables.md` and `figures.json` of the cells that are done, and return the tables."""
    rows = gather(config, folder)
    found = tables(config, rows) if rows else []
    done, all_cells = sum(len(row.seeds) for row in rows), len(config.cells())
    text = f"{done} of {all_cells} cells.\n\n" + "\n".join(table.markdown() for table in found)
    part = folder / "tables.part.md"
    part.write_text(text, encoding="utf-8")
    part.replace(folder / "tables.md")
    plain = [{"arm": row.arm, "share": row.share, "seeds": list(row.seeds), **_plain(row.figures)} for row in rows]
    write_json(folder / "figures.json", plain)
    return found
