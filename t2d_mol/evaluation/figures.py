"""Figures of what was found: targets against results, levels, bond lengths, atom counts."""

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from t2d_mol.errors import UsageError
from t2d_mol.evaluation.distributions import FEWEST
from t2d_mol.evaluation.findings import Findings
from t2d_mol.io.output import check_free, open_output
from t2d_mol.properties import BY_KEY, KEYS, LEVELS
from t2d_mol.targets import HIT_WIDTH

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK: Final = "#1f2937"
"""Lines and text; in SVG it becomes `currentColor`, so that a figure is dark on light pages and light on dark ones."""

BLUE: Final = "#3d86c6"
ORANGE: Final = "#d9822b"
"""Two colours that differ in every form of colour blindness and can be read on white and on black."""

BOND_KINDS: Final = 6
"""Bond kinds shown, the commonest ones."""

_MANY: Final = 1000
"""More points than this are drawn as pixels within an SVG."""
_STYLE: Final = {
    "font.size": 9,
    "axes.titlesize": 10,
    "figure.constrained_layout.use": True,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "savefig.dpi": 150,
    "svg.fonttype": "none",
}


@dataclass(frozen=True)
class Drawing:
    """A figure.

    Attributes:
        name: of its file, without suffix.
        caption: what it shows, in a sentence.
        figure: matplotlib's.
    """

    name: str
    caption: str
    figure: "Figure"

    def svg(self) -> str:
        """Return it as an SVG file without date, whose background is transparent; the same for the same figure."""
        stream = io.StringIO()
        with style({"svg.hashsalt": self.name}):
            nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
            self.figure.savefig(stream, format="svg", transparent=True, metadata=nothing)
        return stream.getvalue().replace(INK, "currentColor")

    def png(self) -> bytes:
        """Return it as a PNG file on white."""
        stream = io.BytesIO()
        with style():
            self.figure.savefig(stream, format="png", facecolor="white", metadata={"Software": None})
        return stream.getvalue()


def require_matplotlib() -> None:
    """See that figures can be drawn.

    Raises:
        UsageError: if matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise UsageError("figures need matplotlib", "pip install 't2d-mol[plot]'") from None


def write_plots(drawings: Sequence[Drawing], folder: Path, *, force: bool = False) -> list[Path]:
    """Write figures as PNG files into a folder and return their paths; nothing is written if one may not be.

    Raises:
        UsageError: if a file exists and `force` is off, or the folder cannot be written.
    """
    paths = [folder / f"{drawing.name}.png" for drawing in drawings]
    for path in paths:
        check_free(path, force=force)
    for path, drawing in zip(paths, drawings, strict=True):
        with open_output(str(path), force=force) as stream:
            stream.buffer.write(drawing.png())
    return paths


def draw(found: Findings) -> list[Drawing]:
    """Return the figures there is something to draw for.

    Raises:
        UsageError: if matplotlib is not installed.
    """
    require_matplotlib()
    with style():
        return [*_targets(found), *_levels(found), *_bonds(found), *_atoms(found)]


@contextmanager
def style(more: dict[str, Any] | None = None) -> Iterator[None]:
    """Draw within the block as all figures are drawn."""
    from matplotlib import rc_context

    with rc_context(cast(Any, _STYLE | (more or {}))):
        yield


def panels(rows: int, columns: int, size: tuple[float, float]) -> "tuple[Figure, list[Axes]]":
    """Return a figure of panels, `size` inches each."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(columns * size[0], rows * size[1]))
    return figure, list(figure.subplots(rows, columns, squeeze=False).flat)


def _targets(found: Findings) -> Iterator[Drawing]:
    """Yield, of each property asked for exactly, what was asked against what was read."""
    for key in KEYS:
        asked, read = found.paired(key)
        if not len(asked):
            continue
        prop = BY_KEY[key]
        figure, (panel,) = panels(1, 1, (3.5, 3.9))
        low, high = min(asked.min(), read.min()), max(asked.max(), read.max())
        margin = 0.05 * (high - low) or 1.0
        ends = np.array([low - margin, high + margin])
        panel.plot(ends, ends, color=INK, lw=1, label="as asked for")
        if found.judge:
            width = HIT_WIDTH * found.judge.statistics.mad[KEYS.index(key)]
            label = f"hit: within {width:.2g} {prop.unit}"
            panel.fill_between(ends, ends - width, ends + width, color=ORANGE, alpha=0.3, lw=0, label=label)
        panel.plot(
            asked, read, "o", color=BLUE, ms=4, alpha=0.75, mec="none", rasterized=len(asked) > _MANY, label="molecules"
        )
        panel.set(xlim=ends, ylim=ends, aspect="equal")
        symbol = re.sub(r"_(\w+)", r"$_{\\mathrm{\1}}$", prop.symbol)
        panel.set_xlabel(f"{symbol} asked for / {prop.unit}")
        panel.set_ylabel(f"{symbol} by oracle {found.summary['oracle']} / {prop.unit}")
        panel.set_title(f"MAE {np.abs(asked - read).mean():.3g} {prop.unit}, {len(asked)} molecules")
        figure.suptitle(prop.name, fontsize=10, fontweight="bold")
        figure.legend(loc="outside lower center", ncols=2, handlelength=1.2, fontsize=8)
        yield Drawing(f"target-{key}", f"{prop.name}: what was asked for and what came", figure)


def _levels(found: Findings) -> Iterator[Drawing]:
    """Yield, of each property asked for in words, the shares of each level's molecules that reached each level."""
    from matplotlib.colors import LinearSegmentedColormap, to_rgba

    shades = LinearSegmentedColormap.from_list("share", [to_rgba(BLUE, 0.0), to_rgba(BLUE, 0.75)])
    for key, wordings in found.summary.get("levels", {}).items():
        figure, places = panels(1, len(wordings), (2.85, 3.2))
        for panel, (wording, entry) in zip(places, wordings.items(), strict=True):
            counts = np.array(entry["confusion"], float)
            totals = counts.sum(1, keepdims=True)
            shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
            panel.pcolormesh(shares, cmap=shades, vmin=0, vmax=1, edgecolors=INK, linewidth=0.4)
            for row, column in np.argwhere(totals.repeat(len(LEVELS), 1) > 0):
                share = f"{100 * shares[row, column]:.0f}"
                bold = "bold" if row == column else "normal"
                panel.text(column + 0.5, row + 0.5, share, ha="center", va="center", fontsize=8, fontweight=bold)
            middles = np.arange(len(LEVELS)) + 0.5
            panel.set_xticks(middles, LEVELS, rotation=30, ha="right", rotation_mode="anchor")
            panel.set_yticks(middles, LEVELS)
            panel.set(xlabel="level reached", ylabel="level asked for", aspect="equal")
            panel.tick_params(length=0)
            panel.set_title(f"{wording} wordings\n{100 * entry['hit']:.0f} % hits, {entry['n']} molecules")
        name = BY_KEY[key].name
        figure.suptitle(f"{name}: shares of each row in %", fontsize=10, fontweight="bold")
        yield Drawing(f"levels-{key}", f"{name}: levels asked for in words and levels reached", figure)


def _bonds(found: Findings) -> Iterator[Drawing]:
    """Yield the lengths of the commonest kinds of bonds, beside those of QM9's test split."""
    kept = found.judge.reference if found.judge else {}
    own = {name: values for name, values in found.samples.items() if name.startswith("bond ") and len(values) >= FEWEST}
    counts = {name: int(kept[f"count {name}"]) if name in kept else len(values) for name, values in own.items()}
    chosen = sorted((name for name in own if name in kept or not kept), key=lambda name: -counts[name])[:BOND_KINDS]
    if not chosen:
        return
    columns = min(3, len(chosen))
    figure, places = panels(-(-len(chosen) // columns), columns, (2.9, 2.4))
    for panel, name in zip(places, chosen, strict=False):
        usual = kept[name].double().numpy() if name in kept else None
        _lengths(panel, own[name], usual)
        kind = name.removeprefix("bond ")
        panel.set_title(f"{kind[::-1] if kind.startswith('H') else kind}, {len(own[name])} bonds")
    for panel in places[len(chosen) :]:
        panel.remove()
    figure.legend(*places[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    figure.supxlabel("what lies beyond a panel is counted at its edge", fontsize=8)
    yield Drawing("bond-lengths", "Bond lengths of the commonest kinds", figure)


def _lengths(panel: "Axes", own: NDArray[np.float64], usual: NDArray[np.float64] | None) -> None:
    low, high = np.quantile(own if usual is None else usual, [0.01, 0.99])
    margin = max(high - low, 0.01)
    bins = np.linspace(low - margin, high + margin, int(np.clip(3 * np.sqrt(len(own)), 16, 60))).tolist()
    if usual is not None:
        panel.hist(np.clip(usual, bins[0], bins[-1]), bins, density=True, color=INK, alpha=0.25, label="QM9's test split")
    panel.hist(
        np.clip(own, bins[0], bins[-1]), bins, density=True, color=BLUE, histtype="step", lw=1.4, label="these molecules"
    )
    panel.set(xlabel="length / Å", ylabel="density / Å$^{-1}$")


def _atoms(found: Findings) -> Iterator[Drawing]:
    """Yield the shares of molecules by atom count, beside those of QM9's test split."""
    if not len(found.samples.get("atoms", ())):
        return
    own = np.bincount(found.samples["atoms"].astype(int))
    figure, (panel,) = panels(1, 1, (5.2, 3.4))
    if found.judge and "atoms" in found.judge.reference:
        usual = found.judge.reference["atoms"].double().numpy()
        panel.bar(np.arange(len(usual)), 100 * usual / usual.sum(), 1.0, color=INK, alpha=0.25, label="QM9's test split")
    edges = np.arange(len(own) + 1) - 0.5
    panel.stairs(100 * own / own.sum(), edges, color=BLUE, lw=1.4, label="these molecules")
    panel.set(xlabel="number of atoms, hydrogens included", ylabel="share of molecules / %")
    panel.set_xlim(left=min(found.samples["atoms"].min(), 5) - 1)
    panel.set_title(f"atom counts of {own.sum()} molecules")
    panel.legend(loc="upper left")
    yield Drawing("atom-counts", "Atom counts", figure)
