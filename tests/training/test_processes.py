"""Two processes that train together come to what one comes to, and have the same weights."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from t2d_mol.text2data import processes

TOP = Path(__file__).parents[2]
WORKER = """
import sys
from pathlib import Path
import torch
from safetensors.torch import save_file
from t2d_mol.checkpoint import Checkpoint
from t2d_mol.config import PRESETS, TrainingConfig
from t2d_mol.qm9.dataset import Molecules
from t2d_mol.text2data import processes
from t2d_mol.training.finetune import Finetuning
from t2d_mol.training.launch import join
from t2d_mol.training.loop import Loop
from t2d_mol.training.pretrain import Pretraining

torch.set_num_threads(1)
device, (data, base, method, out) = join("cpu"), sys.argv[1:]
training = TrainingConfig(
    batch_size=6, warmup=2, steps=6, validation_molecules=6,
    method=method, gamma=0.5, alpha=5000.0, beta=4.0, constraint_memory=0.5,
)
molecules = Molecules.load(Path(data))
if method == "pretrain":
    objective = Pretraining(molecules, PRESETS["tiny"], TrainingConfig(batch_size=6), seed=0, bf16=False)
else:
    objective = Finetuning(Checkpoint.load(Path(base)), molecules, training, seed=0, bf16=False)
loop = Loop(objective, training, Path(out), log_every=1)
loop.run()
save_file(objective.network.state_dict(), Path(out) / f"rank{processes.rank()}.safetensors")
"""


@pytest.mark.slow
@pytest.mark.parametrize("method", ["pretrain", "lexicographic"])
def test_two_processes_come_to_what_one_comes_to(method: str, data_file: Path, tiny_file: Path, tmp_path: Path) -> None:
    pytest.importorskip("lightning_fabric", reason="the extra dist is not installed")
    worker = tmp_path / "worker.py"
    worker.write_text(WORKER)
    launchers = {
        "one": [sys.executable],
        "two": [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"],
    }
    for name, launcher in launchers.items():
        words = [*launcher, str(worker), str(data_file), str(tiny_file), method, str(tmp_path / name)]
        environment = os.environ | {"PYTHONPATH": str(TOP), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=200, check=False)
        assert done.returncode == 0, done.stderr
    (one, two, other) = (
        load_file(tmp_path / place) for place in ("one/rank0.safetensors", "two/rank0.safetensors", "two/rank1.safetensors")
    )
    for name, value in one.items():
        torch.testing.assert_close(two[name], other[name], rtol=0, atol=0)
        torch.testing.assert_close(two[name], value, rtol=0, atol=2e-4)
    rows = [
        [json.loads(line) for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()] for name in launchers
    ]
    assert len(rows[0]) == 7  # six steps and a validation
    for alone, together in zip(*rows, strict=True):
        for key in ("loss", "unconditional", "lambda", "gradient_norm", "validation_loss", "molecules"):
            if key in alone:
                assert together[key] == pytest.approx(alone[key], rel=1e-3, abs=1e-4), key
    if method == "lexicographic":
        assert max(row.get("lambda", 0.0) for row in rows[0]) > 0


def test_rows_of_processes_are_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    for count in (1, 2, 6, 7):
        for size in (1, 2, 3):
            monkeypatch.setattr(processes, "size", lambda size=size: size)
            values, found, shares = torch.arange(count) + 1.0, list[float](), list[float]()
            for rank in range(size):
                monkeypatch.setattr(processes, "rank", lambda rank=rank: rank)
                own = values[processes.own_rows(count)]
                assert len(own)
                found += own.tolist()
                shares.append(float(processes.own_share(own, count)))
            assert found[:count] == values.tolist()
            assert sum(shares) / size == pytest.approx(float(values.mean()))


def test_a_process_alone_changes_nothing() -> None:
    parameter = torch.nn.Parameter(torch.ones(2))
    processes.average_gradients([parameter])
    assert parameter.grad is None
    assert processes.averaged(torch.tensor(3.0)) == 3.0
    assert processes.of_first((0.5, 2.0)) == [0.5, 2.0]
    assert (processes.rank(), processes.size()) == (0, 1)
