"""The settings a run leaves beside its results, so that going on with other ones is refused."""

import json
import os
from pathlib import Path
from typing import Any

from t2d_mol.errors import UsageError


def settle(path: Path, settings: dict[str, Any], *, resume: bool) -> None:
    """Write settings or, if what they belong to is resumed, see that they are the ones on file.

    Raises:
        UsageError: if they are not; the message names what changed.
    """
    now = json.loads(json.dumps(settings))
    if resume and path.exists():
        if name := _changed(json.loads(path.read_text()), now):
            raise UsageError(
                f"what {path} belongs to was begun with another {name}",
                "give the same options, or start anew with --force in the place of --resume",
            )
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, now)


def _changed(before: Any, now: Any) -> str:
    """Return the name of the first setting that changed, with those it stands under; empty if none did."""
    for name, value in now.items():
        old = before.get(name)
        if isinstance(value, dict) and isinstance(old, dict):
            if inner := _changed(old, value):
                return f"{name}.{inner}"
        elif old != value:
            return str(name)
    return ""


def write_json(path: Path, told: object) -> None:
    """Write a JSON file at once: whoever reads it sees the old one or the new one, whole."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_text(json.dumps(told, indent=2, allow_nan=False) + "\n")
    part.replace(path)
