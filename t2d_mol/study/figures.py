"""Figures of a study: errors against the share of labels, quality, and the constraint over training."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from t2d_mol.evaluation.figures import INK, Drawing, panels, require_matplotlib, style
from t2d_mol.properties import BY_KEY, KEYS
from t2d_mol.study.plan import PRETRAINED, StudyConfig
from t2d_mol.study.results import WIDTH, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS: Final = ("#3d86c6", "#d9822b", "#2a9d5c", "#b8569b", "#8a8f98", "#c44536", "#7a6ff0", "#a88b1d")
"""One for each arm, in turn; told apart in the common forms of colour blindness, and if they come again by markers."""

MARKERS: Final = "osD^vPX*"

QUALITY: Final = {
    "mae": ("MAE / shuffled labels", 1),
    "hit": ("levels reached / %", 100),
    "valid": ("valid / %", 100),
    "lookup_molecule_stable": ("stable by look-up / %", 100),
    "bound": ("−log p ≤ / nats", 1),
    "validation_unconditional": ("validation L1'", 1),
}
CONSTRAINT: Final = {
    "lambda": "λ",
    "violated": "share violated",
    "cosine": "cosine of the gradients",
    "unconditional": "L1'",
}


def draw(config: StudyConfig, rows: Sequence[Row], folder: Path) -> list[Drawing]:
    """Return the figures there is something to draw for.

    Raises:
        UsageError: if matplotlib is not installed.
    """
    require_matplotlib()
    with style():
        return [*_against_share(config, rows), *_over_training(config, folder)]


def _against_share(config: StudyConfig, rows: Sequence[Row]) -> Iterator[Drawing]:
    """Yield what arms came to against the share of labels: errors by property, and quality."""
    errors = {f"mae.{key}": (f"{BY_KEY[key].symbol.split('_')[0]}: MAE / {BY_KEY[key].unit}", 1) for key in KEYS}
    for name, columns, caption in (
        ("errors", errors, "Mean absolute error of exact prompts against the share of labels"),
        ("quality", QUALITY, "Control and quality against the share of labels"),
    ):
        figure, places = panels(2, 3, (2.9, 2.5))
        for panel, (key, (title, factor)) in zip(places, columns.items(), strict=True):
            for number, arm in enumerate(config.arms):
                _line(panel, [row for row in rows if row.arm == arm and key in row.figures], key, factor, number)
            for row in rows:
                if row.arm == PRETRAINED and key in row.figures:
                    panel.axhline(factor * row.figures[key].value, color=INK, lw=0.8, ls=":", label=PRETRAINED)
            panel.set_title(title)
            panel.set_xscale("log")
            shares = sorted({row.share for row in rows if row.share})
            panel.set_xticks(shares, [f"{100 * share:g}" for share in shares])
            panel.minorticks_off()
        figure.legend(*places[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
        figure.supxlabel("labelled share of half B / %; bars: 95 % intervals", fontsize=8)
        yield Drawing(name, caption, figure)


def _line(panel: "Axes", rows: Sequence[Row], key: str, factor: float, number: int) -> None:
    if not rows:
        return
    values = [factor * row.figures[key].value for row in rows]
    errors = [factor * WIDTH * row.figures[key].error for row in rows]
    shift = 1 + 0.04 * (number - 2)
    panel.errorbar(
        [row.share * shift for row in rows], values, errors, label=rows[0].arm, color=COLOURS[number % len(COLOURS)],
        marker=MARKERS[(number + number // len(COLOURS)) % len(MARKERS)], ms=4, lw=1.2, elinewidth=0.8, capsize=2,
    )  # fmt: skip


def _over_training(config: StudyConfig, folder: Path) -> Iterator[Drawing]:
    """Yield, of the first seed, how the constraint went at each share."""
    seed = config.seeds[0]
    logs: dict[tuple[float, str], list[Mapping[str, float]]] = {}
    for cell in config.cells():
        path = folder / "cells" / cell.name / "metrics.jsonl"
        if cell.seed != seed or not path.exists():
            continue
        looked = [row for row in map(json.loads, path.read_text().splitlines()) if "lambda" in row]
        if looked:
            logs[cell.share, cell.arm] = looked
    shares = sorted({share for share, _ in logs})
    if not shares:
        return
    figure, places = panels(len(CONSTRAINT), len(shares), (2.9, 1.9))
    arms = list(config.arms)
    for place, panel in enumerate(places):
        name, share = list(CONSTRAINT)[place // len(shares)], shares[place % len(shares)]
        for (own, arm), rows in logs.items():
            if own == share:
                steps, values = [row["step"] for row in rows], [row[name] for row in rows]
                panel.plot(steps, values, color=COLOURS[arms.index(arm) % len(COLOURS)], lw=1.0, label=arm)
        if place < len(shares):
            panel.set_title(f"{100 * share:g} % of the labels")
        if place % len(shares) == 0:
            panel.set_ylabel(CONSTRAINT[name])
        panel.axhline(0.0, color=INK, lw=0.4) if name == "lambda" else None
    known = {label: line for panel in places for line, label in zip(*panel.get_legend_handles_labels(), strict=True)}
    figure.legend(list(known.values()), list(known), loc="outside upper center", ncols=3)
    figure.supxlabel("step; means over 50 steps", fontsize=8)
    yield Drawing("constraint", "The constraint over training", figure)
