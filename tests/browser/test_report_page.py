"""The report in a real browser: it opens offline, without a word in the console, and its tables sort."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from t2d_mol.checkpoint import Checkpoint
from t2d_mol.evaluation.findings import Findings
from t2d_mol.evaluation.oracles.network import Judge
from t2d_mol.evaluation.score import Entry, Scorer
from t2d_mol.molecule import Target
from t2d_mol.properties import KEYS
from t2d_mol.qm9.dataset import Molecules

pytest.importorskip("matplotlib")
pytestmark = pytest.mark.browser
HOSTILE = "<script>document.title = 'taken'</script><img src=x onerror=\"document.title = 'taken'\">"


@pytest.fixture(scope="module")
def report(
    molecules: Molecules, tiny_checkpoint: Checkpoint, judge_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Findings, Path]:
    from t2d_mol.evaluation.report import write_report

    values = molecules.properties()
    entries = [
        Entry(
            number + 1,
            molecules[number],
            "",
            (Target(KEYS[number % 6], "=", value=values[number, number % 6]),),
            KEYS[number % 6],
            "exact",
            {"prompt": HOSTILE},
        )
        for number in range(40)
    ]
    scores = list(Scorer(tiny_checkpoint.statistics, Judge.load(judge_file))(entries))
    found = Findings.of(scores, tiny_checkpoint, oracle="network", judge=judge_file)
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(found, path)
    return found, path


@pytest.fixture(params=["light", "dark"])
def page(browser: Any, report: tuple[Findings, Path], request: pytest.FixtureRequest) -> Iterator[Any]:
    """The page, opened offline; whatever it says or asks for beyond itself fails the test."""
    _, path = report
    context = browser.new_context(offline=True, color_scheme=request.param, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda asked: said.append(asked.url) if not asked.url.startswith(("data:", path.as_uri())) else None)
    page.goto(path.as_uri())
    yield page
    context.close()
    assert not said


def test_everything_is_shown(page: Any, report: tuple[Findings, Path]) -> None:
    from t2d_mol.evaluation.figures import draw

    found, _ = report
    assert page.locator(".sheet table").count() == len(found.tables())
    assert page.locator(".plot svg").count() == len(draw(found)) == len(KEYS) + 2
    assert page.locator(".card").count() == len(found.scores) == page.locator(".card svg").count()
    for shape in (*page.locator(".plot svg").all(), *page.locator(".card svg").all()):
        box = shape.bounding_box()
        assert min(box["width"], box["height"]) > 100
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_clip_paths_of_figures_are_found(page: Any) -> None:
    missing = """[...document.querySelectorAll('[clip-path]')].map(item => item.getAttribute('clip-path').slice(5, -1))
        .filter(id => !document.getElementById(id))"""
    assert page.locator("[clip-path]").count() > 0
    assert page.evaluate(missing) == []


def test_a_prompt_is_text_and_does_not_run(page: Any, report: tuple[Findings, Path]) -> None:
    found, _ = report
    page.wait_for_timeout(100)
    assert page.title() == f"Evaluation of {found.summary['n']} molecules"
    assert page.locator(".card blockquote").first.text_content() == HOSTILE
    assert page.locator("script").count() == 1
    assert page.locator("img").count() == 0


def test_tables_sort_up_and_down_by_number_and_what_is_none_comes_last(page: Any) -> None:
    table = page.locator(".sheet table", has_text="mean absolute error of exact prompts")
    head = table.locator("thead th").nth(2)

    def column() -> list[str]:
        return [text.split()[0] for text in table.locator("tbody td:nth-child(3)").all_text_contents()]

    before = column()
    numbers, none = [float(text) for text in before if text != "-"], ["-"] * before.count("-")
    assert none
    for gesture, order in (("click", "ascending"), ("press", "descending")):
        getattr(head.locator("button"), gesture)(*(["Enter"] if gesture == "press" else []))
        after = column()
        assert [float(text) for text in after[: len(numbers)]] == sorted(numbers, reverse=order == "descending")
        assert after[len(numbers) :] == none
        assert after != before
        assert head.get_attribute("aria-sort") == order
    assert table.locator("[aria-sort]").count() == 1


def test_a_narrow_window_does_not_scroll_sideways(page: Any) -> None:
    page.set_viewport_size({"width": 380, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
