"""Options that several commands share, and what they mean to the machine."""

import io
import json
import logging
import os
import sys
import textwrap
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from t2d_mol import cores
from t2d_mol.errors import InputError, T2DMolError, UsageError, unknown

if TYPE_CHECKING:
    from t2d_mol.pool import Pool


def _read_config(context: typer.Context, path: Path | None) -> Path | None:
    """Take defaults for the command's options from a TOML file; what the command line says wins."""
    if path is None:
        return None
    from t2d_mol.config import read_toml

    try:
        values = read_toml(path)
    except T2DMolError as error:
        complain(str(error), error.hint)
        raise typer.Exit(error.exit_code) from None
    names = {key: item.name or key for item in context.command.params for key in _spellings(item.name or "", item.opts)}
    unknown = [key for key in values if key not in names]
    if unknown:
        raise typer.BadParameter(f"{path} holds the unknown option {unknown[0]!r}")
    context.default_map = {**(context.default_map or {}), **{names[key]: value for key, value in values.items()}}
    return path


def _pass_context(context: typer.Context, wanted: bool) -> object:
    """Give the command its context, which knows every option once all are read, in the place of the flag."""
    return context if wanted else False


def _spellings(name: str, flags: list[str]) -> set[str]:
    """Return the keys by which a TOML file may name an option: its flags without dashes, with - or _ between words."""
    plain = {flag.lstrip("-") for flag in flags}
    return {name} | plain | {flag.replace("-", "_") for flag in plain}


Seed = Annotated[int, typer.Option(envvar="T2D_MOL_SEED", help="Seed of all randomness.", min=0, max=2**63 - 1)]
Device = Annotated[str, typer.Option(envvar="T2D_MOL_DEVICE", help="auto, cpu, cuda, cuda:1 or mps.")]
Precision = Annotated[str, typer.Option(envvar="T2D_MOL_PRECISION", help="auto, fp32 or bf16.")]
Threads = Annotated[int, typer.Option(envvar="T2D_MOL_THREADS", help="CPU threads; 0 for all cores.", min=0)]
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", callback=_read_config, is_eager=True, help="TOML file of options, by their long names."),
]
PrintConfig = Annotated[
    bool,
    typer.Option(
        "--print-config",
        callback=_pass_context,
        allow_from_autoenv=False,
        help="Print the options in force as a TOML file for --config, and do nothing else.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite what exists.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Nothing on stderr but errors.")]
Verbose = Annotated[int, typer.Option("--verbose", "-v", count=True, help="More on stderr; -vv shows tracebacks.")]
Data = Annotated[
    Path,
    typer.Option("--data", envvar="T2D_MOL_DATA", help="Data set made by `t2d-mol data prepare`."),
]
Checkpoint = Annotated[
    Path | None, typer.Option(envvar="T2D_MOL_CHECKPOINT", help="Checkpoint; the bundled one by default.")
]
Engine = Annotated[str, typer.Option(help="local, or ray for a pool of actors, here or on the cluster of RAY_ADDRESS.")]
Workers = Annotated[int, typer.Option(help="Actors of --engine ray; 0 for as many as there is room for.", min=0)]
Values = Annotated[str, typer.Option(help="How bare numbers are read: auto, units or normalised.")]
DEFAULT_DATA = Path("data/qm9.safetensors")


def as_toml(context: typer.Context) -> str:
    """Return the options in force, those that have a value, as `--config` reads them."""
    lines = []
    for item in context.command.params:
        value = context.params.get(item.name or "")
        if item.param_type_name != "option" or item.is_eager or item.name == "print_config" or value is None:
            continue
        name = max((flag.lstrip("-") for flag in item.opts), key=len)
        lines.append(f"{name} = {_toml(value)}\n")
    return "".join(lines)


def _toml(value: object) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)


def complain(message: str, hint: str | None = None) -> None:
    """Write an error on stderr, in one line, and what to do about it."""
    sys.stderr.write(f"error: {textwrap.shorten(message, 400, placeholder=' …')}\n")
    if hint:
        sys.stderr.write(f"hint: {hint}\n")


def set_up(quiet: bool, threads: int = 0) -> None:
    """Silence library chatter where asked to, and set the number of CPU threads."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if quiet:
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
    warnings.formatwarning = lambda message, *_: f"note: {message}\n"
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    import torch

    torch.set_num_threads(threads or cores.available())


def pick_device(name: str) -> str:
    """Return the device a name stands for.

    Raises:
        UsageError: if there is no such device on this machine.
    """
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"no device {name!r} here: {str(error).splitlines()[0]}", "try --device cpu") from None
    return name


def pick_bf16(name: str, device: str, *, training: bool) -> bool:
    """Return whether to compute in bfloat16; `auto` does so in training where the hardware has it.

    Raises:
        UsageError: if the name is none of auto, fp32, bf16.
    """
    if name not in ("auto", "fp32", "bf16"):
        raise unknown("precision", name, ("auto", "fp32", "bf16"))
    if name != "auto":
        return name == "bf16"
    import torch

    if device.startswith("cuda"):
        return training and torch.cuda.is_bf16_supported()
    supported: Any = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return training and device == "cpu" and bool(supported())


def pool(engine: str, workers: int, device: str, threads: int) -> "Pool | None":
    """Return the pool an engine stands for, None for this process itself.

    Raises:
        UsageError: if there is no such engine.
    """
    if engine not in ("local", "ray"):
        raise unknown("engine", engine, ("local", "ray"))
    if engine == "local":
        return None
    from t2d_mol.pool import Pool

    return Pool(workers, device, threads)


def say(message: str, *, quiet: bool = False) -> None:
    """Write a line to stderr unless quiet."""
    if not quiet:
        sys.stderr.write(printable(message) + "\n")


def printable(text: str) -> str:
    """Return a text with control characters, which could steer a terminal, written as escapes."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def parse_range(text: str | None) -> tuple[int, int] | None:
    """Parse `12` or `12-18`.

    Raises:
        InputError: if it is neither.
    """
    if text is None:
        return None
    low, _, high = text.partition("-")
    if not low.strip().isdecimal() or (high and not high.strip().isdecimal()):
        raise InputError(f"{text!r} is no number of atoms", "write 12 or 12-18")
    return int(low), int(high or low)


def values_option(name: str) -> Literal["auto", "units", "normalised"]:
    """Return the reading of bare numbers an option names.

    Raises:
        UsageError: if there is none of that name.
    """
    if name not in ("auto", "units", "normalised"):
        raise unknown("reading of numbers", name, ("auto", "units", "normalised"), "readings")
    return name  # type: ignore[return-value]
