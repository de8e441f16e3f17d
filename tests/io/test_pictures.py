"""Pictures: one panel a molecule, in rows of six, with what was asked for below."""

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image

from t2d_mol.chem.drawing import HEIGHT, WIDTH
from t2d_mol.io import pictures
from t2d_mol.molecule import GeneratedMolecule, Prompt, Target
from t2d_mol.qm9.dataset import Molecules


def generated(molecules: Molecules, index: int) -> GeneratedMolecule:
    return GeneratedMolecule(molecules[index], Prompt(""), 0, index, 0, state="valid")


def size(picture: bytes) -> tuple[int, int]:
    assert picture.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", picture[16:24])
    return width, height


@pytest.mark.parametrize(("count", "columns", "rows"), [(1, 1, 1), (6, 6, 1), (8, 6, 2)])
def test_a_picture_has_a_panel_for_each_molecule(molecules: Molecules, count: int, columns: int, rows: int) -> None:
    picture = pictures.png([generated(molecules, index) for index in range(count)])
    assert size(picture) == (2 * WIDTH * columns, 2 * HEIGHT * rows)


def test_panels_are_drawn_from_left_to_right_and_the_rest_is_white(molecules: Molecules, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(pictures.png([generated(molecules, index) for index in range(20, 28)]))
    ink = np.asarray(image.imread(path))[..., :3].min(-1) < 0.9
    panels = ink.reshape(2, 2 * HEIGHT, 6, 2 * WIDTH).any((1, 3)).ravel().tolist()
    assert panels == [True] * 8 + [False] * 4


def test_the_legend_says_what_was_asked_and_what_is_wrong(molecules: Molecules) -> None:
    prompt = Prompt("", targets=(Target("gap", "=", value=5.0, unit="eV"),))
    made = replace(generated(molecules, 3), prompt=prompt, predicted={"gap": 5.25, "mu": 1.0})
    assert pictures._legend(made) == "3, gap 5.25 eV"
    assert pictures._legend(replace(made, state="invalid")) == "3, invalid, gap 5.25 eV"


def test_a_molecule_without_sense_is_drawn_as_it_is(molecules: Molecules) -> None:
    whole = molecules[5]
    assert whole.bonds is not None
    triple = np.triu(np.full_like(whole.bonds, 3), 1)
    broken = replace(generated(molecules, 5), molecule=replace(whole, bonds=triple + triple.T), state="invalid")
    assert size(pictures.png([broken])) == (2 * WIDTH, 2 * HEIGHT)
