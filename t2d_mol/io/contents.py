"""What stands in a file or comes from standard input: text, or Parquet's bytes; gzip is undone."""

import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO, Final, cast

from t2d_mol.errors import InputError
from t2d_mol.io.formats.base import Content

_GZIP: Final = b"\x1f\x8b"
_PARQUET: Final = b"PAR1"


def read_content(path: str) -> Content:
    """Read a whole file or, for '-', standard input.

    Raises:
        InputError: if it is missing, a folder, empty, damaged, or neither Parquet nor UTF-8 text.
    """
    with _opened(path) as stream:
        data = stream.read()
    if data.startswith(_PARQUET):
        return data
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text: {error.reason} at byte {error.start}") from None
    if "\0" in text:
        raise InputError(f"{path} is not text: it holds zero bytes")
    if not text.strip():
        raise InputError(f"{path} is empty")
    return text.replace("\r\n", "\n")


def read_lines(path: str) -> Iterator[str]:
    """Yield the lines of a text file or, for '-', of standard input, as they are needed; line ends become newlines.

    Raises:
        InputError: if it is missing, a folder, damaged, or not UTF-8 text.
    """
    with _opened(path) as stream:
        for number, line in enumerate(stream, 1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise InputError(f"{path} is not UTF-8 text: {error.reason} in line {number}") from None
            if "\0" in text:
                raise InputError(f"{path} is not text: it holds zero bytes")
            yield text.replace("\r\n", "\n")


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    """Open a file or standard input, undoing gzip; errors of reading it within the block are told as InputError."""
    try:
        with nullcontext(sys.stdin.buffer) if path == "-" else Path(path).open("rb") as raw:
            packed = cast(io.BufferedReader, raw).peek(2)[:2] == _GZIP
            yield cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if packed else raw
    except FileNotFoundError:
        raise InputError(f"no file {path}") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path} is damaged: {error}") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a directory") from None
