"""Speed and memory on this machine: matrix rate, training and denoising per preset. Run by `make bench`."""

import argparse
import resource
import statistics
import time
from collections.abc import Callable

import torch

from t2d_mol.cli.options import pick_bf16
from t2d_mol.config import PRESETS, ModelConfig
from t2d_mol.denoising import Noisy
from t2d_mol.diffusion.process import Process
from t2d_mol.diffusion.sampler import draw_noise
from t2d_mol.molecule import MoleculeBatch
from t2d_mol.nn.denoiser import EquivariantDenoiser

ATOMS, BATCH = 18, 64


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


def measure(config: ModelConfig, bf16: bool, repeats: int) -> tuple[float, float, float]:
    """Return training molecules/s with self-conditioning half the time, and denoiser calls/s for 32 molecules."""
    model, process, molecules = EquivariantDenoiser(config.denoiser, config.diffusion), Process(config.diffusion), batch()
    optimiser = torch.optim.AdamW(model.parameters(), 1e-4, fused=True)

    def train(self_condition: bool) -> None:
        sigma = process.schedule.draw(BATCH)
        noisy = process.corrupt(molecules, sigma)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            previous = None
            if self_condition:
                with torch.no_grad():
                    previous = model(noisy)
            estimate = model(noisy, previous)
        process.total(process.losses(estimate, molecules, sigma)).mean().backward()
        optimiser.step()
        optimiser.zero_grad()

    trained = 0.5 * (seconds(lambda: train(False), repeats) + seconds(lambda: train(True), repeats))
    generators = [torch.Generator().manual_seed(number) for number in range(32)]
    mask = molecules.mask[:32]
    noisy = Noisy(*draw_noise(generators, mask), mask, torch.ones(32))
    with torch.inference_mode():
        previous = model(noisy)
        call = seconds(lambda: model(noisy, previous), repeats)
    return sum(parameter.numel() for parameter in model.parameters()) / 1e6, BATCH / trained, 1 / call


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presets", nargs="*", default=list(PRESETS))
    parser.add_argument("--repeats", type=int, default=8)
    arguments = parser.parse_args()
    bf16 = pick_bf16("auto", "cpu", training=True)
    print(f"{torch.get_num_threads()} threads; matrix product {matrix_rate(torch.float32):.0f} GFLOP/s in float32, "
          f"{matrix_rate(torch.bfloat16):.0f} in bfloat16; training in {'bfloat16' if bf16 else 'float32'}")  # fmt: skip
    print(f"{'preset':8}{'M weights':>10}{'train molecules/s':>19}{'calls/s of 32':>15}{'molecules/s at 50 calls':>25}")
    for name in arguments.presets:
        config = PRESETS[name]
        size, trained, calls = measure(config, bf16, arguments.repeats)
        print(f"{name:8}{size:10.2f}{trained:19.0f}{calls:15.1f}{32 * calls / 50:25.1f}")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


if __name__ == "__main__":
    main()
