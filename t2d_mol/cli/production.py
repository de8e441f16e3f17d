"""The run of `t2d-mol sample`: prompts to records, records to where they go, and on from where an earlier run ended."""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO

from t2d_mol.cli import options
from t2d_mol.errors import OutOfTimeError

if TYPE_CHECKING:
    from t2d_mol.chem.novelty import Novelty
    from t2d_mol.config import SamplingConfig
    from t2d_mol.generation import Model
    from t2d_mol.io.formats.base import Format
    from t2d_mol.io.journal import Journal
    from t2d_mol.io.record import Record
    from t2d_mol.molecule import Prompt
    from t2d_mol.pool import SamplingPool
    from t2d_mol.portion import Portion


@dataclass(frozen=True)
class Production:
    """What is to be made.

    Attributes:
        model: the generator.
        how: how it samples.
        count: molecules for each prompt.
        only_valid: whether invalid ones are replaced by others.
        relaxed: whether each is relaxed under GFN2-xTB.
        max_minutes: after which the run ends with what is finished; 0 for never.
        quiet: nothing on stderr but errors.
        pool: samples in the place of the model; None for the model itself.
        workers: processes that relax.
    """

    model: "Model"
    how: "SamplingConfig"
    count: int
    only_valid: bool = False
    relaxed: bool = False
    max_minutes: float = 0.0
    quiet: bool = False
    pool: "SamplingPool | None" = None
    workers: int = 1

    def to_stream(
        self,
        prompts: "Iterable[tuple[int, Prompt]]",
        kind: "Format",
        stream: BinaryIO,
        portion: "Portion",
        total: int | None,
    ) -> None:
        """Write records to a stream, each as soon as it is known."""

        def flushed() -> "Iterator[Record]":
            for record in self.records(prompts, portion, self.novelty(), total):
                yield record
                stream.flush()

        with self.finished(flushed()) as records:
            kind.write(records, stream)
            stream.flush()

    def to_journal(
        self, prompts: "Iterable[tuple[int, Prompt]]", journal: "Journal", portion: "Portion", total: int | None
    ) -> int:
        """Append the records a journal lacks, and return how many it then holds."""
        novelty, done, row, of_row = self.novelty(), 0, -1, 0
        for record in journal:
            novelty(record["smiles"], record["index"])
            done, of_row = done + 1, of_row + 1 if record["row"] == row else 1
            row = record["row"]
        for record in self.records(prompts, replace(portion, done=done, row=row, of_row=of_row), novelty, total):
            journal.append(record)
            done += 1
        return done

    @contextmanager
    def finished(self, records: "Iterator[Record]") -> "Iterator[Iterator[Record]]":
        """Give records to who writes them, as if they ended where time is up or the run is interrupted; then say so."""
        ended: list[BaseException] = []

        def until_then() -> "Iterator[Record]":
            try:
                yield from records
            except (OutOfTimeError, KeyboardInterrupt) as error:
                ended.append(error)

        yield until_then()
        if ended:
            raise ended[0]

    def records(
        self, prompts: "Iterable[tuple[int, Prompt]]", portion: "Portion", novelty: "Novelty", total: int | None
    ) -> "Iterator[Record]":
        """Yield the records of a portion, as they come.

        Raises:
            OutOfTimeError: if the time is up.
        """
        from t2d_mol.cli.progress import bar

        ends, done, lacking, stopped = time.monotonic() + 60 * self.max_minutes, portion.done, 0, False

        def proceed() -> bool:
            nonlocal stopped
            stopped = self.max_minutes > 0 and time.monotonic() > ends
            return not stopped

        with bar("generating", quiet=self.quiet) as progress:
            progress(done, total)
            for record in self._relaxed(self._made(self._noted(prompts), portion, proceed)):
                record["novel"], record["duplicate_of"] = novelty(record["smiles"], record["index"])
                done += 1
                progress(done, total)
                lacking += bool(record["unmet"])
                yield record
        if stopped:
            raise OutOfTimeError(f"the time of --max-minutes is up after {done} records")
        if lacking:
            made = done - portion.done
            options.say(f"note: {lacking} of {made} molecules lack the structure asked for; see `unmet`", quiet=self.quiet)
        if self.only_valid and total is not None and done < total:
            words = (
                f"note: {total - done} of {total} molecules are missing: too few valid ones, or prompts that were left out"
            )
            options.say(words, quiet=self.quiet)

    def novelty(self) -> "Novelty":
        """Return what tells novel molecules from those the model was trained on."""
        from t2d_mol.chem.novelty import Novelty

        return Novelty(self.model.checkpoint.smiles_hashes.numpy())

    def _noted(self, prompts: "Iterable[tuple[int, Prompt]]") -> "Iterator[tuple[int, Prompt]]":
        """Pass prompts on, and say at the first wish for a property if the model cannot follow any."""
        unable = self.model.encoder is None
        for row, prompt in prompts:
            if unable and prompt.targets:
                unable = False
                options.say("note: the checkpoint has learnt no prompts; `t2d-mol finetune` teaches them", quiet=self.quiet)
            yield row, prompt

    def _made(
        self, prompts: "Iterable[tuple[int, Prompt]]", portion: "Portion", proceed: Callable[[], bool]
    ) -> "Iterator[Record]":
        from t2d_mol.io.record import to_record

        if self.pool is not None:
            for record in self.pool.records(list(prompts), self.count, self.how, portion, only_valid=self.only_valid):
                if not proceed():
                    return
                yield record
            return
        make = self.model.sample_valid if self.only_valid else self.model.sample
        for generated in make(prompts, self.count, self.how, portion, proceed):
            yield to_record(generated, self.model.statistics)

    def _relaxed(self, made: "Iterator[Record]") -> "Iterator[Record]":
        """Yield records of relaxed molecules, with what it came to; those it failed on stay as they were."""
        if not self.relaxed:
            yield from made
            return
        from t2d_mol.evaluation.oracles.xtb import METHOD
        from t2d_mol.evaluation.relaxation import relax
        from t2d_mol.generation import WINDOW
        from t2d_mol.io.record import molecule_of, with_geometry

        while window := list(islice(made, WINDOW * self.how.batch_size)):
            for record, way in zip(window, relax([molecule_of(one) for one in window], workers=self.workers), strict=True):
                names = ("state", "reason", "converged", "rmsd", "energy_drop")
                found = {"method": METHOD} | {name: _rounded(getattr(way, name)) for name in names}
                yield with_geometry(record, way.molecule) | {"relaxed": found}


def digest_of(file: str | None) -> str | None:
    """Return a hash of a file of prompts; None where there is none or it is standard input."""
    if file is None or file == "-" or not Path(file).is_file():
        return None
    with Path(file).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]


def counted(given: int, file: str | None) -> int | None:
    """Return how many prompts there are, usable or not; None where only reading on tells."""
    from t2d_mol.io.prompts import read_prompts

    if file is None:
        return max(1, given)
    return None if digest_of(file) is None else given + sum(1 for _ in read_prompts(file))


def print_table(records: "Iterable[Record]", stream: TextIO) -> None:
    """Print records for people."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from t2d_mol.properties import PROPERTIES

    table = Table()
    for title in ("", "SMILES", "state", "atoms"):
        table.add_column(title, overflow="fold")
    for prop in PROPERTIES:
        table.add_column(f"{prop.symbol}\n{prop.unit}", justify="right")
    for record in records:
        known = record["predicted"]
        predicted = [f"{known[prop.key]:.2f}" if prop.key in known else "" for prop in PROPERTIES]
        smiles = Text(record["smiles"] or "*", overflow="fold")
        table.add_row(str(record["index"]), smiles, record["state"], str(record["n_atoms"]), *predicted)
    console = Console(file=stream, width=None if stream.isatty() else 110)
    console.print(table)
    console.print("properties as predicted by the network trained on half B of QM9", style="dim")


def _rounded(value: object) -> object:
    return round(value, 5) if isinstance(value, float) else value
