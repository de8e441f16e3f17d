"""What the documents name is there, and what there is they name; the commands of the README run."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer

from t2d_mol.cli.app import app
from t2d_mol.cli.reference import reference
from t2d_mol.errors import Exit
from t2d_mol.io.record import GEOMETRY_KEYS, RECORD_KEYS
from t2d_mol.properties import KEYS

TOP = Path(__file__).parents[1]
README = (TOP / "README.md").read_text()
COMMANDS = ["data prepare", "pretrain", "finetune", "average", "sample", "evaluate", "judge", "explain", "study", "doctor"]


def commands() -> dict[str, Any]:
    top: Any = typer.main.get_command(app)
    groups = {name: getattr(command, "commands", {"": command}) for name, command in top.commands.items()}
    return {f"{name} {inner}".strip(): own for name, group in groups.items() for inner, own in group.items()}


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "t2d_mol", *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | environment,
    )


def test_the_reference_of_the_commands_is_true() -> None:
    """Made again by `python -m t2d_mol.cli.reference > docs/commands.md`."""
    assert (TOP / "docs" / "commands.md").read_text() == reference()
    assert set(commands()) == set(COMMANDS)
    for command in commands().values():
        for item in command.params:
            assert all(f"`{flag}`" in reference() for flag in item.opts if flag.startswith("-"))


def test_the_readme_names_every_command_property_and_exit() -> None:
    for name in COMMANDS:
        assert f"t2d-mol {name}" in README
    for key in KEYS:
        assert f"`{key}`" in README
    exits = README[README.index("## Exits") :]
    for code in Exit:
        assert re.search(rf"\b{int(code)} [a-z]", exits), code
    assert "docs/commands.md" in README


def test_the_document_of_records_names_every_key() -> None:
    text = (TOP / "docs" / "records.md").read_text()
    for key in (*RECORD_KEYS, *GEOMETRY_KEYS):
        assert f"`{key}`" in text, key


def test_links_in_the_documents_lead_somewhere() -> None:
    for document in (TOP / "README.md", *(TOP / "docs").rglob("*.md"), TOP / "data" / "README.md"):
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text()):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document}: {target}"


def test_every_help_begins_with_an_example() -> None:
    for name, command in commands().items():
        about, mark, example = " ".join((command.help or "").split()).partition("For example: ")
        assert about and mark, name
        assert f"t2d-mol {name} " in f"{example} ", name


def test_options_in_force_are_printed_and_can_be_read_again(tmp_path: Path) -> None:
    config = tmp_path / "run.toml"
    words = ("sample", "high gap", "--weight", "gap=2", "--atoms", "12-18", "--only-valid", "--print-config")
    printed = run(*words, T2D_MOL_SAMPLE_STEPS="7", T2D_MOL_SEED="3")
    config.write_text(printed.stdout)
    told = tomllib.loads(printed.stdout)
    assert (told["steps"], told["seed"], told["weight"], told["only-valid"]) == (7, 3, ["gap=2"], True)
    again = run("sample", "high gap", "--config", str(config), "--seed", "4", "--print-config", T2D_MOL_SEED="5")
    assert tomllib.loads(again.stdout) == told | {"seed": 4}


def test_a_name_that_is_nearly_right_is_guessed() -> None:
    for words, meant in (
        (("sample", "x", "--solver", "ancestrall"), "ancestral"),
        (("sample", "x", "--format", "jsnl"), "jsonl"),
        (("sample", "x", "--stepz", "4"), "--steps"),
        (("sampel", "x"), "sample"),
    ):
        done = run(*words)
        assert done.returncode == 2
        assert meant in done.stderr, words


def lines() -> list[str]:
    """The README's command lines, without the comments behind them."""
    told = [line.removeprefix("$ ") for line in README.splitlines()]
    return [re.sub(r"\s+# .*", "", line) for line in told if line.startswith("t2d-mol")]


@pytest.mark.slow
def test_the_commands_of_the_readme_run(tiny_file: Path, data_file: Path, judge_file: Path, tmp_path: Path) -> None:
    """With a tiny model, few molecules of a protocol, seconds for minutes and the fixture in the place of QM9."""
    (tmp_path / "data").mkdir()
    (tmp_path / "benchmarks").symlink_to(TOP / "benchmarks")
    (tmp_path / "data" / "prompts.csv").write_bytes((TOP / "data" / "prompts.csv").read_bytes())
    (tmp_path / "t2d-mol").write_text(f'#!/bin/sh\nexec {sys.executable} -m t2d_mol "$@"\n')
    (tmp_path / "t2d-mol").chmod(0o755)
    environment = os.environ | {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PYTHONPATH": str(TOP),
        "T2D_MOL_CHECKPOINT": str(tiny_file),
        "T2D_MOL_EVALUATE_JUDGE": str(judge_file),
        "T2D_MOL_DATA": str(data_file),
        "T2D_MOL_SAMPLE_STEPS": "4",
        "T2D_MOL_EVALUATE_STEPS": "4",
        "T2D_MOL_THREADS": "1",
    }
    found = lines()
    assert len(found) > 20
    for line in found:
        words = re.sub(r"-n (\d{2,})", "-n 3", line)
        words = re.sub(r"--max-minutes \d+", "--steps 2 --batch-size 32", words).replace("--max-mae alpha=10", "")
        if words.startswith("t2d-mol finetune"):
            words += " --encoder-steps 2 --predictor-steps 2 --guide-steps 2"
        if words == "t2d-mol data prepare":
            words += f" --archive {shlex.quote(str(TOP / 'data' / 'fixture' / 'fixture.xyz.tar.bz2'))} --force"
        if "CONFIG.toml" in words or words.startswith(("t2d-mol judge", "t2d-mol study")):
            continue
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", words], cwd=tmp_path, env=environment, capture_output=True, text=True,
            timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{line}\n{done.stderr}"
