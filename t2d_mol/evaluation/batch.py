"""A table of prompts to a table of scored molecules, row by row, resumable."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from t2d_mol.errors import InputError
from t2d_mol.evaluation.ratios import Ratio, intervals
from t2d_mol.evaluation.score import Entry, Score
from t2d_mol.evaluation.summary import SCHEMA
from t2d_mol.io.output import open_output, part_of, resumable_lines
from t2d_mol.io.prompts import PromptRow
from t2d_mol.io.record import Record, molecule_of, targets_of, times, told, was_relaxed
from t2d_mol.properties import KEYS

Row = dict[str, Any]


def score_records(
    records: Iterable[Record], rows: Sequence[PromptRow], score: Callable[[Iterable[Entry]], Iterator[Score]]
) -> Iterator[tuple[Row, Score]]:
    """Yield the row and score of each generated record, in order.

    A row holds the columns its prompt came with (`input_` before a name that clashes), what the record tells and the score.
    """
    entries = (
        Entry(number, molecule_of(record), "", targets_of(record), columns=told(record))
        for number, record in enumerate(records, 1)
    )
    for scored in score(entries):
        row = scored.row()
        del row["number"]
        own = rows[row["row"]].columns
        yield {f"input_{name}" if name in row else name: value for name, value in own.items()} | row, scored


def rows_done(path: str, *, force: bool) -> list[Row]:
    """Return the rows an earlier, unfinished run left for a file, cutting off what is not a whole row.

    Raises:
        InputError: if the file is finished, or it goes to stdout.
    """
    target = Path(path)
    if path == "-" or (target.exists() and not force):
        raise InputError(f"{path} cannot be resumed: " + ("it is a stream" if path == "-" else "it is finished"))
    lines = resumable_lines(part_of(target))
    if target.suffix == ".jsonl":
        return [json.loads(line) for line in lines]
    return list(csv.DictReader(lines))


def write_rows(
    made: Iterable[tuple[Row, Score]], path: str, done: Sequence[Row], *, force: bool
) -> tuple[list[Row], list[Score]]:
    """Write rows as CSV, or as JSON lines where the name says so, each flushed when it is known; return them and scores."""
    jsonl = Path(path).suffix == ".jsonl"
    rows, scores = list[Row](), list[Score]()
    with open_output(path, force=force, resume=bool(done)) as stream:
        for row, score in made:
            if not jsonl and not (done or scores):
                stream.write(_line(row))
            stream.write(json.dumps(row, ensure_ascii=False) + "\n" if jsonl else _line(row.values()))
            stream.flush()
            rows.append(row)
            scores.append(score)
    return rows, scores


def summarise_rows(rows: Sequence[Row], oracle: str) -> dict[str, Any]:
    """Return what rows of scores alone tell: validity, errors and hits; the keys are those of `summary.summarise`."""
    found = {"bonds.valid": Ratio.of([row["state"] == "valid" for row in rows])}
    for key in KEYS:
        hits = np.array([_cell(row, f"{key}_hit") for row in rows])
        errors = np.array([_cell(row, f"{key}_error") for row in rows])
        if not (errors != "").any():
            continue
        levels = np.array([f'"property": "{key}", "op": "level"' in _cell(row, "targets") for row in rows])
        read = (errors != "") & ~levels
        found[f"targets.{key}.mae"] = Ratio.of([float(e) if r else 0.0 for e, r in zip(errors, read, strict=True)], read)
        found[f"targets.{key}.hit"] = Ratio.of(hits == "True", hits != "")
        found[f"targets.{key}.level_share"] = Ratio.of(levels & (hits != ""), hits != "")
        found[f"targets.{key}.failed"] = Ratio.of((hits != "") & (errors == ""), hits != "")
    absent = ("lookup", "properties", "checks", "relaxation", "distributions")
    summary: dict[str, Any] = {"schema": SCHEMA, "n": len(rows), "unreadable": 0, "oracle": oracle, **dict.fromkeys(absent)}
    summary["candidates"] = max((times(row.get("candidates"), least=1) for row in rows), default=1)
    summary["repaired"] = sum(times(row.get("repairs")) > 0 for row in rows)
    summary["came_relaxed"] = sum(was_relaxed(_cell(row, "relaxed")) for row in rows)
    summary |= {"bonds": {"valid": found["bonds.valid"].value}, "targets": None}
    for name, ratio in found.items():
        if name.startswith("targets."):
            _, key, figure = name.split(".")
            summary["targets"] = summary["targets"] or {}
            summary["targets"].setdefault(key, {"n": int(found[f"targets.{key}.hit"].wholes.sum())})[figure] = ratio.value
    reasons = {name: "rows of a resumed batch do not tell" for name in absent}
    return summary | {"intervals": intervals(found), "reasons": reasons}


def _cell(row: Row, name: str) -> str:
    value = row.get(name)
    return "" if value is None else json.dumps(value) if isinstance(value, list | dict) else str(value)


def _line(values: Iterable[Any]) -> str:
    """Return one line of CSV; nested values become JSON, line breaks within a value spaces, so that a row is a line."""
    stream = io.StringIO()
    cells = [
        json.dumps(v, ensure_ascii=False) if isinstance(v, dict | list) else "" if v is None else str(v) for v in values
    ]
    csv.writer(stream, lineterminator="\n").writerow([" ".join(cell.splitlines()) for cell in cells])
    return stream.getvalue()
