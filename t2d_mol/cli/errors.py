"""How errors leave a command: one line and a hint on stderr, and the exit code of the contract."""

import errno
import os
import signal
import sys
import traceback
from collections.abc import Callable
from functools import wraps
from types import FrameType
from typing import ParamSpec

import typer

from t2d_mol.cli import options
from t2d_mol.errors import Exit, T2DMolError

Arguments = ParamSpec("Arguments")


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def handled(command: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """Wrap a command so that foreseeable errors give one line, a hint and their exit code."""

    @wraps(command)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        """Run the command, or print its options; end with the exit its error stands for."""
        if context := kwargs.get("print_config"):
            sys.stdout.write(options.as_toml(context))  # type: ignore[arg-type]
            return
        signal.signal(signal.SIGTERM, _terminate)
        try:
            command(*args, **kwargs)
        except T2DMolError as error:
            options.complain(str(error), error.hint)
            raise typer.Exit(error.exit_code) from None
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(Exit.CLOSED_PIPE) from None
        except KeyboardInterrupt:
            options.complain("interrupted; what was finished is kept")
            raise typer.Exit(Exit.INTERRUPTED) from None
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
            hint = "make room; what goes to a file with -o can be gone on with by --resume" if full else None
            options.complain(f"{error.strerror or error}" + (f": {error.filename}" if error.filename else ""), hint)
            raise typer.Exit(Exit.USAGE if full else Exit.BAD_INPUT) from None
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            if kwargs.get("verbose", 0) == 2:
                traceback.print_exc()
            options.complain(f"internal error: {type(error).__name__}: {error}", "run again with -vv for the traceback")
            raise typer.Exit(Exit.INTERNAL) from None

    return run
