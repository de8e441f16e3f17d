"""The mean of checkpoints: what it holds, what it is told from, what is refused; and pretraining that goes on from one."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from t2d_mol.checkpoint import Checkpoint
from t2d_mol.cli import app
from t2d_mol.config import PRESETS
from t2d_mol.errors import UsageError
from t2d_mol.training.average import averaged


def moved(checkpoint: Checkpoint, by: float) -> Checkpoint:
    """Return a checkpoint whose denoiser alone is there, with all its weights changed."""
    weights = {"denoiser": {key: value + by for key, value in checkpoint.weights["denoiser"].items()}}
    return checkpoint.replace(weights=weights, provenance={"pretrain": {"by": by}})


def test_the_networks_that_all_hold_are_averaged_and_the_rest_is_the_base(tiny_checkpoint: Checkpoint) -> None:
    told = tiny_checkpoint.replace(provenance={"encoder": {"steps": 7}})
    mean = averaged([moved(tiny_checkpoint, 1.0), moved(tiny_checkpoint, 2.0)], told)
    for key, value in tiny_checkpoint.weights["denoiser"].items():
        torch.testing.assert_close(mean.weights["denoiser"][key], value + 1.5)
    assert mean.weights["encoder"] is told.weights["encoder"]
    assert mean.vocabulary == told.vocabulary
    assert mean.provenance["encoder"] == {"steps": 7}
    parts = mean.provenance["average"]
    assert parts["networks"] == ["denoiser"]
    assert [part["pretrain"]["by"] for part in parts["of"]] == [1.0, 2.0]
    assert len({part["digest"] for part in parts["of"]}) == 2


def test_only_the_networks_asked_for_are_averaged(tiny_checkpoint: Checkpoint) -> None:
    other = tiny_checkpoint.replace(
        weights={
            name: {key: value + 1 if value.is_floating_point() else value for key, value in state.items()}
            for name, state in tiny_checkpoint.weights.items()
        }
    )
    mean = averaged([tiny_checkpoint, other], tiny_checkpoint, ["denoiser"])
    whole = averaged([tiny_checkpoint, other], tiny_checkpoint)
    for name, changed in (("denoiser", 0.5), ("predictor", 0.0)):
        key, value = next(iter(tiny_checkpoint.weights[name].items()))
        torch.testing.assert_close(mean.weights[name][key], value + changed)
        torch.testing.assert_close(whole.weights[name][key], value + 0.5)


def test_networks_of_different_sizes_have_no_mean(tiny_checkpoint: Checkpoint) -> None:
    wider = tiny_checkpoint.replace(config=replace(tiny_checkpoint.config, denoiser=PRESETS["small"].denoiser))
    with pytest.raises(UsageError, match="denoiser"):
        averaged([tiny_checkpoint, wider], tiny_checkpoint)


def test_networks_that_differ_in_more_than_size_have_no_mean(tiny_checkpoint: Checkpoint) -> None:
    other_words = tiny_checkpoint.replace(vocabulary=tiny_checkpoint.vocabulary[::-1])
    with pytest.raises(UsageError, match="encoder are of different kinds"):
        averaged([tiny_checkpoint, other_words], tiny_checkpoint)
    bare = tiny_checkpoint.replace(vocabulary=())
    with pytest.raises(UsageError, match="encoder are of different kinds"):
        averaged([tiny_checkpoint, tiny_checkpoint], bare)
    assert "denoiser" in averaged([tiny_checkpoint, tiny_checkpoint], bare, ["denoiser"]).weights
    scaled = replace(tiny_checkpoint.config, diffusion=replace(tiny_checkpoint.config.diffusion, type_scale=1.0))
    with pytest.raises(UsageError, match="denoiser are of different kinds"):
        averaged([tiny_checkpoint, tiny_checkpoint.replace(config=scaled)], tiny_checkpoint)


def test_a_network_that_one_lacks_has_no_mean(tiny_checkpoint: Checkpoint) -> None:
    assert "guide" not in tiny_checkpoint.weights
    with pytest.raises(UsageError, match="guide"):
        averaged([tiny_checkpoint, tiny_checkpoint], tiny_checkpoint, ("guide",))


def test_pretraining_goes_on_from_a_checkpoint_and_its_runs_are_averaged(
    tiny_file: Path, data_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*words: str) -> int:
        with pytest.raises(SystemExit) as left:
            app([*words, "-q"])
        return int(left.value.code or 0)

    pretrain = ("pretrain", "--checkpoint", str(tiny_file), "--steps", "1", "--data", str(data_file))
    for seed in ("1", "2"):
        assert run(*pretrain, "--seed", seed, "--learning-rate", "1e-2", "-o", str(tmp_path / seed)) == 0
    files = [tmp_path / seed / "last.safetensors" for seed in ("1", "2")]
    mean = tmp_path / "mean.safetensors"
    words = ("average", *map(str, files), "--base", str(tiny_file), "--precision", "bf16", "-o", str(mean))
    assert run(*words) == 0
    assert run(*words) == 2
    assert "exists" in capsys.readouterr().err
    start, done, one, other = (Checkpoint.load(path) for path in (tiny_file, mean, *files))
    assert {name: set(done.weights[name]) for name in done.weights} == {
        name: set(start.weights[name]) for name in start.weights
    }
    key = "atoms_in.weight"
    ends = [checkpoint.weights["denoiser"][key] for checkpoint in (start, one, other)]
    assert 0 < float((ends[1] - ends[0]).abs().max()) < 1e-3
    assert not torch.equal(ends[1], ends[2])
    assert torch.equal(done.weights["denoiser"][key], ((ends[1] + ends[2]) / 2).bfloat16())
    assert run(*words, "--network", "decoder", "--force") == 2
    assert run(*pretrain, "--trunk", str(tmp_path / "1" / "trunk"), "-o", str(tmp_path / "3")) == 2
