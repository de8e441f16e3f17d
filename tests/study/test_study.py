"""The study: its configuration, its cells from end to end, what seeds and arms come to."""

import json
import math
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from t2d_mol.cli.options import pick_bf16
from t2d_mol.errors import InputError, MissingError, T2DMolError, UsageError
from t2d_mol.evaluation.ratios import Ratio, intervals
from t2d_mol.properties import KEYS
from t2d_mol.study.figure import Figure
from t2d_mol.study.plan import Cell, StudyConfig, read_plan
from t2d_mol.study.results import WIDTH, Row, gather, tables
from t2d_mol.study.run import Study

PLAN = """
preset = "tiny"
shares = [0.5]
seeds = [0]
workers = 2
compile = false
encoder_steps = 3
exact = 1
levels = 1
described = 50

[pretraining]
steps = 3

[finetuning]
steps = 4
batch_size = 4

[sampling]
steps = 3
steer = 0.0
guidance = 1.0

[arms.plain]
method = "plain"

[arms.lexicographic]
method = "lexicographic"
constraint_data = "unlabelled"
"""


def plan(folder: Path, text: str = PLAN) -> Path:
    path = folder / "plan.toml"
    path.write_text(text)
    return path


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "t2d_mol", "study", *map(str, words), "--threads", "1", "-q"]


def test_a_plan_is_shares_by_arms_by_seeds(tmp_path: Path) -> None:
    config = read_plan(plan(tmp_path, PLAN.replace("[0.5]", "[0.4, 0.02]").replace("seeds = [0]", "seeds = [1, 0]")))
    names = [cell.name for cell in config.cells()]
    assert names[0] == "pretrained-0-1"
    assert names[1:5] == ["plain-0.02-1", "lexicographic-0.02-1", "plain-0.4-1", "lexicographic-0.4-1"]
    assert len(names) == 2 + 8
    assert config.training(Cell("pretrained", 0.0, 1)).method == "plain"
    training = config.training(Cell("lexicographic", 0.02, 0))
    assert (training.steps, training.batch_size, training.label_fraction) == (4, 4, 0.02)
    assert (training.method, training.constraint_data) == ("lexicographic", "unlabelled")


@pytest.mark.parametrize(
    ("text", "kind", "named"),
    [
        (PLAN.replace('"tiny"', '"vast"'), UsageError, "vast"),
        (PLAN.replace("shares = [0.5]", "shares = []"), UsageError, "no cell"),
        (PLAN.replace("shares = [0.5]", "shares = [1.5]"), UsageError, "shares"),
        (PLAN.replace('method = "plain"', 'method = "magic"'), UsageError, "magic"),
        (PLAN.replace('method = "plain"', "gama = 2.0"), InputError, "gama"),
        (PLAN.replace('method = "plain"', "label_fraction = 0.1"), InputError, "label_fraction"),
        (PLAN.replace("[arms.plain]", '[arms."a/b"]'), UsageError, "a/b"),
        (PLAN.replace("[arms.plain]", "[arms.pretrained]"), UsageError, "pretrained"),
        (PLAN.replace("steps = 3\n\n[fine", "\n[fine"), UsageError, "pretraining"),
        (PLAN.replace("workers = 2", "workers = 0"), UsageError, "workers"),
        (PLAN.replace("steps = 4", ""), UsageError, "arm 'plain' has no budget"),
        (PLAN.replace("seeds = [0]", 'seeds = "0"'), InputError, "seeds"),
        (PLAN.replace("seeds = [0]", "seeds = [0, 0]"), UsageError, "twice: pretrained-0-0"),
        (PLAN.replace("[0.5]", '["a"]'), UsageError, "shares"),
        (PLAN.replace('method = "plain"', 'method = "lexicographic"\ngamma = -1.0'), UsageError, "gamma"),
        (PLAN.replace("batch_size = 4", 'condition = "numbers"'), InputError, "condition"),
        ("arms = 3", InputError, "arms"),
        ("[arms", InputError, "plan.toml"),
    ],
)
def test_a_plan_that_cannot_be_followed_is_refused(tmp_path: Path, text: str, kind: type[T2DMolError], named: str) -> None:
    with pytest.raises(kind, match=named):
        read_plan(plan(tmp_path, text))


def test_the_plans_of_the_project_can_be_followed() -> None:
    folder = Path(__file__).parents[2] / "benchmarks" / "studies"
    plans = {path.stem: read_plan(path) for path in folder.glob("*.toml")}
    counts = {name: sum(cell.finetuned for cell in plan.cells()) for name, plan in plans.items()}
    assert counts == {"two-cores": 18, "gpu": 72, "sensitivity": 10, "tenth": 12}


def figure(value: float, spread: float = 0.1, count: int = 400) -> Figure:
    """Return a figure of `count` molecules whose entries scatter by `spread`, in the same way each time."""
    noise = np.random.default_rng(0).normal(size=count)
    return Figure.of(value + spread * (noise - noise.mean()) / noise.std(ddof=1))


def test_a_ratio_has_the_error_of_its_bootstrap() -> None:
    rng = np.random.default_rng(1)
    wholes = rng.integers(5, 25, 3000).astype(float)
    ratio = Ratio.of(rng.binomial(wholes.astype(int), 0.9), wholes)
    found = Figure.of_ratio(ratio)
    low, high = intervals({"one": ratio})["one"]
    assert found.value == pytest.approx(ratio.parts.sum() / wholes.sum())
    assert WIDTH * found.error == pytest.approx((high - low) / 2, rel=0.08)
    assert math.isnan(Figure.of_ratio(Ratio.of([0.0, 0.0], [0.0, 0.0])).value)


def test_groups_that_lie_apart_have_the_error_within_them() -> None:
    whole = Figure.of_groups([figure(1.0, 0.3, 100), figure(5.0, 0.4, 100)])
    assert whole.value == pytest.approx(3.0)
    assert whole.error == pytest.approx(math.hypot(0.3, 0.4) / 10 / 2, rel=0.01)


def test_figures_of_alike_molecules_differ_by_what_differs() -> None:
    own, other = figure(2.0, 1.0), figure(1.5, 1.0)
    assert (own.less(other).value, own.less(other).error) == (pytest.approx(0.5), pytest.approx(0.0, abs=1e-9))
    independent = Figure.of(np.random.default_rng(5).normal(1.5, 1.0, 400))
    assert own.less(independent).error == pytest.approx(math.hypot(own.error, independent.error), rel=0.1)
    back = Figure.from_json(json.loads(json.dumps(own.to_json())))
    assert (back.value, back.error) == (pytest.approx(own.value, abs=1e-6), pytest.approx(own.error, abs=1e-6))


def test_seeds_are_pooled_by_the_larger_of_two_errors() -> None:
    alike = Row("own", 0.1, {0: {"mae": figure(1.0, 0.3)}, 1: {"mae": figure(1.0, 0.4), "lambda": Figure(0.1)}}).figures
    assert set(alike) == {"mae"}
    assert alike["mae"].error == pytest.approx(math.hypot(0.3, 0.4) / 20 / 2)
    apart = Row("own", 0.1, {0: {"mae": figure(1.0)}, 1: {"mae": figure(2.0)}}).figures["mae"]
    assert (apart.value, apart.error) == (1.5, pytest.approx(0.5))


def test_a_figure_one_seed_has_no_value_of_has_none() -> None:
    """As `novel` of a cell without a valid molecule."""
    row = Row(
        "own", 0.1, {0: {"novel": Figure(math.nan), "mae": figure(1.0)}, 1: {"novel": figure(0.5), "mae": figure(2.0)}}
    )
    assert math.isnan(row.figures["novel"].value)
    config = StudyConfig(arms={"plain": {}, "own": {}})
    (shown, *_) = tables(config, [Row("plain", 0.1, row.seeds), row])
    assert shown.rows[0][shown.head.index("novel %")] == "-"
    assert Figure(math.nan, math.nan, np.array([math.nan])).to_json() == {"value": None, "error": 0.0, "entries": None}


def test_all_against_none_is_marked_though_nothing_scatters() -> None:
    config = StudyConfig(arms={"plain": {}, "own": {}})
    rows = [Row(arm, 0.1, {0: {"valid": Figure.of(np.full(9, value))}}) for arm, value in (("plain", 0.0), ("own", 1.0))]
    compared = next(table for table in tables(config, rows) if table.title.startswith("less what plain came to"))
    assert compared.rows[0][compared.head.index("valid %")] == "+100.0 **"


def test_bounds_of_seeds_are_those_of_the_same_molecules() -> None:
    """Their error does not shrink with the number of seeds, and grows where these lie apart."""
    row = Row("own", 0.1, {seed: {"bound": figure(2.0, 1.0)} for seed in range(4)})
    assert row.figures["bound"].error == pytest.approx(1.0 / 20)
    apart = Row("own", 0.1, {seed: {"bound": figure(2.0 + seed, 1.0)} for seed in range(2)})
    assert apart.figures["bound"].error == pytest.approx(0.5)


def test_differences_are_those_of_common_seeds() -> None:
    own = Row("own", 0.1, {0: {"mae": figure(1.0)}, 1: {"mae": figure(9.0)}})
    other = Row("plain", 0.1, {0: {"mae": figure(0.5)}, 2: {"mae": figure(7.0)}})
    found = own.less(other)["mae"]
    assert (found.figure.value, found.seeds) == (pytest.approx(0.5), (pytest.approx(0.5),))
    assert own.less(Row("plain", 0.1, {3: {"mae": figure(0.5)}})) == {}


def test_differences_are_marked_where_the_intervals_allow() -> None:
    config = StudyConfig(arms={"plain": {}, "better": {}, "worse": {}, "alike": {}, "torn": {}})
    values = {"plain": (0.5, 0.5), "better": (0.4, 0.4), "worse": (0.6, 0.6), "alike": (0.501, 0.501), "torn": (0.1, 0.6)}
    rows = [
        Row(
            arm,
            0.1,
            {
                seed: {"mae": noisy(value, arm, seed), "valid": noisy(1 - value, arm, seed)}
                for seed, value in enumerate(each)
            },
        )
        for arm, each in values.items()
    ]
    compared = next(table for table in tables(config, rows) if table.title.startswith("less what plain came to"))
    column = {name: place for place, name in enumerate(compared.head)}
    found = {row[0]: (row[column["MAE / shuffled"]], row[column["valid %"]]) for row in compared.rows}
    assert found["10 %, better"] == ("-0.100 ±0.010 (-0.100, -0.100) **", "+10.0 ±1.0 (+10.0, +10.0) **")
    assert found["10 %, worse"] == ("+0.100 ±0.010 (+0.100, +0.100) !!", "-10.0 ±1.0 (-10.0, -10.0) !!")
    assert found["10 %, alike"] == ("+0.001 ±0.010 (+0.001, +0.001)", "-0.1 ±1.0 (-0.1, -0.1)")
    assert found["10 %, torn"] == ("-0.150 ±0.010 (-0.400, +0.100)", "+15.0 ±1.0 (+40.0, -10.0)")


def noisy(value: float, *who: object) -> Figure:
    """Return a figure of 400 molecules whose entries scatter by 0.1 in a way of their own."""
    noise = np.random.default_rng(list(repr(who).encode())).normal(size=400)
    return Figure.of(value + 0.1 * (noise - noise.mean()) / noise.std(ddof=1))


@pytest.mark.slow
def test_a_study_runs_is_cut_off_and_goes_on(tmp_path: Path, data_file: Path) -> None:
    path, out = plan(tmp_path), tmp_path / "out"
    words = command(path, "-o", out, "--data", data_file)
    config = read_plan(path)
    study = Study(config, out, data_file, "cpu", pick_bf16("auto", "cpu", training=True))
    with pytest.raises(MissingError, match="base"):
        study.run_one("plain-0.5-0")
    process = subprocess.Popen([*words, "--resume"])
    while not (out / "cells" / "plain-0.5-0" / "log.txt").exists():
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(1.0)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 130
    assert not (out / "cells" / "plain-0.5-0" / "figures.json").exists()
    started = (out / "base.safetensors").stat().st_mtime_ns

    with pytest.raises(UsageError, match="holds a study"):
        study.prepare(resume=False, force=False)
    plots = tmp_path / "plots"
    done = subprocess.run([*words, "--resume", "--plots", plots], capture_output=True, text=True, check=True, timeout=240)
    assert (out / "base.safetensors").stat().st_mtime_ns == started
    assert "less what plain came to" in done.stdout
    assert sorted(path.name for path in plots.iterdir()) == ["constraint.png", "errors.png", "quality.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in plots.iterdir())
    rows = gather(config, out)
    assert [(row.arm, row.share, list(row.seeds)) for row in rows] == [
        ("pretrained", 0.0, [0]), ("plain", 0.5, [0]), ("lexicographic", 0.5, [0]),
    ]  # fmt: skip
    figures = rows[2].figures
    assert {"mae", "hit", "valid", "bound", "validation_unconditional", "lambda", "violated"} <= set(figures)
    assert {f"mae.{key}" for key in KEYS} <= set(figures)
    assert "lambda" not in rows[1].figures
    assert rows[0].figures["steps"].value == 0
    assert {"mae", "valid", "bound", "validation_unconditional"} <= set(rows[0].figures)
    assert figures["steps"].value == 4
    assert (out / "tables.md").read_text().startswith("3 of 3 cells.")
    records = [json.loads(line) for line in (out / "cells/plain-0.5-0/conditional/molecules.jsonl").open()]
    others = [json.loads(line) for line in (out / "cells/lexicographic-0.5-0/conditional/molecules.jsonl").open()]
    assert [record["prompt"] for record in records] == [record["prompt"] for record in others]
    assert [record["n_atoms"] for record in records] == [record["n_atoms"] for record in others]

    assert study.run_all(["false"], lambda done, total: None, pytest.fail) == []  # nothing is left to do
    study.prepare(resume=True, force=False)
    more = replace(config, arms=config.arms | {"scratch": {"method": "scratch"}}, seeds=(0, 1), workers=1)
    replace(study, config=more).prepare(resume=True, force=False)
    for other in (
        replace(config, finetuning=replace(config.finetuning, steps=5)),
        replace(config, arms={"plain": {"method": "plain", "alpha": 2.0}}),
        replace(config, exact=2),
    ):
        with pytest.raises(UsageError, match="begun with another"):
            replace(study, config=other).prepare(resume=True, force=False)


def test_force_starts_anew(tmp_path: Path, data_file: Path) -> None:
    study = Study(read_plan(plan(tmp_path)), tmp_path / "out", data_file, "cpu", bf16=False)
    study.prepare(resume=False, force=False)
    for name in ("cells/plain-0.5-0/figures.json", "pretraining/last.safetensors", "base.safetensors"):
        (study.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (study.folder / name).touch()
    replace(study, config=replace(study.config, exact=2)).prepare(resume=False, force=True)
    assert sorted(path.name for path in study.folder.iterdir()) == ["arms", "config.json"]


def test_a_folder_is_for_one_process(tmp_path: Path, data_file: Path) -> None:
    path, out = plan(tmp_path), tmp_path / "out"
    study = Study(read_plan(path), out, data_file, "cpu", bf16=False)
    study.base.parent.mkdir(exist_ok=True)
    study.base.touch()
    with study.alone(out):
        for words in ([], ["--force"]):
            done = subprocess.run(
                command(path, "-o", out, "--data", data_file, *words),
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
            assert (done.returncode, "another process" in done.stderr) == (2, True)
    assert study.base.exists()


def test_cells_that_fail_are_named_and_the_others_done(tmp_path: Path, data_file: Path) -> None:
    """The scheduler, with a worker that writes what a cell leaves or fails."""
    config = replace(read_plan(plan(tmp_path)), seeds=(0, 1, 2))
    study = Study(config, tmp_path / "out", data_file, "cpu", bf16=False)
    study.prepare(resume=False, force=False)
    left = json.dumps({"mae": Figure(0.5, 0.1).to_json(), "bound": Figure.of([1.0, 2.0]).to_json()})
    worker = f"""
import pathlib, sys, time
name = sys.argv[-1]
time.sleep(0.2)
if name == "plain-0.5-1": sys.exit(4)
(pathlib.Path({str(study.folder)!r}) / "cells" / name / "figures.json").write_text({left!r})
"""
    shown: list[tuple[int, int]] = []
    said: list[str] = []
    failed = study.run_all([sys.executable, "-c", worker], lambda *done: shown.append(done), said.append)
    assert failed == ["plain-0.5-1"]
    assert len(said) == 1
    assert "plain-0.5-1 failed with exit 4" in said[0]
    assert shown[0] == (0, 9)
    assert shown[-1] == (8, 9)
    assert {(row.arm, tuple(row.seeds)) for row in gather(config, study.folder)} == {
        ("pretrained", (0, 1, 2)),
        ("plain", (0, 2)),
        ("lexicographic", (0, 1, 2)),
    }
    assert (study.folder / "tables.md").read_text().startswith("8 of 9 cells.")
