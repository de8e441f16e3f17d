"""Checkpoints: what is written is read; what is damaged or crafted is refused."""

import json
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from t2d_mol.checkpoint import Checkpoint
from t2d_mol.config import to_dict
from t2d_mol.errors import MissingError
from t2d_mol.nn.denoiser import EquivariantDenoiser


def test_a_checkpoint_comes_back_as_it_was(tiny_checkpoint: Checkpoint, tiny_file: Path) -> None:
    loaded = Checkpoint.load(tiny_file)
    assert loaded.config == tiny_checkpoint.config
    assert loaded.statistics == tiny_checkpoint.statistics
    assert loaded.vocabulary == tiny_checkpoint.vocabulary
    torch.testing.assert_close(loaded.joint, tiny_checkpoint.joint, atol=0.02, rtol=1e-3)
    for name, state in tiny_checkpoint.weights.items():
        for key, value in state.items():
            assert torch.equal(value, loaded.weights[name][key])


def test_levels_are_the_quintiles(tiny_checkpoint: Checkpoint) -> None:
    statistics = tiny_checkpoint.statistics
    low, *_, high = statistics.thresholds(0)
    assert [statistics.level(0, value) for value in (low - 1, low + 1e-6, high + 1)] == [0, 1, 4]
    assert statistics.denormalise(2, statistics.normalise(2, 1.5)) == pytest.approx(1.5)


def rewritten(source: Path, target: Path, **changes: object) -> Path:
    from safetensors import safe_open

    with safe_open(source, "pt") as file:
        header = json.loads(file.metadata()["t2d_mol"])
    save_file(load_file(source), target, {"t2d_mol": json.dumps(header | changes)})
    return target


def test_damaged_and_crafted_files_are_refused(tiny_file: Path, tmp_path: Path) -> None:
    data = tiny_file.read_bytes()
    cases = {
        "missing": None,
        "truncated": data[:-50],
        "empty": b"",
        "text": b"hello " * 100,
        "huge header": struct.pack("<Q", 2**60) + data[8:],
        "no header": None,
    }
    for name, content in cases.items():
        path = tmp_path / name.replace(" ", "-")
        if content is not None:
            path.write_bytes(content)
        elif name == "no header":
            save_file({"a": torch.zeros(1)}, path)
        with pytest.raises(MissingError):
            Checkpoint.load(path)


def test_a_newer_format_a_wrong_configuration_and_nan_weights_are_refused(tiny_file: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="newer"):
        Checkpoint.load(rewritten(tiny_file, tmp_path / "newer", format_version=99))
    with pytest.raises(MissingError, match="not a checkpoint"):
        Checkpoint.load(rewritten(tiny_file, tmp_path / "config", config={"denoiser": {"blocks": "many"}}))
    for size in (10**9, -1):
        config = to_dict(Checkpoint.load(tiny_file).config)
        config["denoiser"]["scalars"] = size
        with pytest.raises(MissingError, match=r"denoiser\.scalars"):
            Checkpoint.load(rewritten(tiny_file, tmp_path / "large", config=config))
    loaded = Checkpoint.load(tiny_file)
    loaded.weights["denoiser"]["null"][0] = torch.nan
    loaded.save(tmp_path / "nan")
    with pytest.raises(MissingError, match="finite"):
        Checkpoint.load(tmp_path / "nan")


def test_weights_that_do_not_fit_are_refused(tiny_file: Path) -> None:
    loaded = Checkpoint.load(tiny_file)
    loaded.weights["denoiser"]["null"] = torch.zeros(3)
    with pytest.raises(MissingError, match="does not fit"):
        loaded.load_into("denoiser", EquivariantDenoiser(loaded.config.denoiser, loaded.config.diffusion))
