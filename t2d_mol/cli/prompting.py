"""Prompts from arguments and files, parsed with remarks on stderr; what `sample` and `evaluate` share."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from t2d_mol.cli import options

if TYPE_CHECKING:
    from t2d_mol.checkpoint import Statistics
    from t2d_mol.io.readers import PromptRow
    from t2d_mol.molecule import Prompt

ANY = "any molecule"


def prompt_rows(prompts: list[str], file: str | None) -> "list[PromptRow]":
    """Return the prompts, first those of the arguments, then those of the file."""
    from t2d_mol.io.readers import PromptRow, read_prompts

    return [PromptRow(text) for text in prompts] + (list(read_prompts(file)) if file else [])


def understood(
    rows: "list[PromptRow]",
    given: int,
    statistics: "Statistics",
    values: str,
    quiet: bool,
    atoms: tuple[int, int] | None = None,
) -> "Iterator[tuple[int, Prompt]]":
    """Parse prompts, saying on stderr what was not understood; a bad one of a file is reported and left out.

    Args:
        rows: the prompts, first those of the arguments.
        given: how many came as arguments; a bad one among them is an error.
        statistics: of the properties.
        values: how bare numbers are read.
        quiet: nothing on stderr but errors.
        atoms: range of atom counts that takes the place of the prompts'.

    Raises:
        InputError: if a prompt given as argument, or the only one there is, is bad.
    """
    from t2d_mol.errors import InputError
    from t2d_mol.molecule import Prompt
    from t2d_mol.planning import check_possible
    from t2d_mol.prompts.grammar import parse_prompt

    for number, row in enumerate(rows):
        if row.text is ANY:
            yield number, Prompt("")
            continue
        place = f"prompt {number + 1}" + (f" (line {row.line})" if row.line else "")
        try:
            prompt = parse_prompt(row.text, statistics, values=options.values_option(values))
            check_possible(prompt.structure, atoms)
        except InputError as error:
            if number < given or len(rows) == 1:
                raise InputError(f"{place}: {error}", error.hint) from None
            options.say(f"error: {place} is left out: {error}")
            continue
        notes = list(prompt.warnings)
        if prompt.unknown:
            notes.append(f"not understood: {', '.join(prompt.unknown)}")
        for note in notes:
            options.say(f"note: {place}: {note}", quiet=quiet)
        yield number, prompt
