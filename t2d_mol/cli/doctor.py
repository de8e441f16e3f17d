"""`t2d-mol doctor`: what there is to work with, for whoever wonders or reports a problem."""

import json
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from t2d_mol import __version__, cores
from t2d_mol.cli import options
from t2d_mol.cli.errors import handled
from t2d_mol.errors import MissingError, T2DMolError

LIBRARIES: Final = ("torch", "e3nn", "rdkit", "numpy", "scipy", "safetensors", "typer", "rich")
EXTRAS: Final = {
    "physics": ("tblite", "ase"),
    "check": ("posebusters",),
    "dft": ("pyscf",),
    "plot": ("matplotlib",),
    "parquet": ("pyarrow",),
    "text": ("transformers",),
    "ray": ("ray",),
    "dist": ("lightning_fabric",),
}
"""The extras and the libraries that each brings."""


@handled
def doctor(
    checkpoint: options.Checkpoint = None,
    data: options.Data = options.DEFAULT_DATA,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Show versions, extras, devices, memory, and whether checkpoint, judge and data set are there and whole.

    For example: t2d-mol doctor
    """
    options.set_up(quiet)
    found: dict[str, dict[str, Any]] = {
        "t2d-mol": {"version": __version__, "place": str(Path(__file__).parents[1])},
        "python": {"version": platform.python_version(), "system": platform.platform()},
        "libraries": {name: _version(name) for name in LIBRARIES},
        "extras": {name: all(_version(library) for library in needed) for name, needed in EXTRAS.items()},
        "machine": _machine(),
        "checkpoint": _checkpoint(checkpoint),
        "judge": _judge(),
        "data set": _data(data),
    }
    if as_json:
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        for part, told in found.items():
            sys.stdout.write(part + "\n" + "".join(f"  {name:14}{_words(value)}\n" for name, value in told.items()))
    for told in found.values():
        if told.get("usable") is False:
            raise MissingError(told["because"])


def _version(library: str) -> str | None:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None


def _machine() -> dict[str, Any]:
    """Return what networks run on, and the memory that is free."""
    import torch

    devices = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    devices += ["mps"] if torch.backends.mps.is_available() else []
    return {
        "cores": cores.available(),
        "device": options.pick_device("auto"),
        "accelerators": devices,
        "trains in": "bf16" if options.pick_bf16("auto", options.pick_device("auto"), training=True) else "fp32",
        "free GiB": _free_memory(),
    }


def _free_memory() -> float | None:
    """Return the GiB that processes may still take; None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    kib = next((line.split()[1] for line in lines if line.startswith("MemAvailable:")), None)
    return None if kib is None else round(int(kib) / 2**20, 1)


def _checkpoint(path: Path | None) -> dict[str, Any]:
    from t2d_mol.checkpoint import Checkpoint
    from t2d_mol.generation import BUNDLED, Model

    place = path or BUNDLED
    try:
        loaded = Checkpoint.load(place)
        Model(loaded)
    except T2DMolError as error:
        return {"place": str(place), "usable": False, "because": str(error)}
    weights = {name: sum(tensor.numel() for tensor in state.values()) for name, state in loaded.weights.items()}
    return {
        "place": str(place),
        "digest": loaded.digest(),
        **{name: f"{count / 1e6:.2f} M weights" for name, count in weights.items()},
        "trained on": "; ".join(dict.fromkeys(stage["data"] for stage in loaded.provenance.values() if "data" in stage)),
    }


def _judge() -> dict[str, Any]:
    from t2d_mol.judge_checkpoint import BUNDLED_JUDGE, JudgeCheckpoint

    try:
        return {"place": str(BUNDLED_JUDGE), "digest": JudgeCheckpoint.load(BUNDLED_JUDGE).digest()}
    except MissingError as error:
        return {"place": str(BUNDLED_JUDGE), "usable": False, "because": str(error)}


def _data(path: Path) -> dict[str, Any]:
    """Return whether a data set is there and, if so, what it holds."""
    from t2d_mol.qm9.dataset import Molecules

    if not path.exists():
        return {"place": str(path), "there": False}
    try:
        return {"place": str(path), "there": True, "molecules": len(Molecules.load(path))}
    except MissingError as error:
        return {"place": str(path), "there": True, "usable": False, "because": str(error)}


def _words(value: object) -> str:
    """Return a value as a person writes it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "not installed" if value is None else str(value)
