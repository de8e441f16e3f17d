"""Prompts from arguments and files, parsed with remarks on stderr; what `sample` and `evaluate` share."""

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING

from t2d_mol.cli import options
from t2d_mol.errors import InputError

if TYPE_CHECKING:
    from t2d_mol.checkpoint import Statistics
    from t2d_mol.io.prompts import PromptRow
    from t2d_mol.molecule import Prompt

ANY = "any molecule"
"""Stands for no prompt, as the text of a row; told from a sentence by identity."""


def prompt_rows(prompts: list[str], file: str | None) -> "Iterator[PromptRow]":
    """Return the prompts, first those of the arguments, then those of the file as they are needed; `ANY` without either."""
    from t2d_mol.io.prompts import PromptRow, read_prompts

    rows = (PromptRow(text) for text in prompts)
    return chain(rows, read_prompts(file)) if file else chain(rows, [] if prompts else [PromptRow(ANY)])


def understood(
    rows: "Iterable[PromptRow]",
    given: int,
    statistics: "Statistics",
    values: str,
    quiet: bool,
    atoms: tuple[int, int] | None = None,
) -> "Iterator[tuple[int, Prompt]]":
    """Parse prompts as they are needed, saying on stderr what was not understood; a bad one of a file is left out.

    Args:
        rows: the prompts, first those of the arguments.
        given: how many came as arguments; they are parsed before the first is returned, and a bad one is an error.
        statistics: of the properties.
        values: how bare numbers are read.
        quiet: nothing on stderr but errors.
        atoms: range of atom counts that takes the place of the prompts'.

    Raises:
        InputError: if a prompt given as argument is bad, or no prompt can be used.
    """
    waiting = enumerate(rows)
    parsed = []
    for number, row in islice(waiting, given):
        try:
            parsed.append(_parsed(number, row, statistics, values, quiet, atoms))
        except InputError as error:
            raise InputError(f"{_place(number, row)}: {error}", error.hint) from None
    usable = False
    for prompt in chain(enumerate(parsed), _usable(waiting, statistics, values, quiet, atoms)):
        yield prompt
        usable = True
    if not usable:
        raise InputError("no prompt of the file can be used")


def _usable(
    rows: "Iterable[tuple[int, PromptRow]]",
    statistics: "Statistics",
    values: str,
    quiet: bool,
    atoms: tuple[int, int] | None,
) -> "Iterator[tuple[int, Prompt]]":
    for number, row in rows:
        try:
            yield number, _parsed(number, row, statistics, values, quiet, atoms)
        except InputError as error:
            options.say(f"error: {_place(number, row)} is left out: {error}")


def _parsed(
    number: int, row: "PromptRow", statistics: "Statistics", values: str, quiet: bool, atoms: tuple[int, int] | None
) -> "Prompt":
    from t2d_mol.molecule import Prompt
    from t2d_mol.planning import check_possible
    from t2d_mol.prompts.grammar import parse_prompt

    if row.text is ANY:
        return Prompt("")
    prompt = parse_prompt(row.text, statistics, values=options.values_option(values))
    check_possible(prompt.structure, atoms)
    notes = list(prompt.warnings)
    if prompt.unknown:
        notes.append(f"not understood: {', '.join(prompt.unknown)}")
    for note in notes:
        options.say(f"note: {_place(number, row)}: {note}", quiet=quiet)
    return prompt


def _place(number: int, row: "PromptRow") -> str:
    return f"prompt {number + 1}" + (f" (line {row.line})" if row.line else "")
