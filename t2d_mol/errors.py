"""The errors a user can meet, each with the exit code the command line gives for it."""

from collections.abc import Iterable
from difflib import get_close_matches
from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every command."""

    DONE = 0
    INTERNAL = 1
    USAGE = 2
    BAD_INPUT = 3
    MISSING = 4
    GATE_MISSED = 5
    INTERRUPTED = 130
    CLOSED_PIPE = 141


class T2DMolError(Exception):
    """A foreseeable error: one line of what went wrong and, optionally, a hint of what to do about it."""

    exit_code: Exit = Exit.INTERNAL

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(T2DMolError):
    """An option or argument that cannot be honoured."""

    exit_code = Exit.USAGE


def unknown(what: str, given: str, known: Iterable[str], plural: str = "") -> UsageError:
    """Return the error for a name there is not, with the one that was probably meant."""
    names = list(known)
    near = get_close_matches(given.lower(), [name.lower() for name in names], 1)
    meant = f"; did you mean {near[0]!r}?" if near else ""
    return UsageError(f"no {what} {given!r}{meant}", f"{plural or what + 's'}: {', '.join(names)}")


class InputError(T2DMolError):
    """A prompt, molecule or table the user gave that cannot be used."""

    exit_code = Exit.BAD_INPUT


class MissingError(T2DMolError):
    """Data or a checkpoint that is absent, truncated or corrupt."""

    exit_code = Exit.MISSING


class OutOfTimeError(T2DMolError):
    """The time a run was given is up; what was finished is kept."""

    exit_code = Exit.INTERRUPTED

    def __init__(self, message: str) -> None:
        super().__init__(message, "what goes to a file with -o can be gone on with by --resume")
