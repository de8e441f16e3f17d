"""The application: its commands, its version, and how every error leaves it."""

import sys
from typing import Annotated, Any

import typer

from t2d_mol import __version__
from t2d_mol.cli import average, data, doctor, evaluate, explain, finetune, judge, pretrain, sample, study
from t2d_mol.cli.environment import asks_for_quiet, name_variables, unread_variables

app = typer.Typer(
    name="t2d-mol",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(data.app, name="data")
app.command("pretrain")(pretrain.pretrain)
app.command("finetune")(finetune.finetune)
app.command("average")(average.average)
app.command("sample")(sample.sample)
app.command("evaluate")(evaluate.evaluate)
app.command("judge")(judge.judge)
app.command("explain")(explain.explain)
app.command("study")(study.study)
app.command("doctor")(doctor.doctor)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"t2d-mol {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", "-V", callback=_version, is_eager=True, allow_from_autoenv=False, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Text to 3D molecules: an equivariant diffusion model on QM9 that reads prompts about molecular properties.

    For example: t2d-mol sample "a molecule with high polarizability" -n 8
    """


def command() -> Any:
    """Return the command line with its options named in the environment."""
    whole = typer.main.get_command(app)
    name_variables(whole)
    return whole


def main() -> None:
    """Run the command line."""
    whole = command()
    if not asks_for_quiet(sys.argv[1:]):
        for remark in unread_variables(whole):
            sys.stderr.write(f"note: {remark}\n")
    whole(args=sys.argv[1:], prog_name="t2d-mol")
