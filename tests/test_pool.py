"""The pool of actors gives what one process gives, and loses nothing when an actor dies."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from t2d_mol.checkpoint import Checkpoint
from t2d_mol.config import SamplingConfig
from t2d_mol.evaluation.oracles.network import Judge
from t2d_mol.evaluation.score import Entry, Scorer
from t2d_mol.generation import Model
from t2d_mol.io.record import Record, molecule_of, to_record
from t2d_mol.molecule import Prompt, Structure
from t2d_mol.pool import Pool, SamplingPool, ScoringPool
from t2d_mol.portion import Portion
from t2d_mol.prompts import parse_prompt

ray: Any = pytest.importorskip("ray", reason="the extra ray is not installed")
pytestmark = pytest.mark.slow
CONFIG = SamplingConfig(steps=4, steer=0.0, repairs=1, batch_size=2, seed=3)
COUNT = 12


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def prompts(tiny_checkpoint: Checkpoint) -> list[tuple[int, Prompt]]:
    texts = ("high gap", "a dipole between 1 and 3 D", "low polarizability", "high gap")
    found = [(row, parse_prompt(text, tiny_checkpoint.statistics)) for row, text in enumerate(texts)]
    return [*found, (7, Prompt("", structure=Structure(atoms=(9, 12))))]


def assert_same(some: list[Record], others: list[Record]) -> None:
    assert len(some) == len(others)
    for one, other in zip(some, others, strict=True):
        for key in ("row", "index", "seed", "smiles", "state", "bonds", "charges", "prompt", "targets"):
            assert one[key] == other[key], key
        np.testing.assert_allclose(one["positions"], other["positions"], atol=1e-3)


@pytest.mark.parametrize("portion", [Portion(), Portion(shard=1, shards=3, done=4)])
def test_actors_sample_what_one_process_samples(
    portion: Portion, prompts: list[tuple[int, Prompt]], tiny_checkpoint: Checkpoint, tiny_file: Path
) -> None:
    model = Model(tiny_checkpoint, name="tiny")
    local = [to_record(made, model.statistics) for made in model.sample(prompts, COUNT, CONFIG, portion)]
    pool = SamplingPool(Pool(workers=2), tiny_file)
    assert_same(list(pool.records(prompts, COUNT, CONFIG, portion)), local)


def test_actors_find_the_same_valid_ones(
    prompts: list[tuple[int, Prompt]], tiny_checkpoint: Checkpoint, tiny_file: Path
) -> None:
    model, portion = Model(tiny_checkpoint, name="tiny"), Portion(shards=2)
    local = [to_record(made, model.statistics) for made in model.sample_valid(prompts, 1, CONFIG, portion)]
    pool = SamplingPool(Pool(workers=2), tiny_file)
    assert_same(list(pool.records(prompts, 1, CONFIG, portion, only_valid=True)), local)


def test_an_actor_that_is_killed_loses_nothing(
    prompts: list[tuple[int, Prompt]], tiny_checkpoint: Checkpoint, tiny_file: Path
) -> None:
    """Of two actors one is killed when the first records are there."""
    model, config = Model(tiny_checkpoint, name="tiny"), CONFIG.__class__(**{**CONFIG.__dict__, "steps": 60})
    local = [to_record(made, model.statistics) for made in model.sample(prompts, COUNT, config)]
    killed = list[int]()

    def kill() -> None:
        for _ in range(600):
            time.sleep(0.05)
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    name = (process / "cmdline").read_bytes()
                except OSError:
                    continue
                if name.startswith(b"ray::MapWorker(MapBatches(_Sampler)).submit"):
                    os.kill(int(process.name), signal.SIGKILL)
                    killed.append(int(process.name))
                    return

    killer = threading.Thread(target=kill)
    killer.start()
    made = list(SamplingPool(Pool(workers=2), tiny_file).records(prompts, COUNT, config))
    killer.join()
    assert killed
    assert_same(made, local)


def test_actors_score_what_one_process_scores(
    prompts: list[tuple[int, Prompt]], tiny_checkpoint: Checkpoint, judge_file: Path
) -> None:
    model = Model(tiny_checkpoint, name="tiny")
    records = [to_record(made, model.statistics) for made in model.sample(prompts, COUNT, CONFIG)]
    entries = [
        Entry(number, molecule_of(record), "", prompts[number // COUNT][1].targets) for number, record in enumerate(records)
    ]
    scorer = Scorer(tiny_checkpoint.statistics, Judge.load(judge_file))
    for one, other in zip(ScoringPool(Pool(workers=2), scorer)(entries), scorer(entries), strict=True):
        mine, theirs = one.row(), other.row()
        assert mine.keys() == theirs.keys()
        for key, value in mine.items():
            assert value == (pytest.approx(theirs[key], abs=1e-3) if isinstance(value, float) else theirs[key]), key
