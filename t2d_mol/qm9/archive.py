"""From the published archive to arrays: parse every record, annotate its graph, assign splits, write one file."""

import re
import tarfile
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from t2d_mol import cores
from t2d_mol.errors import InputError, MissingError
from t2d_mol.qm9.dataset import Arrays, Molecules
from t2d_mol.qm9.download import Progress
from t2d_mol.qm9.records import Record, parse_record
from t2d_mol.qm9.splits import assign_splits

Annotate = Callable[[NDArray[np.uint8], NDArray[np.float32]], tuple[NDArray[np.uint8], NDArray[np.int8], int, int]]
"""From numbers and positions to bonds, charges and the two novelty hashes, see `chem.annotation.annotate`."""

Annotated = tuple[Record, NDArray[np.uint8], NDArray[np.int8], int, int]
CHUNK = 1000
RECORDS = 133_885


def read_uncharacterized(path: Path) -> frozenset[int]:
    """Return the ids in the published list of records that failed the consistency check.

    Raises:
        MissingError: if the list cannot be read or holds no id.
    """
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise MissingError(f"the list of uncharacterised records is missing: {path} ({error})") from None
    ids = frozenset(int(match[1]) for match in re.finditer(r"^\s*(\d+)\s", text, re.MULTILINE))
    if not ids:
        raise MissingError(f"{path} is not the list of uncharacterised records: it names none")
    return ids


def read_archive(path: Path) -> Iterator[tuple[str, str]]:
    """Yield name and text of each record of a `tar.bz2` archive, streaming.

    Raises:
        MissingError: if the archive is missing, truncated or not an archive; the last good record is named.
    """
    name = "none"
    try:
        with tarfile.open(path, "r|*") as archive:
            for member in archive:
                stream = archive.extractfile(member) if member.isfile() and member.name.endswith(".xyz") else None
                if stream is not None:
                    text = stream.read().decode()
                    name = member.name
                    yield name, text
    except (OSError, EOFError, tarfile.TarError, UnicodeDecodeError) as error:
        raise MissingError(f"{path} cannot be read after record {name}: {error}") from None


def prepare(archive: Path, uncharacterized: Path, annotate: Annotate, *, progress: Progress = lambda *_: None) -> Molecules:
    """Read the archive into arrays, leaving out the uncharacterised records.

    Args:
        archive: QM9's published `tar.bz2`, or one of the same format.
        uncharacterized: the published list of record ids to leave out.
        annotate: how to find bonds, charges and novelty hashes.
        progress: called with records read and records expected.

    Raises:
        MissingError: if either file is missing or damaged; the record is named.
    """
    if not archive.exists():
        raise MissingError(f"no archive at {archive}")
    left_out = read_uncharacterized(uncharacterized)
    rows: list[Annotated] = []
    done = 0
    for size, chunk in _annotated(read_archive(archive), left_out, annotate):
        rows += chunk
        done += size
        progress(done, max(RECORDS, done))
    if not rows:
        raise MissingError(f"{archive} holds no record")
    rows.sort(key=lambda row: row[0].id)
    if any(first[0].id == second[0].id for first, second in pairwise(rows)):
        raise MissingError(f"{archive} holds a record twice")
    split, half = assign_splits(len(rows))
    return Molecules(Arrays.pack(rows), split, half)


def _annotated(
    records: Iterator[tuple[str, str]], left_out: frozenset[int], annotate: Annotate
) -> Iterator[tuple[int, list[Annotated]]]:
    """Parse and annotate chunks in worker processes, a bounded number of chunks ahead."""
    workers = cores.available()
    with ProcessPoolExecutor(workers) as pool:
        waiting: deque[tuple[int, Future[list[Annotated]]]] = deque()
        try:
            while chunk := list(islice(records, CHUNK)):
                waiting.append((len(chunk), pool.submit(_annotate_chunk, chunk, left_out, annotate)))
                if len(waiting) > 4 * workers:
                    size, future = waiting.popleft()
                    yield size, future.result()
            for size, future in waiting:
                yield size, future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _annotate_chunk(chunk: list[tuple[str, str]], left_out: frozenset[int], annotate: Annotate) -> list[Annotated]:
    rows = []
    for name, text in chunk:
        record = parse_record(text, name)
        if record.id in left_out:
            continue
        try:
            rows.append((record, *annotate(record.numbers, record.positions)))
        except InputError as error:
            raise MissingError(f"{name}: {error}") from None
    return rows
