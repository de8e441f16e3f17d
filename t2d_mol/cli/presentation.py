"""What `t2d-mol evaluate` shows of what it found: tables or JSON, rows, a page, pictures, and whether gates were missed."""

import csv
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from t2d_mol.cli import options
from t2d_mol.cli.gates import Gates
from t2d_mol.errors import Exit, UsageError

if TYPE_CHECKING:
    from t2d_mol.evaluation.findings import Findings


@dataclass(frozen=True)
class Presentation:
    """How results are shown.

    Attributes:
        as_json: one object instead of tables.
        report, plots: file of a page and folder of pictures; None for none.
        gates: what the results must reach.
        force: whether files are overwritten.
        quiet: nothing on stderr but errors.
    """

    as_json: bool
    report: Path | None
    plots: Path | None
    gates: Gates
    force: bool
    quiet: bool

    def prepare(self, rows: str | None) -> None:
        """See before the work that rows, report and plots can be written.

        Raises:
            UsageError: if one of them cannot.
        """
        from t2d_mol.io.output import check_free

        if rows is not None and Path(rows).suffix not in ("", ".csv"):
            raise UsageError(f"--rows writes CSV, not {Path(rows).suffix}", "give --rows scores.csv")
        if self.report or self.plots:
            from t2d_mol.evaluation.figures import require_matplotlib

            require_matplotlib()
        for path in (self.report, Path(rows) if rows and rows != "-" else None):
            if path:
                check_free(path, force=self.force)

    def show(self, found: "Findings", *, rows: str | None = None, silent: bool = False) -> None:
        """Write and print what was asked for; `silent` leaves out the tables, since rows of scores went to stdout.

        Raises:
            typer.Exit: with the gates' code, if one was missed.
        """
        if found.summary["properties"] is None and found.summary["oracle"] != "none":
            options.say(
                f"note: {found.summary['oracle']} read nothing: {found.summary['reasons']['properties']}", quiet=self.quiet
            )
        if rows is not None:
            self._write_rows([score.row() for score in found.scores], rows)
        if self.report:
            from t2d_mol.evaluation.report import write_report

            write_report(found, self.report, force=self.force)
        if self.plots:
            from t2d_mol.evaluation.figures import draw, write_plots

            write_plots(draw(found), self.plots, force=self.force)
        if self.as_json:
            sys.stdout.write(json.dumps(found.summary, allow_nan=False) + "\n")
        elif rows != "-" and not silent:
            sys.stdout.write("\n".join(table.text() for table in found.tables()))
        self._check_gates(found.summary)

    def show_resumed(self, summary: dict[str, Any], judge_results: dict[str, Any]) -> None:
        """Print the summary of a batch made in several runs, beside what its judge is worth; see `show`."""
        from t2d_mol.evaluation.tables import targets

        if self.as_json:
            sys.stdout.write(json.dumps(summary, allow_nan=False) + "\n")
        else:
            sys.stdout.write(f"{summary['n']} molecules, {100 * summary['bonds']['valid']:.2f} % valid by their bonds\n")
            if summary["targets"]:
                sys.stdout.write("\n" + targets(summary, judge_results).text())
        self._check_gates(summary)

    def _check_gates(self, summary: dict[str, Any]) -> None:
        missed = self.gates.missed(summary)
        for words in missed:
            options.say(f"gate missed: {words}")
        if missed:
            raise typer.Exit(Exit.GATE_MISSED)

    def _write_rows(self, rows: list[dict[str, Any]], path: str) -> None:
        from t2d_mol.io.output import open_output

        names = dict.fromkeys(name for row in rows for name in row)
        with open_output(path, force=self.force) as stream:
            table = csv.DictWriter(stream, list(names), lineterminator="\n", restval="")
            table.writeheader()
            table.writerows(rows)
