"""Batching: jobs that are sampled together, side by side on threads, in halves where memory does not hold them."""

import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar

import torch

from t2d_mol.planning import Job

Result = TypeVar("Result")

STEERED_ROWS: Final = 31
"""Molecules of a steered batch at most: its gradients take memory."""

STEERED_SIZES: Final = (14, 16, 18, 20, 22, 26, 30)
"""Padded sizes of steered batches."""

_EXHAUSTED: Final = ("can't allocate memory", "not enough memory", "out of memory")
"""What torch says where a device has no memory left, and its error has no type of its own."""


@dataclass(frozen=True)
class Batch:
    """Jobs that are sampled together.

    Attributes:
        places: of its jobs among all.
        jobs: of similar size.
        padded: the size steered jobs are padded to; 0 where nothing steers, which pads to the largest.
    """

    places: list[int]
    jobs: list[Job]
    padded: int = 0

    @property
    def rows(self) -> list[Job]:
        """The jobs, in a steered batch with a copy or more of the last: see `batched`."""
        copies = max(1, 4 - len(self.jobs)) if self.padded else 0
        return self.jobs + self.jobs[-1:] * copies

    def halves(self) -> "tuple[Batch, Batch]":
        """Return two batches of half the jobs each."""
        middle = len(self.jobs) // 2
        return (
            Batch(self.places[:middle], self.jobs[:middle], self.padded),
            Batch(self.places[middle:], self.jobs[middle:], self.padded),
        )


def batched(jobs: Sequence[Job], steered: Sequence[tuple[bool, ...]], most: int) -> list[Batch]:
    """Return batches of jobs of similar size, which waste little padding, the longest first, so that threads end alike.

    Steering amplifies rounding. That depends on the padded size, and matrix libraries round the last rows otherwise, and
    batches of less than four molecules, and by their place molecules of odd size. So steered jobs are padded to even
    sizes that are fixed, and their batches end with a copy or more.

    Args:
        jobs: to be sampled.
        steered: of each job, by what; jobs of a batch are steered alike.
        most: molecules of a batch.
    """
    padded = [
        next(size for size in STEERED_SIZES if size >= job.atoms) if any(kind) else 0
        for job, kind in zip(jobs, steered, strict=True)
    ]
    batches = []
    for kind, size in sorted(set(zip(steered, padded, strict=True))):
        alike = [place for place in range(len(jobs)) if (steered[place], padded[place]) == (kind, size)]
        alike.sort(key=lambda place: jobs[place].atoms)
        limit = min(most, STEERED_ROWS) if any(kind) else most
        rows = -(-len(alike) // -(-len(alike) // limit))
        for start in range(0, len(alike), rows):
            places = alike[start : start + rows]
            batches.append(Batch(places, [jobs[place] for place in places], size))
    return sorted(batches, key=lambda batch: -len(batch.rows) * batch.jobs[-1].atoms ** 2)


def side_by_side(batches: Sequence[Batch], work: Callable[[Batch], Result], threads: int) -> Iterator[Result]:
    """Yield what work makes of each batch, on a thread each: small tensors gain little from more and round otherwise.

    A single batch that nothing steers has all threads to itself.
    """
    if threads == 1 or (len(batches) == 1 and not batches[0].padded):
        yield from map(work, batches)
        return
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield from pool.map(work, batches)
    finally:
        torch.set_num_threads(threads)


@dataclass
class Fitting:
    """Works on batches in halves where memory does not hold them, and remembers how many jobs it holds.

    Attributes:
        most: jobs of a batch.
    """

    most: int = sys.maxsize

    def __call__(self, work: Callable[[Batch], dict[int, Result]], batch: Batch) -> dict[int, Result]:
        """Return what work makes of a batch, by the places of its jobs."""
        try:
            return work(batch)
        except (RuntimeError, MemoryError) as error:
            if not _is_exhausted(error) or len(batch.jobs) == 1:
                raise
        self.most = min(self.most, len(batch.jobs) // 2)
        warnings.warn(f"memory does not hold {len(batch.jobs)} molecules; going on with {self.most} at a time", stacklevel=2)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        one, other = batch.halves()
        return self(work, one) | self(work, other)


def _is_exhausted(error: Exception) -> bool:
    """Return whether an error says that memory ran out."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _EXHAUSTED)
