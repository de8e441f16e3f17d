"""The judge: a network trained on half A that reads properties from elements and positions, and knows how sure it is."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from t2d_mol.elements import MAX_ATOMS
from t2d_mol.errors import MissingError
from t2d_mol.evaluation.oracles.base import Reading
from t2d_mol.evaluation.oracles.strangeness import strangeness
from t2d_mol.judge_checkpoint import BUNDLED_JUDGE, JudgeCheckpoint
from t2d_mol.molecule import Molecule
from t2d_mol.nn.judge_network import JudgeNetwork
from t2d_mol.padding import batches_by_size, pad
from t2d_mol.properties import KEYS

BATCH: Final = 64
CHUNK: Final = 32 * BATCH
"""Molecules sorted by size and read together."""


class Judge:
    """The oracle `network`.

    Attributes:
        checkpoint: the judge's file.
    """

    name = "network"

    def __init__(self, checkpoint: JudgeCheckpoint, *, device: str = "cpu") -> None:
        self.checkpoint, self.device = checkpoint, torch.device(device)
        self.network = JudgeNetwork(checkpoint.config)
        try:
            self.network.load_state_dict(checkpoint.network)
        except RuntimeError as error:
            raise MissingError(f"the judge's weights do not fit its configuration: {error}") from None
        self.network.to(device).eval()

    @classmethod
    def load(cls, path: Path | None = None, *, device: str = "cpu") -> "Judge":
        """Load a judge, the bundled one by default.

        Raises:
            MissingError: if there is none, it is damaged, or it was never calibrated.
        """
        checkpoint = JudgeCheckpoint.load(path or BUNDLED_JUDGE)
        if not checkpoint.calibration:
            raise MissingError(f"the judge {path} is not calibrated", "finish its training: t2d-mol judge --resume")
        return cls(checkpoint, device=device)

    def read(self, molecules: Sequence[Molecule]) -> Iterator[Reading]:
        """Yield a reading for each molecule, in order; see `oracles.base.Oracle`."""
        calibration = self.checkpoint.calibration
        edges, radii_by_bin, limit = (calibration[name].numpy() for name in ("edges", "radii", "limit"))
        for start in range(0, len(molecules), CHUNK):
            values = self.measure(molecules[start : start + CHUNK])
            strange = strangeness(molecules[start : start + CHUNK], calibration["means"], calibration["whitening"])
            radii = radii_by_bin[np.searchsorted(edges, strange)]
            for molecule, row, radius, own in zip(molecules[start:], values.tolist(), radii, strange, strict=False):
                if not np.isfinite(row).all():
                    reason = f"{len(molecule)} atoms; the judge reads {MAX_ATOMS} at most"
                    yield Reading(state="failed", reason=reason if len(molecule) > MAX_ATOMS else "not a finite geometry")
                    continue
                intervals = {key: (row[k] - float(radius[k]), row[k] + float(radius[k])) for k, key in enumerate(KEYS)}
                yield Reading(dict(zip(KEYS, row, strict=True)), intervals, bool(own > limit[0]))

    def measure(self, molecules: Sequence[Molecule]) -> NDArray[np.float64]:
        """Return the properties (n, K) in canonical units; NaN where a molecule is too large."""
        values = np.full((len(molecules), len(KEYS)), np.nan)
        mean, mad = np.array(self.checkpoint.statistics.mean), np.array(self.checkpoint.statistics.mad)
        for places in batches_by_size(molecules, BATCH):
            batch = pad([molecules[place] for place in places]).to(self.device)
            with torch.inference_mode():
                normalised = self.network(batch.types, batch.positions, batch.mask)
            values[places] = normalised.double().cpu().numpy() * mad + mean
        return values
