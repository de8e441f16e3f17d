"""Sampling and scoring by a Ray Data pool of actors, here or on a cluster; what it gives is what one process gives."""

import json
import logging
import os
import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np

from t2d_mol.config import SamplingConfig
from t2d_mol.errors import UsageError
from t2d_mol.evaluation.score import Entry, Score, Scorer
from t2d_mol.generation import WINDOW, Model
from t2d_mol.io.formats.jsonl import line
from t2d_mol.io.record import Record, to_record
from t2d_mol.molecule import Prompt
from t2d_mol.portion import Portion

SCORED: Final = 256
"""Molecules an actor scores together."""

Column = dict[str, Any]


@dataclass(frozen=True)
class Pool:
    """A pool of actors.

    Attributes:
        workers: actors; 0 for as many as there are devices, or processors for `threads` each.
        device: what an actor computes on; each has a GPU of its own where it is one.
        threads: of an actor on the CPU; 0 for one.
    """

    workers: int = 0
    device: str = "cpu"
    threads: int = 0

    def mapped(self, rows: int, together: int, actor: type, *arguments: object) -> Iterator[Any]:
        """Yield what actors make of the numbers below `rows`, dealt out `together` at a time, in order.

        An actor that dies is started again, and what it was at is made again.

        Raises:
            UsageError: if Ray is not installed.
        """
        ray = _ray()
        own = not ray.is_initialized()
        if own:
            address, kept = os.environ.get("RAY_ADDRESS"), signal.getsignal(signal.SIGTERM)
            ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, kept)  # which Ray takes
        try:
            context = ray.data.DataContext.get_current()
            context.execution_options.preserve_order = True
            context.enable_progress_bars = False
            context.print_on_execution_start = False
            gpu = self.device.startswith("cuda")
            there = ray.cluster_resources().get("GPU" if gpu else "CPU", 1)
            each = 1 if gpu else min(max(1, self.threads), int(there))
            actors = min(self.workers or max(1, int(there // each)), -(-rows // together))
            numbers = [np.arange(start, min(start + together, rows)) for start in range(0, rows, together)]
            made = ray.data.from_numpy(numbers).map_batches(
                actor,
                fn_constructor_args=arguments,
                batch_size=together,
                compute=ray.data.ActorPoolStrategy(size=actors),
                num_cpus=1 if gpu else each,
                num_gpus=1 if gpu else 0,
            )
            for row in made.iter_rows():
                yield row["made"]
        finally:
            if own:
                ray.shutdown()


@dataclass(frozen=True)
class SamplingPool:
    """A pool that samples.

    Attributes:
        pool: its actors.
        checkpoint: what each loads; None for the bundled one. On a cluster the file must be where every machine sees it.
    """

    pool: Pool
    checkpoint: Path | None

    def records(
        self,
        prompts: Sequence[tuple[int, Prompt]],
        count: int,
        config: SamplingConfig,
        portion: Portion = Portion(),
        *,
        only_valid: bool = False,
    ) -> Iterator[Record]:
        """Yield the records of `Model.sample`, or of `Model.sample_valid`, in their order."""
        window = WINDOW * config.batch_size
        checkpoint = self.checkpoint.resolve() if self.checkpoint else None
        arguments = (
            checkpoint,
            "cuda" if self.pool.device.startswith("cuda") else self.pool.device,
            self.pool.threads,
            prompts,
            count,
            config,
        )
        if only_valid:
            whole = portion.of_row >= count
            numbers = np.array([number for number, (row, _) in portion.of(prompts) if row >= portion.row + whole], int)
            made = self._texts(numbers, max(1, window // count), _ValidSampler, arguments)
            number_of = {row: number for number, (row, _) in enumerate(prompts)} if portion.shards > 1 else {}
            done, row, place = portion.done - (0 if whole else portion.of_row), -1, 0
            for record in map(json.loads, made):
                place = place + 1 if record["row"] == row else 0
                row = record["row"]
                if done >= portion.done:
                    yield record | {"index": number_of[row] * count + place if number_of else done}
                done += 1
            return
        wanted = np.arange(portion.shard, len(prompts) * count, portion.shards)[portion.done :]
        for text in self._texts(wanted, window, _Sampler, arguments):
            yield json.loads(text)

    def _texts(self, wanted: np.ndarray[Any, Any], together: int, actor: type, arguments: Any) -> Iterator[str]:
        if len(wanted):
            yield from self.pool.mapped(len(wanted), together, actor, wanted, *arguments)


@dataclass(frozen=True)
class ScoringPool:
    """A pool that scores; called as a `Scorer` is.

    Attributes:
        pool: its actors.
        scorer: what each does.
    """

    pool: Pool
    scorer: Scorer

    def __call__(self, entries: Iterable[Entry]) -> Iterator[Score]:
        """Yield the score of each entry, in order; all entries are taken first."""
        waiting = iter(entries)
        chunks = list(iter(lambda: list(islice(waiting, SCORED)), []))
        if chunks:
            for scores in self.pool.mapped(len(chunks), 1, _Scorer, replace(self.scorer, chunk=SCORED), chunks):
                yield from scores


class _Sampler:
    """An actor that samples molecules by their running numbers."""

    def __init__(
        self,
        wanted: np.ndarray[Any, Any],
        checkpoint: Path | None,
        device: str,
        threads: int,
        prompts: Sequence[tuple[int, Prompt]],
        count: int,
        config: SamplingConfig,
    ) -> None:
        import torch

        torch.set_num_threads(max(1, threads))
        self.wanted, self.prompts, self.count, self.config = wanted, prompts, count, config
        self.model = Model.load(checkpoint, device=device)

    def __call__(self, batch: Column) -> Column:
        numbers = [int(self.wanted[place]) for place in batch["data"]]
        places = [(number, (*self.prompts[number // self.count], number % self.count)) for number in numbers]
        made = self.model.sample_places(places, self.config)
        return {"made": [line(to_record(generated, self.model.statistics)) for generated in made]}


class _ValidSampler(_Sampler):
    """An actor that samples the valid molecules of whole prompts."""

    def __call__(self, batch: Column) -> Column:
        prompts = [self.prompts[int(self.wanted[place])] for place in batch["data"]]
        made = self.model.sample_valid(prompts, self.count, self.config)
        return {"made": [line(to_record(generated, self.model.statistics)) for generated in made]}


class _Scorer:
    """An actor that scores chunks of entries."""

    def __init__(self, scorer: Scorer, chunks: Sequence[Sequence[Entry]]) -> None:
        import torch

        torch.set_num_threads(1)
        self.scorer, self.chunks = scorer, chunks

    def __call__(self, batch: Column) -> Column:
        found = np.empty(len(batch["data"]), object)
        for place, number in enumerate(batch["data"]):
            found[place] = list(self.scorer(self.chunks[int(number)]))
        return {"made": found}


def _ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        import ray.data
    except ImportError:
        raise UsageError("--engine ray needs Ray", "pip install 't2d-mol[ray]'") from None
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    return ray
