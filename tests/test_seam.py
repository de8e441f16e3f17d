"""One more of QM9's properties is one row: the electronic spatial extent, with its unit, in a copy of the package."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "t2d_mol"
ROWS = {
    "properties.py": (
        'PROPERTIES: Final = (\n',
        'PROPERTIES: Final = (\n'
        '    Property("r2", "electronic spatial extent", "⟨R²⟩", "Bohr^2", 1.0, ("spatial extent",)),\n',
    ),
    "units.py": (
        '    "Bohr^3": {"Bohr^3"',
        '    "Bohr^2": {"Bohr^2": 1.0, "Å^2": 1.0 / 0.529177210903**2},\n    "Bohr^3": {"Bohr^3"',
    ),
    "prompts/unit_spellings.py": (
        '    "Bohr^3": ',
        '    "Bohr^2": r"bohrs?\\s*\\^\\s*2",\n    "Å^2": r"(?:å|angstroms?)\\s*\\^\\s*2",\n    "Bohr^3": ',
    ),
}  # fmt: skip
"""What a new property with a unit of its own takes: by file, the place and what stands there afterwards."""


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package, to which the rows are added and nothing else."""
    folder = tmp_path_factory.mktemp("seam")
    shutil.copytree(PACKAGE, folder / "t2d_mol", ignore=shutil.ignore_patterns("__pycache__", "*.safetensors"))
    for name, (place, row) in ROWS.items():
        path = folder / "t2d_mol" / name
        text = path.read_text(encoding="utf-8")
        assert text.count(place) == 1, name
        path.write_text(text.replace(place, row), encoding="utf-8")
    return folder


def run(copied: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "t2d_mol", *arguments, "-q"]
    environment = os.environ | {"PYTHONPATH": str(copied)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=copied, env=environment)
    assert done.returncode == 0, f"{' '.join(arguments)}: {done.stderr}"
    return done.stdout


@pytest.mark.slow
def test_one_more_property_is_one_row(copied: Path, data_file: Path) -> None:
    runs = {name: copied / name for name in ("base", "text")}
    run(
        copied,
        "pretrain",
        "--preset",
        "tiny",
        "--steps",
        "2",
        "--batch-size",
        "8",
        "--data",
        str(data_file),
        "-o",
        str(runs["base"]),
    )
    few = ("--steps", "2", "--batch-size", "8", "--encoder-steps", "2", "--predictor-steps", "2", "--guide-steps", "2")
    base = str(runs["base"] / "last.safetensors")
    run(copied, "finetune", "--checkpoint", base, *few, "--data", str(data_file), "-o", str(runs["text"]))
    model = str(runs["text"] / "last.safetensors")

    out = run(
        copied,
        "sample",
        "a high electronic spatial extent",
        "--checkpoint",
        model,
        "-n",
        "1",
        "--steps",
        "4",
        "--format",
        "jsonl",
    )
    (record,) = map(json.loads, out.splitlines())
    assert [(target["property"], target["level"]) for target in record["targets"]] == [("r2", "high")]
    assert record["predicted"]["r2"] == record["predicted"]["r2"]

    texts = ("a spatial extent of 1200 Bohr², a polarizability of 75 Bohr³", "spatial extent below 300 Å^2 and a low gap")
    exact, bound = map(json.loads, run(copied, "explain", *texts, "--json", "--checkpoint", model).splitlines())
    assert [(t["property"], t["value"], t["unit"]) for t in exact["targets"]] == [
        ("r2", 1200, "Bohr^2"),
        ("alpha", 75, "Bohr^3"),
    ]
    assert [(t["property"], t["op"]) for t in bound["targets"]] == [("r2", "<"), ("gap", "level")]
    assert bound["targets"][0]["value"] == pytest.approx(1071.31, rel=1e-4)
