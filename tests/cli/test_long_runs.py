"""Long runs: whatever ends one, nothing finished is lost, nothing is made twice, and shards come to the whole."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

QUICK = ["--steps", "4", "--repairs", "0", "--threads", "1", "--batch-size", "2", "--steer", "0", "-q"]
TABLE = "prompt\nhigh gap\nlow gap\nnonsense of 7 Debye gap\nhigh dipole\n"


def command(table: Path, model: Path, out: Path | str, *more: str, count: int = 30) -> list[str]:
    words = ["sample", "-f", str(table), "-n", str(count), "-o", str(out), "--checkpoint", str(model), *QUICK, *more]
    return [sys.executable, "-m", "t2d_mol", *words]


def run(arguments: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, capture_output=True, text=True, timeout=120, check=False, **options)


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("prompts") / "prompts.csv"
    path.write_text(TABLE)
    return path


@pytest.fixture(scope="module")
def whole(table: Path, tiny_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an uninterrupted run leaves."""
    out = tmp_path_factory.mktemp("whole") / "whole.jsonl"
    done = run(command(table, tiny_file, out))
    assert done.returncode == 0, done.stderr
    assert [record["index"] for record in records(out)] == list(range(90))
    return out


def assert_same(some: list[dict[str, Any]], others: list[dict[str, Any]]) -> None:
    """Batches are cut elsewhere after an interruption, so that positions may differ in their last digits."""
    for record, same in zip(some, others, strict=True):
        for key in set(record) - {"positions", "predicted"}:
            assert record[key] == same[key], key
        np.testing.assert_allclose(record["positions"], same["positions"], atol=1e-3)


def interrupted(arguments: list[str], part: Path, after: int, way: signal.Signals) -> int:
    """Run until some records are there, end it in a way, and return its exit."""
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        while process.poll() is None:
            if part.exists() and part.read_bytes().count(b"\n") >= after:
                process.send_signal(way)
                break
            time.sleep(0.005)
        process.wait(60)
        return process.returncode


def resumed(table: Path, model: Path, out: Path, points: list[int], way: signal.Signals) -> set[int]:
    """Make the table, ended at every point, and return the exits."""
    part, exits = out.with_name(out.name + ".part"), set()
    for after in points:
        exits.add(interrupted(command(table, model, out, *(["--resume"] if part.exists() else [])), part, after, way))
    done = run(command(table, model, out, "--resume"))
    assert done.returncode == 0, done.stderr
    return exits


def test_a_killed_run_goes_on_as_if_nothing_had_been(table: Path, whole: Path, tiny_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.jsonl"
    assert resumed(table, tiny_file, out, [9, 40], signal.SIGKILL) == {-signal.SIGKILL}
    assert_same(records(out), records(whole))
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.slow
def test_twenty_kills_lose_and_repeat_nothing(table: Path, whole: Path, tiny_file: Path, tmp_path: Path) -> None:
    points = sorted(random.Random(0).sample(range(1, 80), 20))
    out = tmp_path / "a.jsonl"
    resumed(table, tiny_file, out, points, signal.SIGKILL)
    assert_same(records(out), records(whole))


def test_a_terminated_run_keeps_what_is_finished(table: Path, whole: Path, tiny_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.jsonl"
    assert resumed(table, tiny_file, out, [20], signal.SIGTERM) == {130}
    assert_same(records(out), records(whole))


@pytest.mark.slow
def test_a_run_that_is_out_of_time_or_room_can_be_gone_on_with(
    table: Path, whole: Path, tiny_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "a.jsonl"
    late = run(command(table, tiny_file, out, "--max-minutes", "0.0001"))
    assert late.returncode == 130
    assert "--resume" in late.stderr
    made = records(tmp_path / "a.jsonl.part")
    assert 0 < len(made) < 90
    page = run(command(table, tiny_file, "-", "--max-minutes", "0.0001", "--format", "html"))
    assert (page.returncode, "</html>" in page.stdout, "time of --max-minutes" in page.stderr) == (130, True, True)

    def small_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))

    full = run(command(table, tiny_file, out, "--resume"), preexec_fn=small_disk)
    assert full.returncode == 2, full.stderr
    assert "make room" in full.stderr
    assert len(records_of_whole_lines(tmp_path / "a.jsonl.part")) > len(made)
    refused = run(command(table, tiny_file, out))
    assert refused.returncode == 2
    assert "--resume" in refused.stderr
    other = run(command(table, tiny_file, out, "--resume", "--seed", "1"))
    assert other.returncode == 2
    assert "sampling.seed" in other.stderr
    assert run(command(table, tiny_file, out, "--resume")).returncode == 0
    assert_same(records(out), records(whole))


def records_of_whole_lines(path: Path) -> list[dict[str, Any]]:
    text = path.read_text()
    return [json.loads(line) for line in text[: text.rfind("\n")].splitlines()]


def test_shards_come_to_the_whole(table: Path, whole: Path, tiny_file: Path, tmp_path: Path) -> None:
    together = list[dict[str, Any]]()
    for shard in range(2):
        out = tmp_path / f"{shard}.jsonl"
        done = run(command(table, tiny_file, out, "--shard", f"{shard}/2", "--batch-size", "3"))
        assert done.returncode == 0, done.stderr
        together += records(out)
    apart = {"duplicate_of": None}  # a shard knows its own molecules alone
    joined = sorted(together, key=lambda record: int(record["index"]))
    assert_same([record | apart for record in joined], [record | apart for record in records(whole)])


def test_a_full_device_and_a_closed_folder_are_told(table: Path, tiny_file: Path, tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        arguments = [*command(table, tiny_file, "-", count=1), "--format", "smi"]
        done = subprocess.run(arguments, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr
    file = tmp_path / "file"
    file.touch()
    done = run(command(table, tiny_file, file / "a.sdf", count=1))
    assert done.returncode == 2
    assert "cannot write" in done.stderr
    if os.geteuid():  # root may write everywhere
        tmp_path.chmod(0o500)
        assert run(command(table, tiny_file, tmp_path / "a.sdf", count=1)).returncode == 2
        tmp_path.chmod(0o700)
