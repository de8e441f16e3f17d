"""The one file format of models: safetensors with a JSON header, sufficient to sample without any data set."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from t2d_mol import __version__
from t2d_mol.config import ModelConfig, from_dict, to_dict
from t2d_mol.errors import InputError, MissingError

FORMAT_VERSION: Final = 1
SMALL: Final = 512
"""Sizes in a network's configuration up to this are believed."""

NETWORKS: Final = ("denoiser", "encoder", "predictor", "guide")
"""The networks a checkpoint can hold."""


@dataclass(frozen=True)
class Statistics:
    """Statistics of the K properties over the train split, in canonical units.

    Attributes:
        mean: (K,) means.
        mad: (K,) mean absolute deviations; a normalised value is (value - mean) / mad.
        percentiles: (K, 101) the 0th to 100th percentile.
        covariance: (K, K) covariance of the normalised values.
    """

    mean: tuple[float, ...]
    mad: tuple[float, ...]
    percentiles: tuple[tuple[float, ...], ...]
    covariance: tuple[tuple[float, ...], ...]

    @classmethod
    def from_lists(cls, values: dict[str, Any]) -> "Statistics":
        """Build the statistics from the lists JSON knows."""
        return cls(**{key: _tuples(value) for key, value in values.items()})

    def normalise(self, index: int, value: float) -> float:
        """Return the normalised value of property `index`."""
        return (value - self.mean[index]) / self.mad[index]

    def denormalise(self, index: int, value: float) -> float:
        """Return the value in units of a normalised value of property `index`."""
        return value * self.mad[index] + self.mean[index]

    def percentile(self, index: int, share: float) -> float:
        """Return the value of property `index` below which `share` per cent of the train split lie."""
        row, share = self.percentiles[index], min(max(share, 0.0), 100.0)
        below = min(int(share), 99)
        return row[below] + (share - below) * (row[below + 1] - row[below])

    def thresholds(self, index: int) -> tuple[float, ...]:
        """Return the four values that divide the five levels of property `index`."""
        return tuple(self.percentiles[index][quantile] for quantile in (20, 40, 60, 80))

    def level(self, index: int, value: float) -> int:
        """Return the level, an index into `properties.LEVELS`, of a value of property `index`."""
        return sum(value > threshold for threshold in self.thresholds(index))


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A model with all that sampling needs.

    Attributes:
        config: sizes of the networks and the diffusion's constants.
        weights: state of each network present, by name in `NETWORKS`.
        statistics: of the properties over the train split.
        sizes: (30,) how many train molecules have each atom count.
        joint: (R, 1 + K) atom count and normalised properties of the labelled records in use; R is 0 before finetuning.
        structures: (R, 6) how many atoms of each of `elements.SYMBOLS` and how many rings those records have.
        smiles_hashes, lookup_hashes: hashes of the train molecules' SMILES, sorted.
        vocabulary: words of the text encoder.
        provenance: how the weights came to be.
    """

    config: ModelConfig
    weights: dict[str, dict[str, Tensor]]
    statistics: Statistics
    sizes: Tensor
    joint: Tensor
    structures: Tensor
    smiles_hashes: Tensor
    lookup_hashes: Tensor
    vocabulary: tuple[str, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict)

    def replace(self, **changes: Any) -> "Checkpoint":
        """Return a copy with some fields changed."""
        return replace(self, **changes)

    def floats(self, name: str) -> dict[str, Tensor]:
        """Return one network's weights in float32, whatever they are stored as.

        Raises:
            MissingError: if the checkpoint lacks the network.
        """
        if name not in self.weights:
            raise MissingError(f"the checkpoint holds no {name}", "train one, or take the bundled checkpoint")
        return {key: value.float() if value.is_floating_point() else value for key, value in self.weights[name].items()}

    def load_into(self, name: str, network: nn.Module) -> None:
        """Load one network's weights.

        Raises:
            MissingError: if the checkpoint lacks the network or its shapes do not fit.
        """
        try:
            network.load_state_dict(self.floats(name))
        except RuntimeError as error:
            raise MissingError(f"the checkpoint's {name} does not fit its configuration: {error}") from None

    def digest(self) -> str:
        """Return a short hash of the weights, by which results name the model they are of."""
        return tensor_digest(self.weights)

    def save(self, path: Path, *, dtype: torch.dtype = torch.float32) -> None:
        """Write the checkpoint beside the target and rename it; floating weights are stored as `dtype`."""
        tensors = {
            f"{name}.{key}": value.detach().to("cpu", dtype if value.is_floating_point() else value.dtype)
            for name, state in self.weights.items()
            for key, value in state.items()
        }
        tensors |= {"sizes": self.sizes, "joint": self.joint.to(torch.float16), "structures": self.structures}
        tensors |= {"smiles_hashes": self.smiles_hashes, "lookup_hashes": self.lookup_hashes}
        header = {
            "format_version": FORMAT_VERSION,
            "version": __version__,
            "config": to_dict(self.config),
            "statistics": asdict(self.statistics),
            "vocabulary": self.vocabulary,
            "provenance": self.provenance,
        }
        write_tensors(path, tensors, {"t2d_mol": json.dumps(header)})

    @classmethod
    def load(cls, path: Path) -> "Checkpoint":
        """Read a checkpoint.

        Raises:
            MissingError: if the file is missing, truncated, crafted, newer than this version or not a checkpoint.
        """
        tensors, metadata = read_tensors(path)
        try:
            header = json.loads(metadata["t2d_mol"])
            if header["format_version"] > FORMAT_VERSION:
                raise MissingError(f"{path} was written by a newer version", "update t2d-mol")
            special = {
                name: tensors.pop(name) for name in ("sizes", "joint", "structures", "smiles_hashes", "lookup_hashes")
            }
            weights: dict[str, dict[str, Tensor]] = {}
            for name, value in tensors.items():
                network, _, key = name.partition(".")
                weights.setdefault(network, {})[key] = value
            checkpoint = cls(
                config=from_dict(ModelConfig, header["config"]),
                weights=weights,
                statistics=Statistics.from_lists(header["statistics"]),
                vocabulary=tuple(header["vocabulary"]),
                provenance=header["provenance"],
                **(special | {"joint": special["joint"].float()}),
            )
        except (KeyError, TypeError, ValueError, AttributeError, InputError) as error:
            raise MissingError(f"{path} is not a checkpoint of t2d-mol: {error!r}") from None
        unknown = set(weights) - set(NETWORKS)
        if unknown:
            raise MissingError(f"{path} holds unknown networks: {', '.join(sorted(unknown))}")
        if not all(math.isfinite(float(value.float().sum())) for value in tensors.values()):
            raise MissingError(f"{path} holds weights that are not finite")
        for network in NETWORKS:
            _check_sizes(path, network, asdict(getattr(checkpoint.config, network)), weights.get(network, {}))
        return checkpoint


def _check_sizes(path: Path, network: str, config: dict[str, Any], state: dict[str, Tensor]) -> None:
    """See that a network is no larger than its weights can be, before memory is taken for it.

    Raises:
        MissingError: if it is.
    """
    largest = max([SMALL, len(state), *(size for tensor in state.values() for size in tensor.shape)])
    for name, value in config.items():
        if isinstance(value, int) and not int(name == "heads") <= value <= largest:
            raise MissingError(f"{path} says that {network}.{name} is {value}, which its weights do not bear out")


def tensor_digest(groups: dict[str, dict[str, Tensor]]) -> str:
    """Return a short hash of named tensors, the same for the same values."""
    found = hashlib.blake2b(digest_size=8)
    for name, state in sorted(groups.items()):
        for key, value in sorted(state.items()):
            found.update(f"{name}.{key}".encode() + value.detach().cpu().float().contiguous().numpy().tobytes())
    return found.hexdigest()


def write_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write a safetensors file beside the target and rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, partial, metadata)
    partial.chmod(0o644)
    partial.replace(path)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read a safetensors file and its metadata.

    Raises:
        MissingError: if it is missing or damaged.
    """
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except FileNotFoundError:
        raise MissingError(f"no checkpoint at {path}") from None
    except (SafetensorError, OSError) as error:
        raise MissingError(f"{path} is not a checkpoint or is damaged: {error}") from None


def _tuples(values: Any) -> Any:
    return tuple(_tuples(value) for value in values) if isinstance(values, list) else values
