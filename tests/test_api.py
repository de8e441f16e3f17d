"""The library's front door: what it gives is what the command gives, in the types others work with."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import t2d_mol
from t2d_mol.api import Samples, TextToMolecule
from t2d_mol.errors import InputError, UsageError
from t2d_mol.properties import KEYS

PROMPTS = ["a high gap", "polarizability of 75 Bohr^3"]


@pytest.fixture(scope="module")
def model(tiny_file: Path) -> TextToMolecule:
    return t2d_mol.load(tiny_file)


@pytest.fixture(scope="module")
def made(model: TextToMolecule) -> Samples:
    return model.sample(PROMPTS, 2, seed=3, steps=4)


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, t2d_mol; print(t2d_mol.__version__, *({'torch', 'rdkit', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [t2d_mol.__version__]
    with pytest.raises(AttributeError, match="lod"):
        t2d_mol.lod  # noqa: B018


def test_samples_are_those_of_the_command(made: Samples, tiny_file: Path) -> None:
    words = ["--checkpoint", str(tiny_file), "-n", "2", "--seed", "3", "--steps", "4", "--format", "jsonl", "-q"]
    done = subprocess.run(
        [sys.executable, "-m", "t2d_mol", "sample", *PROMPTS, *words], capture_output=True, text=True, check=True
    )
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [sample.smiles for sample in made] == [record["smiles"] for record in records]
    assert [sample.record["row"] for sample in made] == [0, 0, 1, 1]
    for sample, record in zip(made, records, strict=True):
        np.testing.assert_allclose(sample.positions, record["positions"], atol=1e-3)
        assert {key: record[key] for key in sample.record} == json.loads(json.dumps(sample.record))


def test_a_sample_is_an_rdkit_molecule_and_ases_atoms(made: Samples) -> None:
    pytest.importorskip("ase")
    for sample in made:
        assert [atom.GetAtomicNum() for atom in sample.mol.GetAtoms()] == sample.numbers.tolist()
        np.testing.assert_allclose(sample.mol.GetConformer().GetPositions(), sample.positions, atol=1e-5)
        np.testing.assert_allclose(sample.atoms.positions, sample.positions, atol=1e-5)
        assert sample.atoms.numbers.tolist() == sample.numbers.tolist()
        assert sample.atoms.info["prompt"] in PROMPTS
        assert sample._repr_svg_().lstrip().startswith("<?xml")


def test_samples_are_a_table(made: Samples) -> None:
    pytest.importorskip("pandas")
    frame = made.frame
    assert len(frame) == len(made) == 4
    assert {"prompt", "smiles", "state", "seed", *KEYS} <= set(frame.columns)
    assert frame["gap"].tolist() == [sample.predicted["gap"] for sample in made]
    assert len(made[1:3].frame) == 2


@pytest.mark.parametrize("suffix", ["sdf", "xyz", "csv", "jsonl", "smi"])
def test_samples_are_saved_by_suffix(made: Samples, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"made.{suffix}"
    made.save(path)
    assert path.stat().st_size > 0
    with pytest.raises(UsageError, match="exists"):
        made.save(path)
    made.save(path, force=True)
    with pytest.raises(UsageError, match="format"):
        made.save(tmp_path / "made.mol9")


def test_what_cannot_be_is_refused(model: TextToMolecule) -> None:
    with pytest.raises(UsageError, match="tempo"):
        model.sample("a high gap", tempo=3)
    with pytest.raises(InputError):
        model.sample("a high gap and a low gap")
    assert model.understand("a high gap").targets[0].property == "gap"


@pytest.mark.parametrize(
    ("wrong", "part"),
    [
        ({"solver": "as"}, "sa"),
        ({"steps": 0}, "steps"),
        ({"batch_size": 0}, "batch_size"),
        ({"temperature": 0.0}, "temperature"),
        ({"steer": math.nan}, "steer"),
        ({"guidance": -1.0}, "guidance"),
        ({"weights": {"bandgap of": 2.0}}, "gap"),
        ({"weights": {"gap": math.nan}}, "0 to 100"),
        ({"weights": {"gap": -1.0}}, "0 to 100"),
        ({"values": "normalized"}, "normalised"),
    ],
)
def test_what_cannot_be_sampled_with_is_refused(model: TextToMolecule, wrong: dict[str, Any], part: str) -> None:
    with pytest.raises(UsageError) as refused:
        model.sample("high gap", n=1, **wrong)
    assert part in f"{refused.value} {refused.value.hint}"


def test_weights_are_a_dictionary_or_pairs(model: TextToMolecule) -> None:
    weights: tuple[Any, ...] = ({"gap": 2.0}, (("gap", 2.0),), {"Band gap": 2.0})
    ways = [model.sample("high gap", n=1, steps=4, weights=way) for way in weights]
    assert len({way[0].smiles for way in ways}) == 1
    assert len(model.sample("high gap", n=0, only_valid=True)) == 0
