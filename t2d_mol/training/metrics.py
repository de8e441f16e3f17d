"""The rows of `metrics.jsonl`: means over the steps between them."""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path

from t2d_mol.training.objective import Metrics


@dataclass
class MetricsLog:
    """A file of rows, one a line, each with the step and the minutes it was written after.

    Attributes:
        path: of the file.
    """

    path: Path
    _sums: Metrics = field(default_factory=dict, init=False)
    _counts: Metrics = field(default_factory=dict, init=False)

    def add(self, metrics: Metrics) -> None:
        """Take a step's metrics into the next row; those that are not finite are left out.

        `molecules` is added up, `count/NAME` says how many values the sum NAME holds, 1 where it is missing.
        """
        for name, value in metrics.items():
            if math.isfinite(value) and not name.startswith("count/"):
                self._sums[name] = self._sums.get(name, 0.0) + value
                self._counts[name] = self._counts.get(name, 0.0) + metrics.get(f"count/{name}", 1.0)

    def flush(self, step: int, minutes: float) -> None:
        """Write the means since the last row, if there were steps."""
        if not self._sums:
            return
        counts = self._counts | {"molecules": 1.0}
        row = {name: value / counts[name] for name, value in self._sums.items() if counts[name]}
        self._sums, self._counts = {}, {}
        self.write(step, minutes, row)

    def write(self, step: int, minutes: float, row: Metrics) -> None:
        """Write a row."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        record = {"step": step, "minutes": round(minutes, 3)} | {name: round(value, 6) for name, value in row.items()}
        with self.path.open("a") as stream:
            stream.write(json.dumps(record) + "\n")

    def trim(self, step: int) -> None:
        """Drop rows after a step, which will be taken again, and a row that was cut off."""
        lines = self.path.read_text().splitlines(keepends=True) if self.path.exists() else []
        kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
        if kept != lines:
            self.path.write_text("".join(kept))
