"""The command line as users meet it: real processes, real pipes, the exits of the contract."""

import csv
import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
import torch

from t2d_mol import __version__
from t2d_mol.checkpoint import Checkpoint
from t2d_mol.cli.app import app

FIXTURE = Path(__file__).parents[2] / "data" / "fixture"
QUICK = ["--steps", "4", "--repairs", "0", "--threads", "1"]


def run(*arguments: str, given: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "t2d_mol", *arguments]
    return subprocess.run(
        command,
        input=given,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=120,
        check=False,
    )


def inside(*arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command in this process, which is quicker; for all but pipes, signals and the environment."""
    content = io.BufferedReader(io.BytesIO((given or "").encode()))  # type: ignore[arg-type]
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr("sys.stdin", io.TextIOWrapper(content, encoding="utf-8"))
        with pytest.raises(SystemExit) as left:
            app(args=list(arguments), prog_name="t2d-mol")
    texts = [stream.buffer.getvalue().decode() for stream in (out, err)]  # type: ignore[attr-defined]
    return subprocess.CompletedProcess(arguments, int(left.value.code or 0), *texts)


@pytest.fixture(scope="module")
def model(tiny_file: Path) -> list[str]:
    return ["--checkpoint", str(tiny_file)]


def test_version_and_help() -> None:
    assert run("-V").stdout.strip() == f"t2d-mol {__version__}"
    text = run("--help").stdout
    for command in ("data", "pretrain", "finetune", "average", "sample", "evaluate", "explain", "study", "doctor"):
        assert command in text


@pytest.mark.parametrize("name", ["sdf", "xyz", "jsonl"])
def test_sample_pipes_into_evaluate(model: list[str], name: str) -> None:
    made = run("sample", "high polarizability", "-n", "5", "--format", name, *model, *QUICK)
    assert made.returncode == 0, made.stderr
    scored = run("evaluate", "-", "--json", *model, given=made.stdout)
    assert scored.returncode == 0, scored.stderr
    assert json.loads(scored.stdout)["n"] == 5


def test_a_picture_is_written_by_its_suffix(model: list[str], tmp_path: Path) -> None:
    path = tmp_path / "molecules.png"
    done = run("sample", "high gap", "-n", "2", "-o", str(path), *model, *QUICK)
    assert done.returncode == 0, done.stderr
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_table_of_prompts_becomes_a_table_of_records(model: list[str], tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.csv"
    prompts.write_text('id,prompt\n1,"high gap, low dipole"\n2,alpha of 75\n')
    done = run("sample", "-f", str(prompts), "-n", "2", "--format", "csv", *model, *QUICK)
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [(row["row"], row["index"]) for row in rows] == [("0", "0"), ("0", "1"), ("1", "2"), ("1", "3")]
    assert [target["property"] for target in json.loads(rows[0]["targets"])] == ["gap", "mu"]
    again = run("sample", "-f", "-", "-n", "2", "--format", "csv", *model, *QUICK, given=prompts.read_text())
    assert again.stdout == done.stdout


def test_a_bad_prompt_of_a_file_is_left_out_and_the_rest_keep_their_rows(model: list[str]) -> None:
    table = 'prompt\nlow gap\n"gap of 7 Debye"\nhigh gap\n'
    done = run("sample", "-f", "-", "-n", "1", "--format", "csv", *model, *QUICK, given=table)
    assert done.returncode == 0
    assert "prompt 2 (line 3) is left out" in done.stderr
    assert [row["row"] for row in csv.DictReader(io.StringIO(done.stdout))] == ["0", "2"]


def test_options_of_sampling_are_told_in_the_record(model: list[str]) -> None:
    arguments = ("sample", "high gap", "-n", "2", "--format", "jsonl", "--threads", "1", *model)
    ways = (
        "--fast",
        "--solver",
        "dpm++",
        "--candidates",
        "3",
        "--choose",
        "consensus",
        "--temperature",
        "0.9",
        "--clamp",
        "0.1",
    )
    done = run(*arguments, *ways)
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        record = json.loads(line)
        assert (record["steps"], record["solver"], record["candidates"]) == (20, "dpm++", 3)
        assert record["attempts"] == 3
    scored = run("evaluate", "-", *model, given=done.stdout)
    assert "chosen among 3 candidates" in scored.stdout


def test_repairs_are_told_in_records_and_results(model: list[str], tmp_path: Path) -> None:
    """Of an untrained model no bonds add up, so all it makes is repaired as often as it may be."""
    made = run("sample", "high gap", "-n", "3", "--format", "jsonl", *model, *QUICK, "--repairs", "3")
    assert [json.loads(line)["repairs"] for line in made.stdout.splitlines()] == [3, 3, 3]
    assert "3 of them repaired: not comparable with raw ones" in run("evaluate", "-", *model, given=made.stdout).stdout
    raw = run("sample", "high gap", "-n", "3", "--format", "jsonl", *model, *QUICK)
    assert "repaired" not in run("evaluate", "-", *model, given=raw.stdout).stdout
    (tmp_path / "prompts.csv").write_text("prompt\nhigh gap\n")
    out = ("-o", str(tmp_path / "scores.csv"), "--oracle", "none")
    batch = run("evaluate", str(tmp_path / "prompts.csv"), "-n", "2", *out, *model, *QUICK, "--repairs", "1")
    assert "2 of them repaired" in batch.stdout, batch.stderr


def test_records_go_to_a_file_that_is_not_overwritten(model: list[str], tmp_path: Path) -> None:
    out = tmp_path / "a.smi"
    arguments = ("sample", "low gap", "-n", "3", "-o", str(out), *model, *QUICK)
    assert run(*arguments).returncode == 0
    assert len(out.read_text().splitlines()) == 3
    refused = run(*arguments)
    assert refused.returncode == 2
    assert "--force" in refused.stderr
    assert run(*arguments, "--force").returncode == 0


def test_stdout_carries_records_only_and_quiet_is_quiet(model: list[str]) -> None:
    done = run("sample", "a sweet high gap", "-n", "2", "--format", "smi", *model, *QUICK)
    assert len(done.stdout.splitlines()) == 2
    assert "not understood: sweet" in done.stderr
    assert run("sample", "a sweet high gap", "-n", "2", "--format", "smi", "-q", *model, *QUICK).stderr == ""


def test_a_prompt_without_a_property_generates_and_says_so(model: list[str]) -> None:
    done = run("sample", "hello", "-n", "2", "--format", "smi", *model, *QUICK)
    assert done.returncode == 0
    assert "nothing in the prompt" in done.stderr


def test_a_model_that_was_only_pretrained_says_that_it_cannot_follow_prompts(
    tiny_checkpoint: Checkpoint, tmp_path: Path
) -> None:
    only = tmp_path / "pretrained.safetensors"
    tiny_checkpoint.replace(weights={"denoiser": tiny_checkpoint.weights["denoiser"]}).save(only)
    command = ["sample", "--checkpoint", str(only), "-n", "1", *QUICK, "--format", "smi"]
    asked = inside(*command, "high gap", "low gap")
    assert asked.returncode == 0 and len(asked.stdout.splitlines()) == 2
    assert asked.stderr.count("learnt no prompts") == 1
    assert "learnt no prompts" not in inside(*command).stderr + inside(*command, "12-18 atoms").stderr


def test_a_closed_pipe_ends_with_141(tiny_file: Path) -> None:
    command = f"{sys.executable} -m t2d_mol sample -n 300 --batch-size 2 --steps 2 --format jsonl --checkpoint {tiny_file}"
    script = f"set -o pipefail; {command} | head -n 1 > /dev/null; exit ${{PIPESTATUS[0]}}"
    assert subprocess.run(["bash", "-c", script], capture_output=True, timeout=120, check=False).returncode == 141


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (["sample", ""], 3, "empty"),
        (["sample", "low gap", "--format", "pdb"], 2, "pdb"),
        (["sample", "low gap", "--checkpoint", "none.safetensors"], 4, "none.safetensors"),
        (["sample", "low gap", "--checkpoint", str(FIXTURE / "uncharacterized.txt")], 4, "damaged"),
        (["sample", "low gap", "--nonsense"], 2, "nonsense"),
        (["sample", "low gap", "--atoms", "many"], 3, "atoms"),
        (["sample", "low gap", "--device", "abacus"], 2, "abacus"),
        (["sample", "low gap", "--values", "odd"], 2, "odd"),
        (["sample", "low gap", "--solver", "leap"], 2, "leap"),
        (["sample", "low gap", "--choose", "worst"], 2, "worst"),
        (["sample", "low gap", "--shard", "2/2"], 2, "shard"),
        (["sample", "low gap", "--relax", "uff"], 2, "uff"),
        (["pretrain", "-o", "x", "--steps", "1", "--trunk", "none", "--data", "none"], 4, "none"),
        (["sample", "-f", "none.csv"], 3, "none.csv"),
        (["evaluate", "none.sdf"], 3, "none.sdf"),
        (["evaluate"], 2, "stdin"),
        (["pretrain", "-o", "x", "--steps", "1", "--data", "none"], 4, "none"),
        (["pretrain", "-o", "x", "--steps", "1", "--preset", "giant"], 2, "giant"),
        (["data", "prepare", "--archive", "none.tar.bz2", "-o", "x.safetensors"], 4, "none"),
    ],
)
def test_bad_input_gets_one_line_and_its_exit(arguments: list[str], code: int, part: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "t2d_mol", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False)
    assert done.returncode == code, done.stderr
    assert part in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_a_bad_record_among_good_ones_is_numbered_and_the_rest_scored(model: list[str]) -> None:
    made = run("sample", "-n", "3", "--format", "xyz", *model, *QUICK).stdout
    scored = run("evaluate", "-", "--json", *model, given=made + "1\nbad\nXx 0 0 0\n")
    assert scored.returncode == 0
    assert "record 4" in scored.stderr
    assert (json.loads(scored.stdout)["n"], json.loads(scored.stdout)["unreadable"]) == (3, 1)


def test_a_gate_that_is_missed_exits_5(model: list[str]) -> None:
    assert run("evaluate", "-", "--min-valid", "0.5", *model, given="C1C\nnonsense\n").returncode == 5
    assert run("evaluate", "-", "--min-valid", "0.5", *model, given="CCO\nCC\n").returncode == 0


def test_rows_are_written(model: list[str]) -> None:
    rows = list(csv.DictReader(io.StringIO(run("evaluate", "-", "--rows", "-", *model, given="CCO\nC.C\n").stdout)))
    assert [row["state"] for row in rows] == ["valid", "disconnected"]


def test_explain_shows_what_was_understood(model: list[str]) -> None:
    done = inside("explain", "very high dipole, 12-14 atoms, sweet", "--json", *model)
    shown = json.loads(done.stdout)
    (target,) = shown["targets"]
    expected = {"property": "mu", "op": "level", "level": "very high", "unit": "D", "normalised": None}
    assert target.items() >= expected.items()
    assert (shown["atoms"], shown["unknown"]) == ([12, 14], ["sweet"])
    assert "very high dipole moment" in inside("explain", "very high dipole", *model).stdout


def test_options_can_come_from_a_file(model: list[str], tmp_path: Path) -> None:
    config = tmp_path / "run.toml"
    config.write_text('n = 3\nsteps = 4\nformat = "smi"\nbatch_size = 2\n')
    done = run("sample", "low gap", "--config", str(config), *model)
    assert len(done.stdout.splitlines()) == 3
    assert len(run("sample", "low gap", "--config", str(config), "-n", "1", *model).stdout.splitlines()) == 1
    config.write_text("stepz = 4\n")
    assert run("sample", "low gap", "--config", str(config), *model).returncode == 2


def test_data_prepare_reads_an_archive_of_the_format(tmp_path: Path) -> None:
    out, small = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    archive = str(FIXTURE / "fixture.xyz.tar.bz2")
    done = run("data", "prepare", "--archive", archive, "-o", str(out), "--training", str(small))
    assert done.returncode == 0, done.stderr
    assert "not the published one" in done.stderr
    assert "49 molecules" in done.stderr
    assert small.stat().st_size < out.stat().st_size
    broken = tmp_path / "broken.tar.bz2"
    broken.write_bytes(Path(archive).read_bytes()[:-3000])
    refused = run(
        "data", "prepare", "--archive", str(broken), "--uncharacterized", str(FIXTURE / "uncharacterized.txt"),
        "-o", str(tmp_path / "c.safetensors"),
    )  # fmt: skip
    assert refused.returncode == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.safetensors", "b.safetensors", "broken.tar.bz2"]


def test_explain_shows_targets_structure_and_what_was_not_understood(model: list[str]) -> None:
    done = inside("explain", "a tiny gap, two nitrogens, no fluorine, tasty", "--json", *model)
    found = json.loads(done.stdout)
    assert [(target["property"], target["level"]) for target in found["targets"]] == [("gap", "very low")]
    assert found["targets"][0]["percentiles"] == [0, 20]
    assert found["structure"] == {"elements": {"N": [2, 2], "F": [0, 0]}}
    assert found["unknown"] == ["tasty"]
    assert set(found) >= {"prompt", "targets", "unknown", "atoms", "warnings"}
    ranged = inside("explain", "alpha > 80 bohr^3 and mu between 1 and 2 D", "--json", *model)
    assert [target["op"] for target in json.loads(ranged.stdout)["targets"]] == [">", "between"]


def test_explain_reads_files_and_keeps_going_after_a_bad_prompt(model: list[str], tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.csv"
    prompts.write_text('prompt\n"low gap and high gap"\n"high dipole, 12-14 atoms"\n')
    done = inside("explain", "-f", str(prompts), "--json", *model)
    (row,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert row["atoms"] == [12, 14]
    assert "twice" in done.stderr
    assert inside("explain", "low gap and high gap", *model).returncode == 3
    assert inside("explain", *model).returncode == 2


def test_a_dry_run_makes_nothing_and_says_how_long_it_would_take(model: list[str], tmp_path: Path) -> None:
    out = tmp_path / "made.sdf"
    done = inside("sample", "high dipole", "-n", "3", "--dry-run", "-o", str(out), *model, *QUICK)
    assert done.returncode == 0, done.stderr
    assert "very" not in done.stdout
    assert "high dipole moment" in done.stdout
    assert "3 molecules of 4 calls: about" in done.stdout
    assert not out.exists()


def test_weights_are_checked(model: list[str]) -> None:
    for text, remark in (("gap=-1", "is no weight of a property"), ("gop=2", "did you mean 'gap'")):
        done = inside("sample", "high gap", "--weight", text, *model, *QUICK)
        assert done.returncode == 2, text
        assert remark in done.stderr
    arguments = ("sample", "high gap, low dipole", "-n", "2", "--weight", "gap=2", "--format", "jsonl")
    assert inside(*arguments, *model, *QUICK).returncode == 0


def test_control_characters_and_markup_are_printed_as_text(model: list[str]) -> None:
    nasty = "high gap \x1b[31m\x07 [bold]red[/bold] <script>alert(1)</script>"
    done = run("explain", nasty, *model)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert "\x07" not in done.stdout + done.stderr
    made = run("sample", nasty, "-n", "1", "--format", "jsonl", *model, *QUICK)
    assert json.loads(made.stdout)["prompt"] == nasty
    assert "\x1b" not in made.stderr


def test_a_megabyte_of_prompt_is_refused_with_a_reason(model: list[str], tmp_path: Path) -> None:
    long = tmp_path / "long.txt"
    long.write_text("high gap " * 120_000)
    done = run("explain", "-f", str(long), *model)
    assert done.returncode == 3
    assert "characters" in done.stderr


def test_doctor_says_what_there_is(tiny_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = json.loads(inside("doctor", "--json").stdout)
    assert found["t2d-mol"]["version"] == __version__
    assert found["libraries"]["torch"] == torch.__version__
    assert found["machine"]["device"] in ("cpu", "cuda")
    assert 0 < found["machine"]["free GiB"] < 10_000
    assert found["data set"]["there"] == Path("data/qm9.safetensors").exists()
    text = inside("doctor", "--checkpoint", str(tiny_file)).stdout
    assert f"digest        {Checkpoint.load(tiny_file).digest()}" in text
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(tiny_file.read_bytes()[:-100])
    done = inside("doctor", "--checkpoint", str(damaged), "--data", str(damaged), "--json")
    assert done.returncode == 4
    told = json.loads(done.stdout)
    assert (told["checkpoint"]["usable"], told["data set"]["usable"]) == (False, False)
    assert "damaged" in done.stderr
    unfit = tmp_path / "unfit.safetensors"
    Checkpoint.load(tiny_file).replace(vocabulary=()).save(unfit)
    done = inside("doctor", "--checkpoint", str(unfit), "--json")
    assert (done.returncode, json.loads(done.stdout)["checkpoint"]["usable"]) == (4, False)
    monkeypatch.setattr("t2d_mol.judge_checkpoint.BUNDLED_JUDGE", damaged)
    done = inside("doctor", "--json")
    assert (done.returncode, json.loads(done.stdout)["judge"]["usable"]) == (4, False)


def test_a_configuration_that_cannot_be_read_is_answered_in_a_line(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("steps = = 3")
    for path in (tmp_path / "none.toml", broken):
        done = inside("evaluate", "x", "--config", str(path))
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr.startswith("error: ")
        assert "Traceback" not in done.stderr
