"""The trunk of a run: its state before the learning rate falls, from which training can go on later or elsewhere.

Weights in bfloat16 and their moving average in float32, in safetensors files small enough to be carried, with an index as
Hugging Face writes it. The optimiser's moments are left out: they are made afresh behind a short warm-up.
"""

import json
import time
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from t2d_mol.checkpoint import read_tensors, write_tensors
from t2d_mol.errors import MissingError

SHARD_BYTES: Final = 15_000_000
INDEX: Final = "trunk.safetensors.index.json"

Tensors = dict[str, Tensor]


def write_trunk(folder: Path, weights: Tensors, average: Tensors, shard_bytes: int = SHARD_BYTES) -> None:
    """Write weights and their average into shards of at most `shard_bytes`; a larger tensor gets one to itself.

    What was there before is replaced at once, with the index.
    """
    tensors = {f"weight.{name}": value.bfloat16() if value.is_floating_point() else value for name, value in weights.items()}
    tensors |= {f"average.{name}": value for name, value in average.items()}
    shards: list[Tensors] = [{}]
    for name, tensor in tensors.items():
        if shards[-1] and sum(map(_bytes, shards[-1].values())) + _bytes(tensor) > shard_bytes - _header(shards[-1]):
            shards.append({})
        shards[-1][name] = tensor.detach().cpu().clone()
    places: dict[str, str] = {}
    mark = f"{time.time_ns():x}"
    for number, shard in enumerate(shards, 1):
        file = f"trunk-{mark}-{number:05d}-of-{len(shards):05d}.safetensors"
        write_tensors(folder / file, shard, {})
        places |= dict.fromkeys(shard, file)
    total = sum(_bytes(tensor) for tensor in tensors.values())
    partial = folder / f"{INDEX}.part"
    partial.write_text(json.dumps({"metadata": {"total_size": total}, "weight_map": places}, indent=1) + "\n")
    partial.replace(folder / INDEX)
    for old in set(folder.glob("trunk-*.safetensors")) - {folder / file for file in places.values()}:
        old.unlink()


def read_trunk(folder: Path) -> tuple[Tensors, Tensors]:
    """Return the weights, in float32, and their average.

    Raises:
        MissingError: if there is no trunk, or a part of it is missing or damaged.
    """
    try:
        places = json.loads((folder / INDEX).read_text())["weight_map"]
    except (OSError, ValueError, KeyError):
        raise MissingError(f"no trunk of a run in {folder}", "pretrain leaves it in RUN/trunk") from None
    tensors: Tensors = {}
    for file in sorted(set(places.values())):
        tensors |= read_tensors(folder / Path(file).name)[0]
    if set(tensors) != set(places):
        raise MissingError(f"the trunk in {folder} is damaged: its files do not hold what the index says")
    parts: dict[str, Tensors] = {"weight": {}, "average": {}}
    for name, tensor in tensors.items():
        part, _, own = name.partition(".")
        parts[part][own] = tensor.float() if tensor.dtype == torch.bfloat16 else tensor
    return parts["weight"], parts["average"]


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _header(shard: Tensors) -> int:
    return 1000 + 200 * len(shard)
