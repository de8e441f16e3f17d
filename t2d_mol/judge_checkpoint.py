"""The judge's file: its network, what calibrates it, and what it was measured to be worth."""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from torch import Tensor

from t2d_mol import __version__
from t2d_mol.checkpoint import Statistics, read_tensors, tensor_digest, write_tensors
from t2d_mol.config import PropertyConfig, from_dict, to_dict
from t2d_mol.errors import InputError, MissingError

BUNDLED_JUDGE: Final = Path(__file__).parent / "pretrained" / "judge.safetensors"
"""The judge that comes with the package."""

FORMAT_VERSION: Final = 1


@dataclass(frozen=True, eq=False)
class JudgeCheckpoint:
    """A judge: a property network trained on half A, never used to train, guide, rank or choose a generator.

    Attributes:
        config: size of the network.
        statistics: of the properties over the train split.
        network: its weights.
        calibration: what `evaluation.calibration` fits on the validation split; empty before.
        reference: quantiles of geometry of the test split, by name; empty before.
        results: what the judge was measured to be worth, see `evaluation.calibration`; empty before.
        provenance: how the weights came to be.
    """

    config: PropertyConfig
    statistics: Statistics
    network: dict[str, Tensor]
    calibration: dict[str, Tensor] = field(default_factory=dict)
    reference: dict[str, Tensor] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)

    def replace(self, **changes: Any) -> "JudgeCheckpoint":
        """Return a copy with some fields changed."""
        return replace(self, **changes)

    def digest(self) -> str:
        """Return a short hash of weights and calibration, by which results name the judge they are by."""
        return tensor_digest({"network": self.network, "calibration": self.calibration})

    def save(self, path: Path) -> None:
        """Write the judge beside the target and rename it."""
        groups = {"network": self.network, "calibration": self.calibration, "reference": self.reference}
        tensors = {
            f"{group}.{name}": value.detach().cpu() for group, state in groups.items() for name, value in state.items()
        }
        header = {
            "format_version": FORMAT_VERSION,
            "version": __version__,
            "config": to_dict(self.config),
            "statistics": asdict(self.statistics),
            "results": self.results,
            "provenance": self.provenance,
        }
        write_tensors(path, tensors, {"t2d_mol_judge": json.dumps(header)})

    @classmethod
    def load(cls, path: Path = BUNDLED_JUDGE) -> "JudgeCheckpoint":
        """Read a judge.

        Raises:
            MissingError: if the file is missing, damaged, newer than this version or no judge.
        """
        tensors, metadata = read_tensors(path)
        try:
            header = json.loads(metadata["t2d_mol_judge"])
            if header["format_version"] > FORMAT_VERSION:
                raise MissingError(f"{path} was written by a newer version", "update t2d-mol")
            groups: dict[str, dict[str, Tensor]] = {"network": {}, "calibration": {}, "reference": {}}
            for name, value in tensors.items():
                group, _, key = name.partition(".")
                groups[group][key] = value
            return cls(
                config=from_dict(PropertyConfig, header["config"]),
                statistics=Statistics.from_lists(header["statistics"]),
                results=header["results"],
                provenance=header["provenance"],
                **groups,
            )
        except (KeyError, TypeError, ValueError, AttributeError, InputError) as error:
            raise MissingError(f"{path} is no judge of t2d-mol: {error!r}") from None
