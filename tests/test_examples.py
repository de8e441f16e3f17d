"""The examples run as their first lines say, and what their tools read is what was put in."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(scope="module")
def time_series() -> ModuleType:
    spec = importlib.util.spec_from_file_location("time_series", EXAMPLES / "time_series.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_code_in_the_documentation_runs_and_holds_the_constraint() -> None:
    """L2 alone would end at slope 2 and shift 1, where L1' is 1."""
    text = (EXAMPLES.parent / "docs" / "text2data.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    told = re.search(r"```\n(L1'.*)\n```", text)
    assert told is not None
    assert done.stdout.strip() == told[1]
    free, slope, _, multiplier = map(float, re.findall(r"(?<= )-?\d+\.\d+", done.stdout))
    assert free == pytest.approx(0.3, abs=0.02)
    assert slope > 2.1
    assert multiplier > 0


def test_frequency_and_amplitude_are_read_as_drawn(time_series: ModuleType) -> None:
    series, labels = time_series.waves(200, torch.Generator().manual_seed(3))
    frequency, amplitude, off = time_series.read(series)
    wanted = time_series.asked(labels)
    assert float((frequency - wanted[0]).abs().mean()) < 0.05
    assert float((amplitude - wanted[1]).abs().mean()) < 0.05
    assert float(off.max()) < 0.1


def test_noise_can_be_taken_off_again(time_series: ModuleType) -> None:
    """x = cos a · z − sin a · v, by the definition of the velocity."""
    series, _ = time_series.waves(5, torch.Generator().manual_seed(4))
    (noisy, angle), velocity = time_series.noised(series, torch.Generator().manual_seed(5))
    torch.testing.assert_close(angle.cos()[:, None] * noisy - angle.sin()[:, None] * velocity, series)


@pytest.mark.slow
def test_the_comparison_has_a_row_for_each_method() -> None:
    words = ["--labels", "20", "--steps", "4", "--pretraining", "4", "--seeds", "2", "--generated", "10"]
    done = subprocess.run(
        [sys.executable, EXAMPLES / "time_series.py", *words], capture_output=True, text=True, check=True, timeout=100
    )
    rows = [line for line in done.stdout.splitlines() if "±" in line]
    assert len(rows) == 4
    assert all(row.split()[0] == "20" for row in rows)
    assert all(len(re.findall(r"\d ± \d", row)) == 5 for row in rows)


@pytest.mark.notebook
def test_the_notebook_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat = pytest.importorskip("nbformat", reason="the extra notebook is not installed: make examples")
    client = pytest.importorskip("nbclient", reason="the extra notebook is not installed: make examples")
    monkeypatch.setenv("PYTHONPATH", str(EXAMPLES.parent))
    notebook = nbformat.read(EXAMPLES / "molecules.ipynb", as_version=4)
    kept = [len(cell.outputs) for cell in notebook.cells if cell.cell_type == "code"]
    client.NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [len(cell.outputs) for cell in cells] == kept
    assert "<svg" in cells[1].outputs[0].data["image/svg+xml"]
    assert re.match(r"[3-8] of 8 are valid", cells[2].outputs[0].text)
