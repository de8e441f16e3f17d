"""The report: one HTML page of tables, figures and molecules that needs nothing but itself."""

from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Final

from t2d_mol import __version__
from t2d_mol.chem import drawing
from t2d_mol.errors import InputError
from t2d_mol.evaluation import figures
from t2d_mol.evaluation.findings import Findings
from t2d_mol.evaluation.oracles.base import Reading
from t2d_mol.evaluation.score import Score
from t2d_mol.evaluation.tables import Table
from t2d_mol.io.output import check_free, open_output
from t2d_mol.io.page import inline, page
from t2d_mol.io.record import SHARED_KEYS
from t2d_mol.prompts.grammar import describe_wish
from t2d_mol.properties import BY_KEY, KEYS

MOLECULES: Final = 48
"""Molecules drawn at most."""


def write_report(found: Findings, path: Path, *, force: bool = False) -> None:
    """Write the page.

    Raises:
        UsageError: if matplotlib is missing, or the file exists and `force` is off, or its folder cannot be written.
    """
    check_free(path, force=force)
    text = report_page(found)
    with open_output(str(path), force=force) as stream:
        stream.write(text)


def report_page(found: Findings) -> str:
    """Return the page; whatever a user gave stands there as text, and no script but its own can run.

    Raises:
        UsageError: if matplotlib is not installed.
    """
    template = files("t2d_mol.evaluation").joinpath("report.html").read_text(encoding="utf-8")
    parts = {"Results": _results(found), "Figures": _figures(found), "Molecules": _molecules(found.scores)}
    present = {title: body for title, body in parts.items() if body}
    return page(
        template,
        title=f"Evaluation of {_counted(found.summary['n'], 'molecule')}",
        version=escape(__version__),
        facts="".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in _facts(found)),
        links="".join(f'<a href="#{title.lower()}">{title}</a>' for title in present),
        parts="\n".join(
            f'<section id="{title.lower()}"><h2>{title}</h2>{body}</section>' for title, body in present.items()
        ),
    )


def _facts(found: Findings) -> Iterable[tuple[str, str]]:
    """Yield what was evaluated and how."""
    summary = found.summary
    yield "valid by their bonds", f"{100 * summary['bonds']['valid']:.1f} %"
    if summary["unreadable"]:
        yield "records left out as unreadable", str(summary["unreadable"])
    yield "oracle of properties", summary["oracle"]
    for name in ("failed", "out_of_domain"):
        share = (summary["properties"] or {}).get(name)
        if share:
            yield f"{name.replace('_', ' ')}, by the oracle", f"{100 * share:.1f} %"
    for name in SHARED_KEYS:
        values = {str(score.entry.columns.get(name, "")) for score in found.scores}
        if len(values) == 1 and (value := values.pop()):
            yield name, value


def _results(found: Findings) -> str:
    tables = "".join(f'<figure class="sheet">{_table(table)}</figure>' for table in found.tables())
    reasons = "; ".join(f"{name}: {why}" for name, why in found.summary["reasons"].items())
    left_out = f'<p class="faint">Not here: {escape(reasons)}.</p>' if reasons else ""
    note = '<p class="faint">Brackets and ± are 95 % bootstrap intervals. Click the title of a column to sort by it.</p>'
    return f'{note}<div class="sheets">{tables}</div>{left_out}'


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in table.head)
    rows = "".join(
        f'<tr><th scope="row">{escape(first)}</th>' + "".join(f"<td>{escape(cell)}</td>" for cell in rest) + "</tr>"
        for first, *rest in table.rows
    )
    note = f"<figcaption>{escape(table.note)}</figcaption>" if table.note else ""
    caption = f"<caption>{escape(table.title)}</caption>"
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{note}"


def _figures(found: Findings) -> str:
    drawn = []
    for item in figures.draw(found):
        label = f'<svg role="img" aria-label="{escape(item.caption)}"'
        svg = inline(item.svg(), item.name).replace("<svg", label, 1)
        drawn.append(f'<figure class="sheet plot">{svg}</figure>')
    return f'<div class="sheets">{"".join(drawn)}</div>' if drawn else ""


def _molecules(scores: Sequence[Score]) -> str:
    """Return the cards of molecules taken evenly from all."""
    shown = min(MOLECULES, len(scores))
    chosen = [scores[place * len(scores) // shown] for place in range(shown)]
    which = "All of them." if shown == len(scores) else f"{shown} of {len(scores)}, taken evenly from the first to the last."
    if any(score.reading and score.reading.intervals for score in chosen):
        which += " Brackets are 90 % prediction intervals."
    return f'<p class="faint">{which}</p><ol class="cards">{"".join(map(_card, chosen))}</ol>'


def _card(score: Score) -> str:
    marks = [_mark(score.state, score.state)]
    if score.reading and score.reading.out_of_domain:
        marks.append(_mark("odd", "out of domain", "unlike the molecules the oracle was made for"))
    lines = [f'<div class="top"><span class="number faint">no. {score.entry.number}</span>{"".join(marks)}</div>']
    lines.append(_drawing(score))
    smiles = score.smiles or score.entry.smiles
    lines.append(f"<code>{escape(smiles)}</code>" if smiles else "")
    lines.append(f'<span class="faint">{escape(score.reason)}</span>' if score.reason else "")
    prompt = str(score.entry.columns.get("prompt", ""))
    lines.append(f"<blockquote>{escape(prompt)}</blockquote>" if prompt else "")
    lines.append(_readings(score))
    return f'<li class="card">{"".join(lines)}</li>'


def _drawing(score: Score) -> str:
    shape = score.smiles or score.entry.molecule or score.entry.smiles
    try:
        svg = inline(drawing.draw(shape), "")
    except InputError as error:
        return f'<div class="blank faint">not drawn: {escape(str(error))}</div>'
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(score.smiles or "molecule")}"', 1)


def _readings(score: Score) -> str:
    """Return what was asked for beside what the oracle reads; all it reads where nothing was asked for."""
    reading, lines = score.reading or Reading(), []
    for target in score.entry.targets:
        verdict = _verdict(score.hits.get(target.property))
        lines.append(f"<dt>{_symbol(target.property)}</dt><dd>asked {escape(describe_wish(target))}</dd>{verdict}")
        lines.append(f'<dd class="read">{read(reading, target.property)}</dd>' if target.property in reading.values else "")
    if not score.entry.targets:
        lines += [
            f"<dt>{_symbol(key)}</dt><dd class='read'>{read(reading, key)}</dd>" for key in KEYS if key in reading.values
        ]
    failed = f'<span class="faint">oracle: {escape(reading.reason)}</span>' if reading.reason else ""
    return (f"<dl>{''.join(lines)}</dl>" if lines else "") + failed


def read(reading: Reading, key: str) -> str:
    """Return what an oracle reads of a property, with its interval, as markup."""
    value, unit = f"{reading.values[key]:.4g}", escape(BY_KEY[key].unit)
    if key not in reading.intervals:
        return f"{value} {unit}"
    low, high = reading.intervals[key]
    return f'{value} <span class="faint">[{low:.4g}, {high:.4g}]</span> {unit}'


def _verdict(hit: bool | None) -> str:
    if hit is None:
        return ""
    return f'<dd class="verdict">{_mark("hit", "hit") if hit else _mark("missed", "missed")}</dd>'


def _mark(kind: str, text: str, title: str = "") -> str:
    hover = f' title="{escape(title)}"' if title else ""
    return f'<span class="mark {kind}"{hover}>{escape(text)}</span>'


def _symbol(key: str) -> str:
    symbol, _, index = escape(BY_KEY[key].symbol).partition("_")
    return f'<span title="{escape(BY_KEY[key].name)}">{symbol}<sub>{index}</sub></span>'


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
