"""Options from the environment: `T2D_MOL_`, command and option, and a word on variables that no option reads."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final

PREFIX: Final = "T2D_MOL"
TESTS: Final = ("T2D_MOL_QM9", "T2D_MOL_VIEWER_JS")
"""Variables of the project's tests."""


def name_variables(command: Any, name: str = PREFIX) -> None:
    """Give each option of a command, and of those inside it, the variable of its longest flag, unless it has one."""
    for option in command.params:
        if option.param_type_name == "option" and option.envvar is None and option.allow_from_autoenv:
            flag = max(option.opts, key=len).lstrip("-")
            option.envvar = f"{name}_{flag}".upper().replace("-", "_")
    for inner, own in getattr(command, "commands", {}).items():
        name_variables(own, f"{name}_{inner}")


def unread_variables(command: Any, given: Iterable[str] = os.environ) -> Iterator[str]:
    """Yield a remark for each variable that begins with the prefix but belongs to no option."""
    known = {*_variables(command), *TESTS}
    for name in sorted(name for name in given if name.startswith(f"{PREFIX}_") and name not in known):
        near = get_close_matches(name, known, 1, cutoff=0.85)
        yield f"no option reads {name}" + (f"; did you mean {near[0]}?" if near else "")


def asks_for_quiet(words: Iterable[str], given: Mapping[str, str] = os.environ) -> bool:
    """Return whether a command line or the environment asks for silence, seen before either is read as a whole."""
    flagged = any(re.fullmatch(r"-[a-z]*q[a-z0-9]*|--quiet", word) for word in words)
    asked = [value for name, value in given.items() if name.startswith(PREFIX) and name.endswith("_QUIET")]
    return flagged or any(value.strip().lower() not in ("", "0", "false", "no", "off") for value in asked)


def _variables(command: Any) -> Iterator[str]:
    for option in command.params:
        named = option.envvar
        yield from [named] if isinstance(named, str) else named or []
    for own in getattr(command, "commands", {}).values():
        yield from _variables(own)
