"""`t2d-mol data prepare`: QM9's published archive becomes one array file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from t2d_mol.cli import options
from t2d_mol.cli.errors import handled
from t2d_mol.errors import UsageError

if TYPE_CHECKING:
    from t2d_mol.qm9.dataset import Molecules

app = typer.Typer(help="Download QM9 and turn it into arrays.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Download QM9 and turn it into arrays."""


@app.command()
@handled
def prepare(
    archive: Annotated[
        Path | None, typer.Option(help="Local dsgdb9nsd.xyz.tar.bz2; without it the published files are downloaded.")
    ] = None,
    uncharacterized: Annotated[
        Path | None, typer.Option(help="Local uncharacterized.txt; by default it is looked for beside the archive.")
    ] = None,
    sdf: Annotated[
        str | None,
        typer.Option(
            help="Instead of QM9: one's own molecules, an SDF with tags alpha, homo, lumo, gap, mu, cv; - is stdin."
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="The array file.")] = options.DEFAULT_DATA,
    training: Annotated[
        Path | None, typer.Option(help="Also write a small file of the train split, for training elsewhere.")
    ] = None,
    force: options.Force = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Read QM9 (133,885 records), or molecules of one's own, into one file of arrays.

    For example: t2d-mol data prepare --archive dsgdb9nsd.xyz.tar.bz2 -o data/qm9.safetensors
    """
    from t2d_mol.chem.annotation import annotate
    from t2d_mol.cli.progress import bar
    from t2d_mol.io.output import check_free
    from t2d_mol.qm9 import download
    from t2d_mol.qm9.archive import prepare as read

    for path in (out, training):
        if path is not None:
            check_free(path, force=force)
    if sdf is not None:
        if archive or uncharacterized:
            raise UsageError("--sdf takes the place of QM9", "leave out --archive and --uncharacterized")
        _save(_own(sdf, quiet), out, training, quiet)
        return
    if archive is None:
        with bar("downloading", quiet=quiet) as progress:
            archive = download.download(download.ARCHIVE, out.parent, progress=progress)
        uncharacterized = uncharacterized or download.download(download.UNCHARACTERIZED, out.parent)
    elif archive.exists() and (found := download.md5_of(archive)) != download.ARCHIVE.md5:
        options.say(f"note: the md5 of {archive.name} is {found}, not the published one", quiet=quiet)
    uncharacterized = uncharacterized or archive.parent / download.UNCHARACTERIZED.name
    with bar("reading records", quiet=quiet) as progress:
        molecules = read(archive, uncharacterized, annotate, progress=progress)
    _save(molecules, out, training, quiet)


def _own(sdf: str, quiet: bool) -> "Molecules":
    """Return the molecules of an SDF, saying which were left out."""
    from t2d_mol.io.own import read_own

    found = read_own(sdf)
    for reason, count in found.left_out.items():
        options.say(f"note: {count} left out, the first is record {found.examples[reason]}: {reason}", quiet=quiet)
    return found.molecules


def _save(molecules: "Molecules", out: Path, training: Path | None, quiet: bool) -> None:
    molecules.save(out)
    options.say(f"{len(molecules)} molecules in {out} ({out.stat().st_size / 1e6:.1f} MB)", quiet=quiet)
    if training is not None:
        molecules.training_part().save(training)
        options.say(f"train split in {training} ({training.stat().st_size / 1e6:.1f} MB)", quiet=quiet)
