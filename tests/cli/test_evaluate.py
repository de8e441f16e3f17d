"""`evaluate` as users meet it: batches, protocols, gates, damaged input."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from t2d_mol.io.formats.sdf import v2000
from t2d_mol.io.formats.xyz import frame
from t2d_mol.io.record import with_geometry
from t2d_mol.properties import KEYS, LEVELS
from t2d_mol.qm9.dataset import Molecules
from tests.cli.test_cli import inside, run

QUICK = ["--steps", "4", "--repairs", "0", "--threads", "1"]
PROMPTS = 'id,prompt,note\n1,alpha of 60,"a, b"\n2,"high gap, low dipole",x\n3,gap of 7 Debye,bad\n4,homo of -6.5 eV,y\n'


@pytest.fixture(scope="module")
def model(tiny_file: Path, judge_file: Path) -> list[str]:
    return ["--checkpoint", str(tiny_file), "--judge", str(judge_file), *QUICK]


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def same(rows: list[dict[str, str]], others: list[dict[str, str]]) -> None:
    """Rows are the same but for rounding: batch mates change the last digits of a molecule's positions."""
    assert len(rows) == len(others)
    for row, other in zip(rows, others, strict=True):
        assert row.keys() == other.keys()
        for key, value in row.items():
            if value != other[key] and key != "predicted":
                assert float(value) == pytest.approx(float(other[key]), rel=1e-3, abs=1e-3), key


def test_prompts_become_scored_rows(model: list[str]) -> None:
    done = inside("evaluate", "-", "-n", "2", "-o", "-", *model, given=PROMPTS)
    assert done.returncode == 0, done.stderr
    rows = table(done.stdout)
    assert [(row["id"], row["row"], row["index"], row["note"]) for row in rows] == [
        ("1", "0", "0", "a, b"), ("1", "0", "1", "a, b"), ("2", "1", "2", "x"), ("2", "1", "3", "x"),
        ("4", "3", "4", "y"), ("4", "3", "5", "y"),
    ]  # fmt: skip
    assert "prompt 3 (line 4) is left out" in done.stderr
    for row in rows:
        assert float(row["alpha_low"]) < float(row["alpha"]) < float(row["alpha_high"])
        asked = {target["property"] for target in json.loads(row["targets"])}
        assert {key for key in KEYS if row[f"{key}_error"]} == asked
    assert float(rows[0]["alpha_error"]) == pytest.approx(abs(float(rows[0]["alpha"]) - 60), abs=1e-4)


def test_columns_that_clash_are_kept_under_another_name(model: list[str]) -> None:
    given = "seed,prompt,alpha,number,connected\n77,low gap,wanted,n7,mine\n"
    (row,) = table(inside("evaluate", "-", "-n", "1", "-o", "-", *model, given=given).stdout)
    assert (row["seed"], row["input_seed"], row["number"], row["input_connected"]) == ("0", "77", "n7", "mine")
    assert (row["input_alpha"], float(row["alpha"]) != 0) == ("wanted", True)


def test_a_batch_cut_off_anywhere_is_resumed_as_if_it_had_not_been(model: list[str], tmp_path: Path) -> None:
    prompts, whole, cut = tmp_path / "p.csv", tmp_path / "whole.csv", tmp_path / "cut.csv"
    prompts.write_text(PROMPTS)
    arguments = ("evaluate", str(prompts), "-n", "3", "--batch-size", "2", *model)
    assert run(*arguments, "-o", str(whole)).returncode == 0
    text = whole.read_text()
    for place in (40, len(text) - 3):
        cut.with_name("cut.csv.part").write_text(text[:place])
        done = run(*arguments, "-o", str(cut), "--resume", "--json")
        assert done.returncode == 0, done.stderr
        same(table(cut.read_text()), table(text))
        assert json.loads(done.stdout)["n"] == 9
        cut.unlink()


def test_a_finished_batch_stays_as_it_is(model: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    words = ["evaluate", "-", "-n", "2", "-o", str(out), *model]
    inside(*words, given="prompt\nalpha of 60\n")
    content = out.read_bytes()
    again = inside(*words, "--resume", given="prompt\nalpha of 60\n")
    assert (again.returncode, again.stdout) == (0, ""), again.stderr
    assert "finished" in again.stderr
    assert inside(*words, "--resume", "--max-mae", "alpha=1e-6", given="prompt\nalpha of 60\n").returncode == 3
    assert out.read_bytes() == content


def test_what_an_oracle_reads_is_shown_without_targets(model: list[str], molecules: Molecules) -> None:
    read = inside("evaluate", "-", "--oracle", "network", *model, given=good(molecules)[1])
    assert "properties, read by network" in read.stdout
    flat = inside("evaluate", "-", "--oracle", "network", *model, given="CCO\n")
    assert flat.returncode == 0
    assert "network read nothing: no record has positions" in flat.stderr


def test_hydrogens_that_are_not_there_are_remarked(model: list[str]) -> None:
    bare = "3\n\nC 0 0 0\nC 1.5 0 0\nO 2 1.2 0\n"
    done = inside("evaluate", "-", *model, given=bare)
    assert done.returncode == 0, done.stderr
    assert "1 have no hydrogen atom" in done.stderr


def test_a_batch_is_not_resumed_with_other_settings(model: list[str], tmp_path: Path) -> None:
    prompts, out = tmp_path / "p.jsonl.csv", tmp_path / "scores.jsonl"
    prompts.write_text("prompt,note\n" + "alpha of 60,x\u2028y\n" * 3)
    arguments = ("evaluate", str(prompts), "-o", str(out), *model)
    assert inside(*arguments, "-n", "2").returncode == 0
    lines = out.read_text().split("\n")
    out.rename(tmp_path / "scores.jsonl.part")
    (tmp_path / "scores.jsonl.part").write_text("\n".join(lines[:3]) + "\n{")
    (tmp_path / "scores.jsonl.part.json").write_text('{"n": 2}')
    for other in (("-n", "3"), ("-n", "2", "--seed", "5")):
        refused = inside(*arguments, *other, "--resume")
        assert (refused.returncode, "was begun with another" in refused.stderr) == (2, True), refused.stderr
    (tmp_path / "scores.jsonl.part.json").unlink()
    assert inside(*arguments, "-n", "2", "--resume").returncode == 0
    assert [json.loads(line)["index"] for line in out.read_text().split("\n")[:-1]] == list(range(6))


def test_a_batch_killed_midway_loses_nothing_it_had_finished(model: list[str], tmp_path: Path) -> None:
    prompts, out = tmp_path / "p.csv", tmp_path / "scores.csv"
    prompts.write_text("prompt\n" + "alpha of 60\n" * 400)
    arguments = ["evaluate", str(prompts), "-n", "2", "-o", str(out), "--batch-size", "4", *model]
    process = subprocess.Popen([sys.executable, "-m", "t2d_mol", *arguments], stderr=subprocess.DEVNULL)
    part = tmp_path / "scores.csv.part"
    try:
        for _ in range(600):
            time.sleep(0.1)
            if part.exists() and part.read_text().count("\n") > 20:
                break
        process.send_signal(signal.SIGKILL)
    finally:
        process.wait()
    rows = table(part.read_text())
    assert len(rows) >= 20
    assert [row["index"] for row in rows] == [str(number) for number in range(len(rows))]
    assert not out.exists()


@pytest.mark.parametrize(("gate", "code"), [("alpha=1000", 0), ("alpha=1e-6", 5), ("mu=1", 5)])
def test_gates_on_errors(gate: str, code: int, model: list[str]) -> None:
    done = inside("evaluate", "-", "-n", "2", "-o", "-", "--max-mae", gate, *model, given="prompt\nalpha of 60\n")
    assert done.returncode == code, done.stderr
    assert len(table(done.stdout)) == 2
    assert ("gate missed" in done.stderr) is bool(code)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--max-mae", "colour=1"], "colour"),
        (["--max-mae", "alpha"], "alpha=2.5"),
        (["--oracle", "crystal"], "crystal"),
        (["--protocol", "odd"], "one of"),
        (["-n", "2"], "molecules"),
        (["--resume"], "molecules"),
        (["--max-mae", "alpha=nan"], "alpha=2.5"),
        (["--min-valid", "90"], "0.9 for 90 %"),
        (["--fast", "--steps", "5"], "give one of them"),
        (["--rows", "-", "--json"], "stdout"),
        (["--rows", "rows.parquet"], "CSV"),
    ],
)
def test_usage_errors(arguments: list[str], part: str, model: list[str]) -> None:
    done = inside("evaluate", "-", *arguments, *model, given="CCO\n")
    assert done.returncode == 2, done.stderr
    assert part in done.stderr


def test_a_refused_command_leaves_what_there_is_and_a_forced_one_nothing_of_it(model: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    arguments = ("evaluate", "--protocol", "unconditional", "-n", "2", "-o", str(folder), *model)
    assert inside(*arguments, "--oracle", "none").returncode == 0
    kept = {path.name: path.read_bytes() for path in folder.iterdir()}
    refused = inside(*arguments, "--oracle", "crystal", "--force")
    assert (refused.returncode, "crystal" in refused.stderr) == (2, True), refused.stderr
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == kept
    assert inside(*arguments, "--oracle", "none", "--seed", "9", "--force").returncode == 0
    records = [json.loads(line) for line in (folder / "molecules.jsonl").read_text().splitlines()]
    assert [record["seed"] for record in records] == [9, 9]
    (tmp_path / "p.csv").write_text("prompt\nalpha of 60\n")
    table = ("evaluate", str(tmp_path / "p.csv"), *model)
    assert "CSV or JSON lines" in inside(*table, "-o", str(tmp_path / "scores.csv.gz")).stderr
    part = tmp_path / "scores.csv.part"
    part.write_text("of another run")
    assert inside(*table, "-o", str(tmp_path / "scores.csv"), "-n", "1", "--oracle", "crystal", "--force").returncode == 2
    assert part.read_text() == "of another run"


def test_a_table_without_a_usable_prompt_is_an_error(model: list[str]) -> None:
    done = inside("evaluate", "-", "-o", "-", "--min-valid", "0.9", *model, given="prompt\ngap of 7 Debye\nmu of 3 eV\n")
    assert (done.returncode, done.stdout) == (3, "")
    assert "no prompt" in done.stderr


def test_the_text_protocol_takes_an_oracle_that_reads_less(model: list[str], tmp_path: Path) -> None:
    pytest.importorskip("tblite")
    done = run("evaluate", "--protocol", "text", "-n", "1", "-o", str(tmp_path / "run"), "--oracle", "xtb", "--json", *model)
    assert done.returncode == 0, done.stderr
    assert not {"alpha", "cv"} & set(json.loads(done.stdout)["levels"])


@pytest.mark.slow
def test_the_conditional_protocol_is_resumable_and_complete(model: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    arguments = ("evaluate", "--protocol", "conditional", "-n", "3", "-o", str(folder), "--json", *model)
    first = run(*arguments)
    assert first.returncode == 0, first.stderr
    summary = json.loads(first.stdout)
    assert summary["n"] == 3 * 7
    assert set(summary["exact"]) == {*KEYS, "all"}
    assert set(summary["exact"]["all"]) == set(KEYS)
    assert {name: set(found) for name, found in summary["exact"].items() if name != "all"} == {key: {key} for key in KEYS}
    entry = summary["exact"]["alpha"]["alpha"]
    assert entry["n"] == 3
    assert entry["intervals"]["mae"][0] <= entry["mae"] <= entry["intervals"]["mae"][1]
    entry_of_all = summary["exact"]["all"]["gap"]["mae"]
    molecules = (folder / "molecules.jsonl").read_text()
    rows = [json.loads(line) for line in molecules.splitlines()]
    assert all(row["n_atoms"] == len(row["numbers"]) for row in rows)
    assert run(*arguments).returncode == 2
    (folder / "molecules.jsonl").write_text(molecules[: len(molecules) // 2])
    again = run(*arguments, "--resume")
    assert json.loads(again.stdout)["exact"]["all"]["gap"]["mae"] == pytest.approx(entry_of_all, abs=1e-3)
    resumed = [json.loads(line) for line in (folder / "molecules.jsonl").read_text().splitlines()]
    assert [(row["index"], row["smiles"]) for row in resumed] == [(row["index"], row["smiles"]) for row in rows]
    other = run(*arguments[:3], "-n", "4", *arguments[5:], "--resume")
    assert (other.returncode, "another n" in other.stderr) == (2, True)
    assert {path.name for path in folder.iterdir()} == {
        "config.json", "molecules.jsonl", "scores.jsonl", "summary.json", "tables.md",
    }  # fmt: skip
    assert "L-bound" in (folder / "tables.md").read_text()


def test_the_text_protocol_counts_levels_by_wording(model: list[str], tmp_path: Path) -> None:
    done = run("evaluate", "--protocol", "text", "-n", "5", "-o", str(tmp_path / "run"), "--json", *model)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    for key in KEYS:
        for wording in ("seen", "unseen"):
            entry = summary["levels"][key][wording]
            assert [sum(row) for row in entry["confusion"]] == [1] * len(LEVELS)
            reached = sum(entry["confusion"][level][level] for level in range(len(LEVELS)))
            assert entry["hit"] == pytest.approx(reached / 5)
            away = sum(abs(a - b) * entry["confusion"][a][b] for a in range(5) for b in range(5))
            assert entry["distance"] == pytest.approx(away / 5)


def test_a_split_that_is_not_there_is_missing(data_file: Path, model: list[str], tmp_path: Path) -> None:
    Molecules.load(data_file).training_part().save(tmp_path / "train.safetensors")
    done = inside("evaluate", "--split", "test", "--data", str(tmp_path / "train.safetensors"), *model)
    assert (done.returncode, "no test split" in done.stderr) == (4, True)


def test_a_split_is_scored_and_distances_need_a_reference(data_file: Path, model: list[str]) -> None:
    done = inside("evaluate", "--split", "train", "--data", str(data_file), "--json", "--oracle", "network", *model)
    summary = json.loads(done.stdout)
    assert summary["bonds"]["valid"] == 1.0
    assert set(summary["distributions"]) == {"atoms", "elements", "bonds", "angles", "kinds"}
    assert summary["properties"]["failed"] == 0.0


def test_the_judge_is_measured(data_file: Path, model: list[str]) -> None:
    done = inside("evaluate", "--calibrate", "--data", str(data_file), *model)
    assert done.returncode == 0, done.stderr
    for words in ("L-bound), ours", "L-bound), published", "atom count only", "U-bound", "nearest training molecule"):
        assert words in done.stdout


def good(molecules: Molecules) -> tuple[str, str]:
    records = [with_geometry({}, molecules[index]) for index in (3, 9)]
    return "".join(map(v2000, records)), "".join(map(frame, records))


def damaged(name: str, molecules: Molecules) -> tuple[bytes, int, int, str]:
    """Return the bytes of a kind of damage, its exit, how many good records are scored, a word of the reason."""
    sdf, xyz = good(molecules)
    many = "10000\n\n" + "C 0 0 0\n" * 10000
    return {
        "truncated": ((sdf + sdf[: len(sdf) // 4]).encode(), 0, 2, "record 3"),
        "nan": ((xyz + "2\n\nH nan 0 0\nH 0 0 1\n").encode(), 0, 2, "finite"),
        "element": ((xyz + "1\n\nXx 0 0 0\n" + xyz).encode(), 0, 4, "Xx"),
        "no_atoms": ((xyz + "0\n\n" + xyz).encode(), 0, 4, "no atoms"),
        "foreign": (b"name,SMILES\na,CCO\nb,Clc1ccccc1\nc,C\n", 0, 2, "Cl is not among"),
        "huge": ((xyz + many + xyz).encode(), 0, 4, "10000 atoms"),
        "columns": (b"name,colour\na,b\n", 3, 0, "smiles"),
        "encodings": (sdf.encode() + "é".encode("latin-1") + b"\n" + "é".encode(), 3, 0, "UTF-8"),
        "empty": (b"\n \n", 3, 0, "empty"),
        "binary": (b"\x00\x01\x02" * 100, 3, 0, "zero bytes"),
    }[name]


@pytest.mark.parametrize(
    "name",
    ["truncated", "nan", "element", "foreign", "no_atoms", "huge", "columns", "encodings", "empty", "binary", "directory"],
)
def test_damaged_input_is_answered_and_the_good_records_scored(
    name: str, molecules: Molecules, model: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "input"
    if name == "directory":
        path.mkdir()
        code, count, word = 3, 0, "directory"
    else:
        content, code, count, word = damaged(name, molecules)
        path.write_bytes(content)
    done = inside("evaluate", str(path), "--json", "--oracle", "network", *model)
    assert done.returncode == code, done.stderr
    assert word in done.stderr
    assert "Traceback" not in done.stderr
    if count:
        summary = json.loads(done.stdout)
        assert (summary["n"], summary["unreadable"], summary["bonds"]["valid"]) == (count, 1, 1.0)
    else:
        assert done.stdout == ""


def test_a_closed_pipe_ends_a_batch_with_141(model: list[str], tmp_path: Path) -> None:
    prompts = tmp_path / "p.csv"
    prompts.write_text("prompt\n" + "low gap\n" * 300)
    command = f"{sys.executable} -m t2d_mol evaluate {prompts} -n 2 -o - {' '.join(model)} --batch-size 2"
    script = f"set -o pipefail; {command} | head -n 1 > /dev/null; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, timeout=120, check=False, env=os.environ)
    assert done.returncode == 141
