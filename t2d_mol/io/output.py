"""Where records go: a file written beside its target and renamed, or standard output."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from t2d_mol.errors import UsageError


@contextmanager
def open_output(path: str, *, force: bool = False) -> Iterator[TextIO]:
    """Open a place for records: '-' is standard output, anything else a file.

    A file is written as `<name>.part` and renamed when all went well; after an error the part stays, with every record that
    was finished.

    Raises:
        UsageError: if the file exists and `force` is off, or its folder cannot be written.
    """
    if path == "-":
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
        yield sys.stdout
        sys.stdout.flush()
        return
    target = Path(path)
    check_free(target, force=force)
    partial = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        stream = partial.open("w", encoding="utf-8", newline="\n")
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror}") from None
    with stream:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(target)


def check_free(target: Path, *, force: bool) -> None:
    """Raise UsageError if a file exists that may not be overwritten, or the target is a folder."""
    if target.is_dir():
        raise UsageError(f"{target} is a folder", "give a file name")
    if target.exists() and not force:
        raise UsageError(f"{target} exists", "choose another name or give --force")
