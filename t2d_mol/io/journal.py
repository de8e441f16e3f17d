"""The journal of a file of records: what is finished of it, whatever its format, to go on from after an interruption."""

import gzip
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Self, cast

from t2d_mol.errors import UsageError
from t2d_mol.io.formats import GZIP
from t2d_mol.io.formats.base import Format
from t2d_mol.io.formats.jsonl import line
from t2d_mol.io.output import check_free, cut_to_whole_lines, part_of
from t2d_mol.io.record import Record
from t2d_mol.io.settings import settle


class Journal:
    """Finished records beside their target as JSON lines, each flushed when known; `finish` makes the target of them."""

    def __init__(self, target: Path, settings: dict[str, Any], *, force: bool = False, resume: bool = False) -> None:
        """Open the journal of a target.

        Args:
            target: the file to be made.
            settings: what the records depend on; going on with others is refused.
            force: whether a target or an unfinished journal may be overwritten.
            resume: whether to go on with the journal there is.

        Raises:
            UsageError: if something there may not be overwritten, was begun with other settings, or cannot be written.
        """
        check_free(target, force=force)
        self.target, self.path = target, part_of(target)
        self._settings = self.path.with_name(self.path.name + ".json")
        if self.path.exists() and self.path.stat().st_size and not (force or resume):
            raise UsageError(
                f"{self.path} holds what an interrupted run finished", "go on with --resume, or start anew with --force"
            )
        try:
            if resume:
                cut_to_whole_lines(self.path)
            settle(self._settings, settings, resume=resume and self.path.exists())
            self._stream = self.path.open("a" if resume else "w", encoding="utf-8", errors="backslashreplace", newline="\n")
        except OSError as error:
            raise UsageError(f"cannot write {target}: {error.strerror}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def __iter__(self) -> Iterator[Record]:
        """Iterate over the finished records."""
        self._stream.flush()
        with self.path.open(encoding="utf-8") as stream:
            for text in stream:
                yield json.loads(text)

    def append(self, record: Record) -> None:
        """Add a finished record."""
        self._stream.write(line(record))
        self._stream.flush()

    def finish(self, kind: Format) -> None:
        """Make the target and remove the journal."""
        write_file(self.target, kind, self)
        self._stream.close()
        self.path.unlink()
        self._settings.unlink()


def write_file(target: Path, kind: Format, records: Iterable[Record]) -> None:
    """Write records to a file at once, packed if its name ends in `.gz`; whoever reads it sees it whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    made = target.with_name(target.name + ".made")
    try:
        with made.open("wb") as raw:
            if target.suffix == GZIP:
                with gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as packed:
                    kind.write(records, cast(BinaryIO, packed))
            else:
                kind.write(records, raw)
            raw.flush()
            os.fsync(raw.fileno())
        made.replace(target)
    finally:
        made.unlink(missing_ok=True)
