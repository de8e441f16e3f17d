"""Variables of the environment: named after commands and flags, and said to be unread where no option reads them."""

from typing import Any

from t2d_mol.cli.app import command
from t2d_mol.cli.environment import unread_variables


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
