"""Progress on stderr: bars on a terminal, silence elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from t2d_mol.training.loop import Report


@contextmanager
def bar(title: str, *, quiet: bool) -> Iterator[Callable[[int, int | None], None]]:
    """Show a bar while the block runs; yield what to call with units done and in all (None: unknown)."""
    if quiet or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def training_bar(title: str, *, quiet: bool) -> Iterator[Callable[["Report"], None]]:
    """Show the progress of a training run; yield the function to call with its reports."""
    if quiet or not sys.stderr.isatty():
        yield lambda report: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    text = TextColumn("{task.description} {task.fields[state]}")
    with Progress(text, BarColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=1.0, state="")

        def show(report: "Report") -> None:
            """Move the bar to where a run is."""
            state = (
                f"step {report.step}  loss {report.loss:.4f}  {report.rate:.0f} molecules/s  "
                f"{report.minutes_left:.1f} min left"
            )
            progress.update(task, completed=report.fraction, state=state)

        yield show
