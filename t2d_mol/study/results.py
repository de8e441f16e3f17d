"""What the cells of a study come to so far: figures pooled over the seeds, and tables of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist, fmean, stdev
from typing import Final

import torch
from torch import Tensor

from t2d_mol.evaluation.tables import Table
from t2d_mol.io.settings import write_json
from t2d_mol.judge_checkpoint import BUNDLED_JUDGE, JudgeCheckpoint
from t2d_mol.properties import BY_KEY, KEYS
from t2d_mol.study.cell import Figure, Outcome, mean, read_outcome, to_plain
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


@dataclass(frozen=True, eq=False)
class Row:
    """What the seeds of one arm at one share came to.

    Attributes:
        arm, share: see `plan.Cell`.
        outcomes: of the seeds that are done.
    """

    arm: str
    share: float
    outcomes: Mapping[int, Outcome]

    @property
    def figures(self) -> dict[str, Figure]:
        """The figures all seeds have, pooled over them; those of the bounds by molecule, as seeds share these."""
        found = pooled([outcome.figures for outcome in self.outcomes.values()])
        return found | {name: Figure.of(totals) for name, totals in self.bounds(self.outcomes).items()}

    def bounds(self, seeds: Iterable[int]) -> dict[str, Tensor]:
        """Return the bounds on −log p (N,) of each molecule, in the mean over seeds."""
        chosen = [self.outcomes[seed].bounds for seed in seeds]
        return {name: torch.stack([bounds[name] for bounds in chosen]).mean(0) for name in chosen[0]}

    def less(self, other: "Row") -> dict[str, Figure]:
        """Return the differences from another row, over the seeds and, for the bounds, the molecules that both have."""
        common = [seed for seed in self.outcomes if seed in other.outcomes]
        if not common:
            return {}
        found = []
        for seed in common:
            own, usual = self.outcomes[seed].figures, other.outcomes[seed].figures
            found.append({name: own[name].less(usual[name]) for name in own if name in usual})
        theirs = other.bounds(common)
        return pooled(found) | {name: Figure.of(totals - theirs[name]) for name, totals in self.bounds(common).items()}


def is_done(folder: Path) -> bool:
    """Return whether a cell's folder holds its figures."""
    return (folder / "figures.json").exists()


def gather(config: StudyConfig, folder: Path) -> list[Row]:
    """Return the rows of a study of which at least one seed is done, the smallest share first."""
    found: dict[tuple[float, str], dict[int, Outcome]] = {}
    for cell in config.cells():
        outcome = read_outcome(folder / "cells" / cell.name)
        if outcome is not None:
            found.setdefault((cell.share, cell.arm), {})[cell.seed] = outcome
    arms = list(config.arms)
    ordered = sorted(found.items(), key=lambda item: (item[0][0], arms.index(item[0][1])))
    return [Row(arm, share, outcomes) for (share, arm), outcomes in ordered]


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
    note = "λ, violations, L1' and the cosine of the gradients: means over the steps that looked at the constraint."
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
            str(len(row.outcomes)),
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
            *(
                _cell(differences.get(name), factor, digits, signed=True) + _mark(name, differences.get(name))
                for name, (_, factor, digits) in MAIN.items()
            ),
        ))  # fmt: skip
    note = "** better, !! worse by more than ±; of marks that mean nothing one in twenty is to be expected."
    head = ("share, arm", *(name for name, _, _ in MAIN.values()))
    return [Table(f"less what {config.baseline} came to at the same seeds", head, tuple(cells), note)]


def _mark(name: str, difference: Figure | None) -> str:
    if difference is None or name == "novel" or not difference.error:
        return ""
    if not abs(difference.value) > WIDTH * difference.error:
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
    done, all_cells = sum(len(row.outcomes) for row in rows), len(config.cells())
    text = f"{done} of {all_cells} cells.\n\n" + "\n".join(table.markdown() for table in found)
    part = folder / "tables.part.md"
    part.write_text(text, encoding="utf-8")
    part.replace(folder / "tables.md")
    plain = [{"arm": row.arm, "share": row.share, "seeds": list(row.outcomes), **to_plain(row.figures)} for row in rows]
    write_json(folder / "figures.json", plain)
    return found
