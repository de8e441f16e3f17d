"""The trunk of a run: shards, what they keep, what is refused, and training that goes on from it."""

import json
from pathlib import Path

import pytest
import torch

from t2d_mol.config import ModelConfig, TrainingConfig
from t2d_mol.errors import MissingError
from t2d_mol.qm9.dataset import Molecules
from t2d_mol.training.loop import Loop
from t2d_mol.training.pretrain import Pretraining
from t2d_mol.training.trunk import INDEX, read_trunk, write_trunk

WEIGHTS = {"a": torch.randn(100, 30), "b": torch.randn(7), "c": torch.arange(5)}
AVERAGE = {"a": torch.randn(100, 30), "b": torch.randn(7), "c": torch.arange(5)}


def test_weights_come_back_in_bfloat16_and_their_average_exactly(tmp_path: Path) -> None:
    write_trunk(tmp_path, WEIGHTS, AVERAGE)
    weights, average = read_trunk(tmp_path)
    assert set(weights) == set(average) == set(WEIGHTS)
    assert all(torch.equal(average[name], AVERAGE[name]) for name in AVERAGE)
    assert torch.equal(weights["a"], WEIGHTS["a"].bfloat16().float())
    assert torch.equal(weights["c"], WEIGHTS["c"])


def test_no_shard_is_larger_than_allowed(tmp_path: Path) -> None:
    many = {str(number): torch.randn(1000) for number in range(40)}
    write_trunk(tmp_path, many, many, shard_bytes=30_000)
    sizes = [path.stat().st_size for path in tmp_path.glob("*.safetensors")]
    assert len(sizes) > 7
    assert max(sizes) <= 30_000
    assert torch.equal(read_trunk(tmp_path)[1]["17"], many["17"])
    write_trunk(tmp_path, WEIGHTS, AVERAGE)
    assert len(list(tmp_path.glob("*.safetensors"))) == 1


@pytest.mark.parametrize("damage", ["index", "shard", "truncated"])
def test_what_is_damaged_is_refused(tmp_path: Path, damage: str) -> None:
    write_trunk(tmp_path, WEIGHTS, AVERAGE, shard_bytes=3000)
    shard = min(tmp_path.glob("*.safetensors"))
    if damage == "index":
        (tmp_path / INDEX).write_text("{}")
    elif damage == "shard":
        shard.unlink()
    else:
        shard.write_bytes(shard.read_bytes()[:50])
    with pytest.raises(MissingError):
        read_trunk(tmp_path)


def pretraining(molecules: Molecules, config: ModelConfig, training: TrainingConfig, seed: int = 0) -> Pretraining:
    return Pretraining(molecules, config, training, seed=seed, bf16=False)


def test_a_run_leaves_the_state_from_before_its_rate_fell_and_another_goes_on(
    molecules: Molecules, tiny: ModelConfig, tmp_path: Path
) -> None:
    training = TrainingConfig(batch_size=4, steps=6, decay_from=0.5, warmup=1, validation_molecules=4)
    first = Loop(pretraining(molecules, tiny, training), training, tmp_path / "first")
    first.run()
    short = TrainingConfig(batch_size=4, steps=3, decay_from=0.99, warmup=1, validation_molecules=4)
    reference = Loop(pretraining(molecules, tiny, short), short, tmp_path / "short")
    reference.run()
    weights, average = read_trunk(tmp_path / "first" / "trunk")
    for name, value in reference.objective.network.state_dict().items():
        torch.testing.assert_close(weights[name], value.bfloat16().to(value.dtype))
        torch.testing.assert_close(average[name], reference.average[name])
    second = Loop(pretraining(molecules, tiny, training, seed=1), training, tmp_path / "second")
    second.start_from(weights, average)
    assert all(torch.equal(second.average[name], average[name]) for name in average)
    assert all(torch.equal(value, weights[name]) for name, value in second.objective.network.state_dict().items())
    second.run()
    assert second.step == 6


def test_the_trunk_of_another_network_is_refused(molecules: Molecules, tiny: ModelConfig, tmp_path: Path) -> None:
    write_trunk(tmp_path, WEIGHTS, AVERAGE)
    training = TrainingConfig(batch_size=4, steps=1, validation_molecules=4)
    with pytest.raises(MissingError, match="another network"):
        Loop(pretraining(molecules, tiny, training), training, tmp_path).start_from(*read_trunk(tmp_path))
    assert json.loads((tmp_path / INDEX).read_text())["weight_map"]


def test_a_run_whose_rate_never_fell_leaves_its_end(molecules: Molecules, tiny: ModelConfig, tmp_path: Path) -> None:
    """As when one long step, a compilation, takes the whole budget."""
    training = TrainingConfig(batch_size=4, steps=1, decay_from=0.5, validation_molecules=4)
    loop = Loop(pretraining(molecules, tiny, training), training, tmp_path)
    loop.run()
    average = read_trunk(tmp_path / "trunk")[1]
    assert all(torch.equal(average[name], loop.average[name]) for name in average)
