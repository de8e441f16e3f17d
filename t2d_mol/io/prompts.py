"""Prompts of a file: a CSV with a column `prompt`, or one a line."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from t2d_mol.errors import InputError
from t2d_mol.io.contents import read_lines


@dataclass(frozen=True)
class PromptRow:
    """One prompt of a file.

    Attributes:
        text: the sentence.
        line: the line of the file it ends on, from 1; 0 for prompts from elsewhere.
        columns: the other columns of its row.
    """

    text: str
    line: int = 0
    columns: dict[str, str] = field(default_factory=dict)


def read_prompts(path: str) -> Iterator[PromptRow]:
    """Yield the prompts of a file or, for '-', of standard input, as they are needed.

    Raises:
        InputError: if there is none, or the file cannot be read.
    """
    empty = True
    for row in parse_prompts(read_lines(path)):
        yield row
        empty = False
    if empty:
        raise InputError(f"{path} holds no prompt")


def parse_prompts(lines: Iterable[str]) -> Iterator[PromptRow]:
    """Yield the prompts of lines; see `read_prompts`.

    Raises:
        InputError: if they are a CSV in part only.
    """
    waiting = iter(lines)
    header = next(waiting, "")
    if "prompt" not in _columns(header):
        for number, line in enumerate(chain([header], waiting), 1):
            if line.strip():
                yield PromptRow(line.strip(), number)
        return
    table = csv.DictReader(chain([header], waiting), restkey="_beyond", restval="")
    names = [name.strip() for name in table.fieldnames or []]
    own = "prompt" if "prompt" in names else next(name for name in names if name.lower() == "prompt")
    try:
        for row in table:
            columns = {key.strip(): value for key, value in row.items() if isinstance(value, str)}
            yield PromptRow(columns.pop(own), table.line_num, columns)
    except csv.Error as error:
        raise InputError(f"line {table.line_num + 1} is no CSV: {error}") from None


def holds_prompts(text: str) -> bool:
    """Return whether a text is a CSV with a column `prompt` and none named `smiles`."""
    columns = _columns(text.split("\n", 1)[0])
    return "prompt" in columns and "smiles" not in columns


def _columns(header: str) -> list[str]:
    try:
        return [name.strip().lower() for name in next(csv.reader([header]), [])]
    except csv.Error:
        return []
