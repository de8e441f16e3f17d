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

    def add(self, metrics: Metrics) -> None:
        """Take a step's metrics into the next row; those that are not finite are left out."""
        for name, value in {**metrics, "steps": 1.0}.items():
            if math.isfinite(value):
                self._sums[name] = self._sums.get(name, 0.0) + value

    def flush(self, step: int, minutes: float) -> None:
        """Write the means since the last row, if there were steps; `molecules` is a sum, a bin's mean is over its count."""
        if not self._sums:
            return
        steps, molecules = self._sums.pop("steps"), self._sums.pop("molecules")
        binned = [name.removeprefix("count/") for name in self._sums if name.startswith("count/")]
        counts = {name: self._sums.pop(f"count/{name}") for name in binned}
        row = {name: value / count for name, value in self._sums.items() if (count := counts.get(name, steps))}
        self._sums.clear()
        self.write(step, minutes, row | {"molecules": molecules})

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
