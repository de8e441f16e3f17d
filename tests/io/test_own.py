"""One's own molecules: what QM9's fixture holds comes back from an SDF, and what does not fit is counted."""

import gzip
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from t2d_mol.config import PRESETS, TrainingConfig
from t2d_mol.errors import InputError
from t2d_mol.io.formats.sdf import v2000
from t2d_mol.io.own import read_own
from t2d_mol.io.record import with_geometry
from t2d_mol.molecule import Molecule
from t2d_mol.properties import KEYS
from t2d_mol.qm9.dataset import Molecules
from t2d_mol.training.loop import Loop, fit
from t2d_mol.training.pretrain import Pretraining


def block(molecule: Molecule, tags: Mapping[str, object]) -> str:
    return v2000(with_geometry(dict(tags), molecule))


def tags_of(molecules: Molecules, index: int) -> dict[str, object]:
    return dict(zip(KEYS, molecules.properties()[index].tolist(), strict=True))


def test_molecules_come_back_with_their_properties(molecules: Molecules, tmp_path: Path) -> None:
    path = tmp_path / "own.sdf.gz"
    path.write_bytes(gzip.compress("".join(block(molecules[k], tags_of(molecules, k)) for k in range(49)).encode()))
    found = read_own(str(path))
    assert not found.left_out
    own = found.molecules
    np.testing.assert_array_equal(own.split, molecules.split)
    np.testing.assert_array_equal(own.half, molecules.half)
    np.testing.assert_allclose(own.properties(), molecules.properties(), rtol=1e-6)
    for name in ("numbers", "bonds", "charges", "smiles_hashes", "lookup_hashes", "atom_offsets"):
        np.testing.assert_array_equal(getattr(own.arrays, name), getattr(molecules.arrays, name))
    np.testing.assert_allclose(own.arrays.positions, molecules.arrays.positions, atol=6e-5)


def test_one_can_train_on_them(molecules: Molecules, tmp_path: Path) -> None:
    path = tmp_path / "own.sdf"
    path.write_text("".join(block(molecules[k], tags_of(molecules, k)) for k in range(49)))
    saved = tmp_path / "own.safetensors"
    read_own(str(path)).molecules.training_part().save(saved)
    training = TrainingConfig(steps=2, batch_size=4)
    fit(Loop(Pretraining(Molecules.load(saved), PRESETS["tiny"], training, seed=0, bf16=False), training, tmp_path / "run"))
    assert (tmp_path / "run" / "last.safetensors").exists()


def test_units_and_names_are_read(molecules: Molecules, tmp_path: Path) -> None:
    path, tags = tmp_path / "own.sdf", tags_of(molecules, 3)
    named = {"Polarizability": tags["alpha"], "HOMO": f"{float(str(tags['homo'])) / 27.211386} Hartree"}
    rest = {key: tags[key] for key in ("lumo", "gap", "mu", "cv")}
    path.write_text(block(molecules[3], named | rest) * 12)
    with pytest.raises(InputError, match="the same in all"):
        read_own(str(path))
    others = "".join(block(molecules[k], tags_of(molecules, k)) for k in range(4, 14))
    path.write_text(block(molecules[3], named | rest) + others)
    np.testing.assert_allclose(read_own(str(path)).molecules.properties()[0], list(tags.values()), rtol=1e-5)


def test_what_does_not_fit_is_counted_and_named(molecules: Molecules, tmp_path: Path) -> None:
    path = tmp_path / "own.sdf"
    good = [block(molecules[k], tags_of(molecules, k)) for k in range(20)]
    lacking = tags_of(molecules, 3)
    del lacking["cv"]
    bare = molecules[12]
    assert bare.bonds is not None and bare.charges is not None
    heavy = bare.numbers > 1
    headless = Molecule(bare.numbers[heavy], bare.positions[heavy], bare.bonds[heavy][:, heavy], bare.charges[heavy])
    bad = {
        "no tag <cv>": block(molecules[3], lacking),
        "the tag <gap> is no number in eV": block(molecules[3], tags_of(molecules, 3) | {"gap": "5 Debye"}),
        "invalid by its bonds; hydrogens must be explicit": block(headless, tags_of(molecules, 12)),
        "it holds elements other than H C N O F (atomic number 14)": good[5].replace(" C  ", " Si ").replace(" O  ", " Si "),
        "the gap is not LUMO less HOMO": block(molecules[3], tags_of(molecules, 3) | {"gap": 1.0}),
        "its coordinates are not those of a molecule in space": block(
            Molecule(bare.numbers, bare.positions * np.float32(1.5), bare.bonds, bare.charges), tags_of(molecules, 12)
        ),
        "it is not a readable mol block": good[6].replace("V2000", "V9000"),
    }
    path.write_text("".join([*good, *(text * 2 for text in bad.values())]))
    found = read_own(str(path))
    assert found.left_out == dict.fromkeys(bad, 2)
    assert list(found.examples.values()) == [21, 23, 25, 27, 29, 31, 33]
    assert len(found.molecules) == 20
    path.write_text("".join(list(bad.values()) * 3))
    with pytest.raises(InputError, match="0 molecules that fit"):
        read_own(str(path))
