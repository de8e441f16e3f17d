"""The reference of the command line, docs/commands.md, written from the commands themselves."""

import sys
from typing import Any, Final

import typer

from t2d_mol.cli.app import app
from t2d_mol.errors import Exit
from t2d_mol.properties import PROPERTIES

_HEAD: Final = """# Commands

Written by `python -m t2d_mol.cli.reference`; a test sees that it is true. `python -m t2d_mol` is the same as `t2d-mol`.

An option is taken from the command line, else from the environment (`T2D_MOL_` and the names of command and option, such as
`T2D_MOL_SAMPLE_STEPS=20`; the tables say where a shorter name serves all commands), else from the TOML file of `--config`,
else it is the default. `--print-config` prints the options in force as such a file. `t2d-mol --install-completion` teaches
the shell to complete commands and options.
"""


def reference() -> str:
    """Return the reference as Markdown."""
    top: Any = typer.main.get_command(app)
    lines = [_HEAD]
    for name, command in top.commands.items():
        for inner, own in getattr(command, "commands", {"": command}).items():
            lines += _command(f"{name} {inner}".strip(), own)
    lines += ["## Properties", "", "| key | name | symbol | unit |", "|---|---|---|---|"]
    lines += [f"| `{prop.key}` | {prop.name} | {prop.symbol} | {prop.unit} |" for prop in PROPERTIES]
    lines += ["", "## Exits", "", "| code | meaning |", "|---:|---|"]
    lines += [f"| {int(code)} | {code.name.lower().replace('_', ' ')} |" for code in Exit]
    return "\n".join(lines) + "\n"


def _command(name: str, command: Any) -> list[str]:
    context = command.context_class(command, info_name=f"t2d-mol {name}")
    usage = " ".join(command.collect_usage_pieces(context))
    about = " ".join((command.help or "").split())
    lines = [f"## t2d-mol {name}", "", f"`t2d-mol {name} {usage}`", "", _coded(about), ""]
    lines += ["| option | default | |", "|---|---|---|"]
    for item in command.params:
        lines.append(f"| {_name(item)} | {_default(item, context)} | {_help(item)} |")
    return [*lines, ""]


def _name(item: Any) -> str:
    flags = item.opts if item.param_type_name == "option" else [item.name.upper()]
    return ", ".join(f"`{flag}`" for flag in sorted(flags, key=len, reverse=True))


def _default(item: Any, context: Any) -> str:
    value = item.get_default(context)
    return "" if value is None or value is False or value == () else f"`{value}`"


def _help(item: Any) -> str:
    text = " ".join((getattr(item, "help", None) or "").split()).replace("|", "\\|")
    variable = item.envvar if isinstance(item.envvar, str) else ""
    return text + (f" (`{variable}`)" if variable else "")


def _coded(about: str) -> str:
    """Return a command's help with its example as code."""
    text, mark, example = about.partition("For example: ")
    return text + (f"For example:\n\n```\n{example}\n```" if mark else "")


if __name__ == "__main__":
    sys.stdout.write(reference())
