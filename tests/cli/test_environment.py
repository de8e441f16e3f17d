"""Where options come from: variables named after commands and flags, and the nearer source of two that contradict."""

from typing import Any

import pytest

from t2d_mol.cli.app import command
from t2d_mol.cli.environment import asks_for_quiet, unread_variables
from t2d_mol.cli.sampling import steps_in_force
from t2d_mol.errors import UsageError


def variables(*path: str) -> dict[str, Any]:
    found = command()
    for name in path:
        found = found.commands[name]
    return {flag: option.envvar for option in found.params for flag in option.opts}


def test_variables_are_named_after_the_longest_flag() -> None:
    sample = variables("sample")
    assert sample["--format"] == "T2D_MOL_SAMPLE_FORMAT"
    assert sample["--count"] == sample["-n"] == "T2D_MOL_SAMPLE_COUNT"
    assert sample["--max-minutes"] == "T2D_MOL_SAMPLE_MAX_MINUTES"
    assert sample["--seed"] == "T2D_MOL_SEED"
    assert sample["--print-config"] is None
    assert variables("doctor")["--json"] == "T2D_MOL_DOCTOR_JSON"
    assert variables("finetune")["--compile"] == "T2D_MOL_FINETUNE_COMPILE"
    assert variables("data", "prepare")["--archive"] == "T2D_MOL_DATA_PREPARE_ARCHIVE"


def test_variables_no_option_reads_are_named() -> None:
    given = ["PATH", "T2D_MOL_SEED", "T2D_MOL_SAMPLE_STEPSS", "T2D_MOL_SAMPLE_STEPS", "T2D_MOL_XYZZY"]
    assert list(unread_variables(command(), given)) == [
        "no option reads T2D_MOL_SAMPLE_STEPSS; did you mean T2D_MOL_SAMPLE_STEPS?",
        "no option reads T2D_MOL_XYZZY",
    ]


def test_quiet_is_seen_in_any_bundle() -> None:
    assert all(asks_for_quiet(words, {}) for words in (["-q"], ["--quiet"], ["-qn", "2"], ["-vq"]))
    assert asks_for_quiet([], {"T2D_MOL_SAMPLE_QUIET": "1"})
    assert not asks_for_quiet([], {"T2D_MOL_SAMPLE_QUIET": "0"})
    assert not asks_for_quiet(["sample", "-n", "2", "--query", "aqua"], {"T2D_MOL_SEED": "1"})


def parsed(words: list[str], monkeypatch: pytest.MonkeyPatch, **environment: str) -> int:
    """Return the calls in force for the words of a `sample`."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    sample = command().commands["sample"]
    context = sample.make_context("sample", ["high gap", *words])
    return steps_in_force(context, context.params["steps"], context.params["fast"])


def test_of_steps_and_fast_the_nearer_source_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    config = tmp_path / "fast.toml"
    config.write_text("fast = true\nsteps = 50\n")
    assert parsed([], monkeypatch) == 50
    assert parsed(["--fast"], monkeypatch) == 20
    assert parsed(["--config", str(config)], monkeypatch) == 20
    assert parsed(["--config", str(config), "--steps", "9"], monkeypatch) == 9
    with pytest.raises(UsageError, match="--fast is --steps 20"):
        parsed(["--fast", "--steps", "9"], monkeypatch)
    assert parsed(["--fast"], monkeypatch, T2D_MOL_SAMPLE_STEPS="7") == 20
    assert parsed(["--steps", "7"], monkeypatch, T2D_MOL_SAMPLE_FAST="1") == 7
