"""Speed and memory on this machine: matrix rate, training and denoising per preset, `sample` whole. Run by `make bench`.

The share of the matrix rate is the rate of the multiplications the network needs over that of a large matrix product.
"""

import argparse
import os
import resource
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from t2d_mol.cli.options import pick_bf16
from t2d_mol.config import PRESETS, ModelConfig
from t2d_mol.denoising import Noisy
from t2d_mol.diffusion.process import Process
from t2d_mol.diffusion.sampler import draw_noise
from t2d_mol.molecule import MoleculeBatch
from t2d_mol.nn.denoiser import EquivariantDenoiser
from t2d_mol.training.pretrain import DenoisingLoss

ATOMS, BATCH = 18, 64
SAMPLED = (
    ["high gap", "-n", "1", "--steps", "2"],
    ["high gap", "-n", "100"],
    ["high gap", "-n", "100", "--steer", "0"],
    ["-n", "300"],
    ["-n", "300", "--fast"],
)
"""What `sample` is timed with; the first is little but start-up."""


def seconds(work: Callable[[], object], repeats: int) -> float:
    """Return the median time of `work`, after one warm-up."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def matrix_rate(dtype: torch.dtype) -> float:
    """Return GFLOP/s of a large matrix product."""
    a = torch.randn(1024, 1024).to(dtype)
    return 2 * 1024**3 / seconds(lambda: a @ a, 10) / 1e9


def batch() -> MoleculeBatch:
    """Return random molecules of 18 atoms, QM9's mean."""
    bonds = torch.randint(0, 4, (BATCH, ATOMS, ATOMS)).triu(1)
    return MoleculeBatch(
        torch.randint(0, 5, (BATCH, ATOMS)),
        torch.randn(BATCH, ATOMS, 3),
        bonds + bonds.transpose(1, 2),
        torch.ones(BATCH, ATOMS, dtype=torch.long),
        torch.ones(BATCH, ATOMS, dtype=torch.bool),
    )


@dataclass(frozen=True)
class Speed:
    """How fast a preset is.

    Attributes:
        weights: millions.
        trained: molecules a second, with self-conditioning half the time.
        calls: of the denoiser a second for 32 molecules.
        training_rate, calling_rate: GFLOP/s of the multiplications in both.
    """

    weights: float
    trained: float
    calls: float
    training_rate: float
    calling_rate: float


def gigaflop(work: Callable[[], object]) -> float:
    """Return how many multiplications and additions of matrices a piece of work does, in 10⁹."""
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops() / 1e9


def measure(config: ModelConfig, bf16: bool, repeats: int) -> Speed:
    """Measure a preset."""
    model, process, molecules = EquivariantDenoiser(config.denoiser, config.diffusion), Process(config.diffusion), batch()
    optimiser = torch.optim.AdamW(model.parameters(), 1e-4, fused=True)

    loss, generator = DenoisingLoss(model, process, bf16=bf16), torch.Generator().manual_seed(0)

    def train(self_condition: bool) -> None:
        sigma = loss.draw_sigma(BATCH, generator)
        process.total(loss(molecules, sigma, generator, self_condition=self_condition)).mean().backward()
        optimiser.step()
        optimiser.zero_grad()

    trained = 0.5 * (seconds(lambda: train(False), repeats) + seconds(lambda: train(True), repeats))
    generators = [torch.Generator().manual_seed(number) for number in range(32)]
    mask = molecules.mask[:32]
    noisy = Noisy(*draw_noise(generators, mask), mask, torch.ones(32))
    with torch.inference_mode():
        previous = model(noisy)
        call = seconds(lambda: model(noisy, previous), repeats)
    steps = 0.5 * (gigaflop(lambda: train(False)) + gigaflop(lambda: train(True)))
    with torch.no_grad():
        once = gigaflop(lambda: model(noisy, previous))
    weights = sum(parameter.numel() for parameter in model.parameters()) / 1e6
    return Speed(weights, BATCH / trained, 1 / call, steps / trained, once / call)


def sampled(arguments: list[str]) -> tuple[float, float]:
    """Return the seconds and the GiB of memory that `t2d-mol sample` takes, from start to end.

    A child's record of memory begins at its parent's, so this must be asked before anything large is made here.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "t2d_mol", "sample", *arguments, "-q", "-o", f"{folder}/made.sdf"]
        began = time.perf_counter()
        process = subprocess.Popen(command)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    return seconds, usage.ru_maxrss / 2**20


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presets", nargs="*", default=list(PRESETS))
    parser.add_argument("--repeats", type=int, default=8)
    arguments = parser.parse_args()
    print(f"{'sample, whole':60}{'seconds':>9}{'GiB':>6}")
    for words in SAMPLED:
        seconds_taken, memory = sampled(words)
        print(f"{shlex.join(words):60}{seconds_taken:9.1f}{memory:6.2f}")
    bf16 = pick_bf16("auto", "cpu", training=True)
    product = {dtype: matrix_rate(dtype) for dtype in (torch.float32, torch.bfloat16)}
    single = torch.bfloat16 if bf16 else torch.float32
    print(f"{torch.get_num_threads()} threads; matrix product {product[torch.float32]:.0f} GFLOP/s in float32, "
          f"{product[torch.bfloat16]:.0f} in bfloat16; training in {str(single).removeprefix('torch.')}")  # fmt: skip
    print(f"{'preset':8}{'M weights':>10}{'train molecules/s':>19}{'of the rate':>13}"
          f"{'calls/s of 32':>15}{'of the rate':>13}{'molecules/s at 50 calls':>25}")  # fmt: skip
    for name in arguments.presets:
        speed = measure(PRESETS[name], bf16, arguments.repeats)
        shares = speed.training_rate / product[single], speed.calling_rate / product[torch.float32]
        print(f"{name:8}{speed.weights:10.2f}{speed.trained:19.0f}{shares[0]:13.0%}"
              f"{speed.calls:15.1f}{shares[1]:13.0%}{32 * speed.calls / 50:25.1f}")  # fmt: skip
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


if __name__ == "__main__":
    main()
