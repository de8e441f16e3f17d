"""Rows of metrics: means over what was counted, cut where a resumed run begins again."""

import json
import math
from pathlib import Path

from t2d_mol.training.metrics import MetricsLog


def test_rows_are_means_of_what_was_counted(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path / "run" / "metrics.jsonl")
    log.add({"loss": 2.0, "molecules": 8.0, "bin/low": 3.0, "count/bin/low": 2.0, "lambda": 0.5})
    log.add({"loss": math.nan, "molecules": 8.0, "bin/low": 0.0, "count/bin/low": 0.0})
    log.add({"loss": 4.0, "molecules": 4.0, "bin/low": 6.0, "count/bin/low": 1.0, "bin/high": 0.0, "count/bin/high": 0.0})
    log.flush(3, 0.5)
    log.flush(3, 0.5)
    log.add({"loss": 1.0, "molecules": 8.0})
    log.flush(4, 0.6)
    rows = [json.loads(line) for line in log.path.read_text().splitlines()]
    assert rows == [
        {"step": 3, "minutes": 0.5, "loss": 3.0, "molecules": 20.0, "bin/low": 3.0, "lambda": 0.5},
        {"step": 4, "minutes": 0.6, "loss": 1.0, "molecules": 8.0},
    ]
    with log.path.open("a") as stream:
        stream.write('{"step": 5, "minu')
    log.trim(3)
    assert [json.loads(line)["step"] for line in log.path.read_text().splitlines()] == [3]
