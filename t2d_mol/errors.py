"""The errors a user can meet, each with the exit code the command line gives for it."""

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


class InputError(T2DMolError):
    """A prompt, molecule or table the user gave that cannot be used."""

    exit_code = Exit.BAD_INPUT


class MissingError(T2DMolError):
    """Data or a checkpoint that is absent, truncated or corrupt."""

    exit_code = Exit.MISSING


class GateMissedError(T2DMolError):
    """A quality gate the user asked for was not reached."""

    exit_code = Exit.GATE_MISSED


class OutOfTimeError(T2DMolError):
    """The time a run was given is up; what was finished is kept."""

    exit_code = Exit.INTERRUPTED

    def __init__(self, message: str) -> None:
        super().__init__(message, "go on with --resume")
