"""The report and the figures: what stands in them, and that what users gave stays text."""

import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from t2d_mol.checkpoint import Checkpoint
from t2d_mol.chem.drawing import draw as draw_molecule
from t2d_mol.errors import InputError, UsageError
from t2d_mol.evaluation.findings import Findings
from t2d_mol.evaluation.oracles.network import Judge
from t2d_mol.evaluation.score import Entry, Scorer, score_smiles
from t2d_mol.molecule import Molecule, Target
from t2d_mol.properties import LEVELS
from t2d_mol.qm9.dataset import Molecules
from tests.evaluation.truth import Truth

pytest.importorskip("matplotlib")

from t2d_mol.evaluation.figures import draw, write_plots
from t2d_mol.evaluation.report import MOLECULES, report_page, write_report
from t2d_mol.io.page import inline

HOSTILE = '<script>document.title = "taken"</script> & "low gap" $title'
COUNT = 60


def evaluated(molecules: Molecules, checkpoint: Checkpoint, judge: Path, targets: list[Target], kind: str) -> Findings:
    """Findings of real molecules, each asked for one target; some occur twice."""
    entries = [
        Entry(
            number + 1,
            molecules[number % len(molecules)],
            "",
            (target,),
            target.property,
            worded(kind, number),
            {"prompt": HOSTILE},
        )
        for number, target in enumerate(targets)
    ]
    scores = list(Scorer(checkpoint.statistics, Truth(molecules))(entries))
    return Findings.of(scores, checkpoint, oracle="truth", judge=judge)


def worded(kind: str, number: int) -> str:
    return "exact" if kind == "exact" else ("seen", "unseen")[number % 2]


@pytest.fixture(scope="module")
def exact(molecules: Molecules, tiny_checkpoint: Checkpoint, judge_file: Path) -> Findings:
    """Findings of molecules asked for a polarizability 0.2 mean absolute deviations beyond their own."""
    beyond = molecules.properties()[:, 0] + 0.2 * tiny_checkpoint.statistics.mad[0]
    targets = [Target("alpha", "=", value=beyond[n % len(beyond)], unit="Bohr^3") for n in range(COUNT)]
    return evaluated(molecules, tiny_checkpoint, judge_file, targets, "exact")


@pytest.fixture(scope="module")
def levels(molecules: Molecules, tiny_checkpoint: Checkpoint, judge_file: Path) -> Findings:
    """Findings of molecules asked for a level of the dipole moment, in two wordings."""
    targets = [Target("mu", "level", level=n // 2 % 5, unit="D") for n in range(COUNT)]
    return evaluated(molecules, tiny_checkpoint, judge_file, targets, "levels")


@pytest.fixture(scope="module", params=["exact", "levels"])
def found(request: pytest.FixtureRequest) -> Findings:
    findings: Findings = request.getfixturevalue(request.param)
    return findings


@pytest.fixture(scope="module")
def bare(molecules: Molecules, tiny_checkpoint: Checkpoint, judge_file: Path) -> Findings:
    """Findings of molecules nobody asked anything of, where no judge is."""
    scores = list(Scorer()(Entry(number, molecules[number]) for number in range(40)))
    found = Findings.of(scores, tiny_checkpoint, oracle="none", judge=judge_file)
    return replace(found, summary=found.summary | {"distributions": None}, judge=None)


def test_every_figure_is_there_and_only_those(exact: Findings, levels: Findings, bare: Findings) -> None:
    assert [item.name for item in draw(exact)] == ["target-alpha", "bond-lengths", "atom-counts"]
    assert [item.name for item in draw(levels)] == ["levels-mu", "bond-lengths", "atom-counts"]
    assert bare.judge is None
    assert [item.name for item in draw(bare)] == ["bond-lengths", "atom-counts"]


def test_the_target_figure_shows_every_molecule_and_the_band_of_hits(exact: Findings) -> None:
    panel = draw(exact)[0].figure.axes[0]
    diagonal, points = panel.lines
    asked, read = exact.paired("alpha")
    assert np.array_equal(points.get_xdata(), asked)
    assert np.array_equal(points.get_ydata(), read)
    assert np.array_equal(diagonal.get_xdata(), diagonal.get_ydata())
    assert exact.judge is not None
    width = exact.judge.statistics.mad[0]
    corners = panel.collections[0].get_paths()[0].vertices
    assert np.abs(corners[:, 1] - corners[:, 0]).max() == pytest.approx(0.25 * width)
    assert panel.get_title().startswith(f"MAE {0.2 * width:.3g} Bohr^3, {COUNT} molecules")


def test_the_level_figure_shows_the_confusion(levels: Findings) -> None:
    figure = draw(levels)[0].figure
    for panel, (wording, entry) in zip(figure.axes, levels.summary["levels"]["mu"].items(), strict=True):
        counts = np.array(entry["confusion"], float)
        assert panel.get_title().startswith(f"{wording} wordings")
        totals = counts.sum(1, keepdims=True)
        shown = panel.collections[0].get_array()
        assert shown is not None
        assert np.allclose(np.asarray(shown).reshape(counts.shape) * totals, counts)
        assert [label.get_text() for label in panel.get_yticklabels()] == list(LEVELS)


def test_every_axis_has_a_label(found: Findings) -> None:
    for item in draw(found):
        for panel in item.figure.axes:
            assert panel.get_xlabel(), item.name
            assert panel.get_ylabel(), item.name


def test_plots_are_png_files_that_are_not_overwritten(found: Findings, tmp_path: Path) -> None:
    paths = write_plots(draw(found), tmp_path / "plots")
    assert [path.name for path in paths] == [f"{item.name}.png" for item in draw(found)]
    for path in paths:
        data = path.read_bytes()
        assert data.startswith(b"\x89PNG")
        assert len(data) > 5000
    paths[0].unlink()
    with pytest.raises(UsageError, match="exists"):
        write_plots(draw(found), tmp_path / "plots")
    assert not paths[0].exists()
    assert write_plots(draw(found), tmp_path / "plots", force=True) == paths


def test_the_page_holds_every_table_figure_and_molecule(found: Findings, tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.html"
    write_report(found, path)
    text = path.read_text(encoding="utf-8")
    for table in found.tables():
        assert f"<caption>{table.title}</caption>" in text.replace("&#x27;", "'"), table.title
        for cell in (cell for row in table.rows for cell in row):
            assert cell in text.replace("&#x27;", "'")
    assert text.count("<caption>") == len(found.tables())
    assert text.count('class="sheet plot"') == len(draw(found))
    assert text.count('<li class="card">') == MOLECULES
    assert text.count("<svg") == text.count("</svg>") == MOLECULES + len(draw(found))
    with pytest.raises(UsageError, match="exists"):
        write_report(found, path)
    write_report(found, path, force=True)
    assert path.read_text(encoding="utf-8") == text


def test_the_page_needs_no_address_and_its_ids_are_its_own(found: Findings) -> None:
    text = report_page(found)
    assert not re.search(r"https?:|src=|@import|//[a-z]", text.split("<script>")[0])
    assert not re.search(r"https?:|import|fetch", text.split("<script>")[1])
    ids = re.findall(r'\sid="([^"]*)"', text)
    assert len(ids) == len(set(ids))
    referred = set(re.findall(r'(?:url\(#|href="#)([^")]*)', text))
    assert referred <= set(ids)
    assert any("bond-lengths-" in name for name in referred)


def test_what_users_gave_stays_text(found: Findings) -> None:
    text = report_page(found)
    assert HOSTILE not in text
    assert "&lt;script&gt;document.title = &quot;taken&quot;&lt;/script&gt; &amp; &quot;low gap&quot; $title" in text
    assert text.count("<script") == 1


def test_bare_molecules_make_a_page_too(bare: Findings, tiny_checkpoint: Checkpoint) -> None:
    text = report_page(bare)
    assert text.count('class="sheet plot"') == 2
    assert "no oracle was asked for" in text
    graphs = Findings.of(
        [score_smiles(Entry(1, None, "CCO")), score_smiles(Entry(2, None, "<b>"))], tiny_checkpoint, oracle="none"
    )
    text = report_page(graphs)
    assert 'href="#figures"' not in text
    assert text.count("<svg") == 1
    assert "&lt;b&gt;" in text
    assert "<b>" not in text


def test_intervals_and_strangeness_are_told(molecules: Molecules, tiny_checkpoint: Checkpoint, judge_file: Path) -> None:
    entry = Entry(1, molecules[9], "", (Target("gap", "between", low=5.0, high=6.0, unit="eV"),))
    (score,) = Scorer(tiny_checkpoint.statistics, Judge.load(judge_file))([entry])
    assert score.reading is not None
    low, high = score.reading.intervals["gap"]
    for strange in (True, False):
        told = replace(score, reading=replace(score.reading, out_of_domain=strange))
        text = report_page(Findings.of([told], tiny_checkpoint, oracle="network", judge=judge_file))
        assert "asked between 5 and 6 eV" in text
        assert f"[{low:.4g}, {high:.4g}]" in text
        assert (">out of domain<" in text) is strange


def test_without_matplotlib_the_extra_is_named(exact: Findings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UsageError) as raised:
        write_report(exact, tmp_path / "report.html")
    assert raised.value.hint == "pip install 't2d-mol[plot]'"
    assert not list(tmp_path.iterdir())


def test_an_inline_svg_is_as_good_as_the_file() -> None:
    file = '<?xml version="1.0"?><!DOCTYPE svg><svg xmlns="a:b" width="3" id="x"><!-- c --><use xlink:href="#x"/></svg>'
    assert inline(file, "n") == '<svg width="3" id="n-x"><use xlink:href="#n-x"/></svg>'


def test_molecules_are_drawn_as_they_are() -> None:
    for smiles in ("C[CH2]", "CCO.CC", "c1cccc1", "CC(C)(C)(C)C", "[NH3+]CC(=O)[O-]"):
        assert draw_molecule(smiles).rstrip().endswith("</svg>")
    assert "currentColor" in draw_molecule("CC")
    five = np.zeros((6, 6), np.uint8)
    five[0, 1:] = five[1:, 0] = 1
    broken = Molecule(np.array([6, 1, 1, 1, 1, 1], np.uint8), np.eye(6, 3, dtype=np.float32), five)
    assert "<path" in draw_molecule(broken)
    with pytest.raises(InputError, match="SMILES"):
        draw_molecule("nonsense")
    with pytest.raises(InputError, match="bond"):
        draw_molecule(Molecule(np.array([7, 7, 7], np.uint8), 9 * np.eye(3, dtype=np.float32)))
