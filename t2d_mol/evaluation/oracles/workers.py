"""A function applied to many items in processes of their own, so that one that dies or hangs loses its item only."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from typing import Any, Final, Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""The variables numerical libraries read, when loaded, for how many threads to start."""


@dataclass(frozen=True)
class Lost:
    """What stands for the result of an item that has none.

    Attributes:
        reason: the exception, the signal or the time limit that ended it.
    """

    reason: str


def apply(
    function: Callable[[Item], Result], items: Sequence[Item], workers: int, seconds: float | None = None
) -> Iterator[Result | Lost]:
    """Yield `function` of each item, in order, while `workers` single-threaded processes work ahead.

    Args:
        function: one that can be pickled, as must items and results.
        items: what to apply it to.
        workers: processes at a time.
        seconds: an item that takes longer is lost, its process ended; None sets no limit.
    """
    done: dict[int, Result | Lost] = {}
    waiting = iter(range(len(items)))
    crew = [_Worker(function) for _ in range(min(workers, len(items)))]
    try:
        for index in range(len(items)):
            while index not in done:
                for worker in crew:
                    if worker.index is None and (following := next(waiting, None)) is not None:
                        worker.take(following, items[following], seconds)
                for worker in _finished(crew):
                    place, result = worker.result()
                    done[place] = result
            yield done.pop(index)
    finally:
        for worker in crew:
            worker.end()


def apply_in_chunks(
    function: Callable[[Item], Result], items: Sequence[Item], workers: int, size: int
) -> Iterator[Result | Lost]:
    """Yield `function` of each item as `apply` does, handing over `size` items at a time.

    Items of a lost chunk are tried again one by one.
    """
    chunks = [items[start : start + size] for start in range(0, len(items), size)]
    for chunk, results in zip(chunks, apply(partial(_each, function), chunks, workers), strict=True):
        yield from apply(function, chunk, workers) if isinstance(results, Lost) else results


def _each(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    return [function(item) for item in items]


def _finished(crew: "Sequence[_Worker[Any, Any]]") -> "list[_Worker[Any, Any]]":
    """Wait for the first busy worker to answer, die or run out of time; return all that did."""
    busy = [worker for worker in crew if worker.index is not None]
    left = min(worker.deadline for worker in busy) - time.monotonic()
    ready = wait([worker.pipe for worker in busy], None if left == float("inf") else max(left, 0.0))
    return [worker for worker in busy if worker.pipe in ready or worker.deadline <= time.monotonic()]


class _Worker(Generic[Item, Result]):
    """A process that answers one item at a time; started when first needed, and again after it was lost."""

    def __init__(self, function: Callable[[Item], Result]) -> None:
        self.function = function
        self.process: Any = None
        self.pipe: Connection
        self.index: int | None = None
        self.deadline = float("inf")

    def take(self, index: int, item: Item, seconds: float | None) -> None:
        """Begin an item; its time counts from here."""
        if self.process is not None and not self.process.is_alive():
            self.end()
        if self.process is None:
            context = multiprocessing.get_context("spawn")
            self.pipe, theirs = context.Pipe()
            self.process = context.Process(target=_serve, args=(theirs, self.function), daemon=True)
            with _one_thread():
                self.process.start()
            theirs.close()
        self.pipe.send(item)
        self.index = index
        self.deadline = float("inf") if seconds is None else time.monotonic() + seconds

    def result(self) -> tuple[int, Result | Lost]:
        """Return the item's index and what became of it, ending the process if it did not answer."""
        assert self.index is not None
        index, self.index = self.index, None
        if not self.pipe.poll():
            self.end()
            return index, Lost("time limit reached")
        try:
            return index, self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            code = self.process.exitcode
            self.end()
            return index, Lost(f"worker process ended with {signal.Signals(-code).name if code < 0 else f'code {code}'}")

    def end(self) -> None:
        """End the process, whatever it does."""
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.pipe.close()
            self.process = None


def _serve(pipe: Connection, function: Callable[[Item], Result]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted too, and ends its workers
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        item = pipe.recv()
        try:
            answer: Result | Lost = function(item)
        except Exception as error:  # whatever an item provokes costs that item alone
            answer = Lost(f"{type(error).__name__}: {error}")
        pipe.send(answer)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


@contextmanager
def _one_thread() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
