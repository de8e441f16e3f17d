"""Do one process, a pool of actors and shards of a job array make the same molecules? `python benchmarks/agreement.py`."""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

KEYS = ("row", "index", "seed", "smiles", "state", "bonds", "charges", "prompt")


def main() -> None:
    """Sample a file of prompts in three ways and compare record by record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=Path, default=Path(__file__).parents[1] / "data" / "prompts.csv")
    parser.add_argument("-n", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        local = sampled(options, folder / "local.jsonl", "--threads", "2")
        ways = {
            "pool of two actors": sampled(options, folder / "ray.jsonl", "--engine", "ray", "--workers", "2"),
            "two shards": sorted(
                (
                    record
                    for shard in range(2)
                    for record in sampled(options, folder / f"{shard}.jsonl", "--shard", f"{shard}/2", "--threads", "1")
                ),
                key=lambda record: record["index"],
            ),
        }
    print(f"{'':20}{'records':>9}{'differ':>9}{'furthest atom, Å':>20}")
    print(f"{'one process':20}{len(local):9}")
    for title, records in ways.items():
        differ, furthest = 0, 0.0
        for one, other in zip(local, records, strict=True):
            same = all(one[key] == other[key] for key in KEYS)
            differ += not same
            if same:
                moved = np.linalg.norm(np.subtract(one["positions"], other["positions"]), axis=1)
                furthest = max(furthest, float(moved.max()))
        print(f"{title:20}{len(records):9}{differ:9}{furthest:20.6f}")


def sampled(options: argparse.Namespace, out: Path, *more: str) -> list[dict[str, object]]:
    """Return the records of a run of `t2d-mol sample`."""
    words = ["sample", "-f", str(options.prompts), "-n", str(options.n), "-o", str(out), "-q", *more]
    subprocess.run([sys.executable, "-m", "t2d_mol", *words], check=True)
    return [json.loads(line) for line in out.read_text().splitlines()]


if __name__ == "__main__":
    main()
