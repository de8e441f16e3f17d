"""Download of QM9's two published files, verified by size and checksum."""

import hashlib
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from t2d_mol.errors import MissingError


@dataclass(frozen=True)
class Published:
    """A published file: its name, number at figshare, size in bytes and md5."""

    name: str
    number: int
    size: int
    md5: str


ARCHIVE: Final = Published("dsgdb9nsd.xyz.tar.bz2", 3195389, 86_144_227, "ad1ebd51ee7f5b3a6e32e974e5d54012")
UNCHARACTERIZED: Final = Published("uncharacterized.txt", 3195404, 486_752, "a361887bacb427b8a0ce7903d92a53b4")
HOMES: Final = (
    "https://ndownloader.figshare.com/files/",
    "https://springernature.figshare.com/ndownloader/files/",
)

Progress = Callable[[int, int], None]
"""Called with the units done and the units in all."""


def md5_of(path: Path) -> str:
    """Return the md5 of a file, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "md5").hexdigest()


def download(file: Published, folder: Path, *, homes: tuple[str, ...] = HOMES, progress: Progress = lambda *_: None) -> Path:
    """Fetch a published file into `folder`, unless a verified copy lies there.

    The addresses are tried in turn. What arrives is written beside the target and renamed once size and md5 agree.

    Raises:
        MissingError: if no address gave the file; the message names each address and what was wrong with its answer.
    """
    target = folder / file.name
    if target.exists() and target.stat().st_size == file.size and md5_of(target) == file.md5:
        return target
    folder.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".part")
    failures = []
    for home in homes:
        address = f"{home}{file.number}"
        try:
            _fetch(address, partial, file, progress)
        except (OSError, ValueError) as error:
            failures.append(f"{address}: {error}")
            continue
        partial.replace(target)
        return target
    partial.unlink(missing_ok=True)
    raise MissingError(
        f"could not download {file.name} ({'; '.join(failures)})",
        hint="download it with a browser and give it with --archive",
    )


def _fetch(address: str, target: Path, file: Published, progress: Progress) -> None:
    request = urllib.request.Request(address, headers={"User-Agent": "t2d-mol"})
    with urllib.request.urlopen(request, timeout=60) as answer, target.open("wb") as stream:
        if answer.status != 200:
            raise ValueError(f"status {answer.status} instead of the file")
        done = 0
        while piece := answer.read(1 << 20):
            done += stream.write(piece)
            progress(done, file.size)
    if done != file.size:
        raise ValueError(f"{done} bytes instead of {file.size}")
    if md5_of(target) != file.md5:
        raise ValueError("the md5 is not the published one")
