"""Pictures: one panel a molecule, in rows of six, with what was asked for below."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image

from t2d_mol.checkpoint import Statistics
from t2d_mol.chem.drawing import HEIGHT, WIDTH
from t2d_mol.errors import InputError, UsageError
from t2d_mol.io.formats import png
from t2d_mol.io.record import Record, to_record
from t2d_mol.molecule import GeneratedMolecule, Prompt, Target
from t2d_mol.qm9.dataset import Molecules


@pytest.fixture
def records(molecules: Molecules, qm9_statistics: Statistics) -> list[Record]:
    asked = Prompt("", targets=(Target("gap", "=", value=5.0, unit="eV"),))
    read = {"gap": 5.25, "mu": 1.0}
    made = [GeneratedMolecule(molecules[k], asked, 0, k, 0, state="valid", predicted=read) for k in range(30)]
    return [to_record(generated, qm9_statistics) for generated in made]


def picture_of(records: list[Record]) -> bytes:
    stream = io.BytesIO()
    png.write(records, stream)
    return stream.getvalue()


def size(picture: bytes) -> tuple[int, int]:
    assert picture.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", picture[16:24])
    return width, height


@pytest.mark.parametrize(("count", "columns", "rows"), [(1, 1, 1), (6, 6, 1), (8, 6, 2)])
def test_a_picture_has_a_panel_for_each_molecule(records: list[Record], count: int, columns: int, rows: int) -> None:
    assert size(picture_of(records[:count])) == (2 * WIDTH * columns, 2 * HEIGHT * rows)


def test_panels_are_drawn_from_left_to_right_and_the_rest_is_white(records: list[Record], tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(picture_of(records[20:28]))
    ink = np.asarray(image.imread(path))[..., :3].min(-1) < 0.9
    panels = ink.reshape(2, 2 * HEIGHT, 6, 2 * WIDTH).any((1, 3)).ravel().tolist()
    assert panels == [True] * 8 + [False] * 4


def test_the_legend_says_what_was_asked_and_what_is_wrong(records: list[Record]) -> None:
    assert png._legend(records[3]) == "3, gap 5.25 eV"
    assert png._legend(records[3] | {"state": "invalid"}) == "3, invalid, gap 5.25 eV"


def test_a_molecule_without_sense_is_drawn_as_it_is(records: list[Record]) -> None:
    every = [[i, j, 3] for i in range(records[5]["n_atoms"]) for j in range(i)]
    assert size(picture_of([records[5] | {"bonds": every, "state": "invalid", "smiles": None}])) == (2 * WIDTH, 2 * HEIGHT)


def test_too_many_or_none_are_refused(records: list[Record]) -> None:
    with pytest.raises(UsageError, match="600"):
        picture_of(records * 21)
    with pytest.raises(InputError, match="no molecule"):
        picture_of([])
