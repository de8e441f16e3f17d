"""Where records go: a file written beside its target and renamed, or standard output."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from t2d_mol.errors import UsageError

_BLOCK: Final = 1 << 16


@contextmanager
def open_output(path: str, *, force: bool = False, resume: bool = False) -> Iterator[TextIO]:
    """Open a place for records: '-' is standard output, anything else a file.

    A file is written as `<name>.part` and renamed when all went well; after an error the part stays, with every record that
    was finished, and `resume` appends to it.

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
    partial = part_of(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        stream = partial.open("a" if resume else "w", encoding="utf-8", errors="backslashreplace", newline="\n")
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror}") from None
    with stream:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(target)


def part_of(target: Path) -> Path:
    """Return the file that holds what is finished of a target until all of it is."""
    return target.with_name(target.name + ".part")


def finished(target: Path) -> bool:
    """Return whether a target is there and nothing of it is left to do."""
    return target.is_file() and not part_of(target).exists()


def check_free(target: Path, *, force: bool) -> None:
    """Raise UsageError if a file exists that may not be overwritten, or the target is a folder."""
    if target.is_dir():
        raise UsageError(f"{target} is a folder", "give a file name")
    if target.exists() and not force:
        raise UsageError(f"{target} exists", "choose another name or give --force")


def resumable_lines(path: Path) -> list[str]:
    """Return the whole lines of a file that was cut off anywhere, and cut what is not a whole line off the file too."""
    cut_to_whole_lines(path)
    return path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []


def cut_to_whole_lines(path: Path) -> None:
    """Cut off the end of a file what is not a whole line."""
    if not path.exists():
        return
    with path.open("r+b") as stream:
        end = stream.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - _BLOCK)
            stream.seek(start)
            if (found := stream.read(end - start).rfind(b"\n")) >= 0:
                end = start + found + 1
                break
            end = start
        stream.truncate(end)
