"""The gallery in a real browser: it sorts, its molecules turn, prompts stay text, and it works without 3Dmol.js."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from t2d_mol.checkpoint import Statistics
from t2d_mol.io.formats import FORMATS
from t2d_mol.io.formats.html import ADDRESS, with_viewer
from t2d_mol.io.record import to_record
from t2d_mol.molecule import GeneratedMolecule, Prompt, Target
from t2d_mol.properties import KEYS
from t2d_mol.qm9.dataset import Molecules

pytestmark = pytest.mark.browser
HOSTILE = "<script>document.title = 'taken'</script><img src=x onerror=\"document.title = 'taken'\">"
VIEWER = "3dmol@2.5.5"
COUNT = 20


@pytest.fixture(scope="session")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3Dmol.js, by T2D_MOL_VIEWER_JS or from the npm registry."""
    if given := os.environ.get("T2D_MOL_VIEWER_JS"):
        return Path(given)
    if not shutil.which("npm"):
        pytest.skip("npm, which brings 3Dmol.js, is not installed; or set T2D_MOL_VIEWER_JS")
    folder = tmp_path_factory.mktemp("viewer")
    subprocess.run(["npm", "pack", VIEWER, "--silent"], cwd=folder, check=True, capture_output=True, timeout=120)
    (archive,) = folder.glob("*.tgz")
    shutil.unpack_archive(archive, folder, "gztar", filter="data")
    return folder / "package" / "build" / "3Dmol-min.js"


@pytest.fixture(scope="module")
def records(molecules: Molecules, qm9_statistics: Statistics) -> list[dict[str, Any]]:
    values, found = molecules.properties(), []
    for k in range(COUNT):
        read = dict(zip(KEYS, values[k].tolist(), strict=True)) if k else {}
        prompt = Prompt(HOSTILE, (Target("gap", "=", value=7.0, unit="eV"),))
        made = GeneratedMolecule(molecules[k], prompt, 0, k, 0, smiles="C" if k else None, state="valid", predicted=read)
        found.append(to_record(replace(made, reason=HOSTILE if not k else ""), qm9_statistics))
    return found


@pytest.fixture(scope="module", params=[True, False], ids=["with 3Dmol.js", "without"])
def gallery(
    records: list[dict[str, Any]], request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, bool]:
    path = tmp_path_factory.mktemp("gallery") / "gallery.html"
    kind = with_viewer(request.getfixturevalue("viewer")) if request.param else FORMATS["html"]
    with path.open("wb") as stream:
        kind.write(records, stream)
    return path, request.param


@pytest.fixture
def page(browser: Any, gallery: tuple[Path, bool]) -> Iterator[Any]:
    """The page, opened offline; it may ask for nothing but 3Dmol.js, and say nothing but that this is missing."""
    path, within = gallery
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    said, asked = list[str](), list[str]()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    yield page
    context.close()
    allowed = [] if within else [ADDRESS.lower()]
    assert [url.lower() for url in asked if not url.startswith(("data:", "blob:", "file:"))] == allowed
    assert [text for text in said if within or "ERR_INTERNET_DISCONNECTED" not in text] == []


def test_every_molecule_is_shown_with_what_was_asked_and_read(page: Any) -> None:
    assert page.locator(".card").count() == COUNT == page.locator(".card svg").count()
    assert "asked = 7 eV" in page.locator(".card dl").nth(3).text_content()
    assert page.locator(".card").first.locator("dl").text_content().startswith("Δεnot read asked")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_what_a_user_wrote_stays_text(page: Any) -> None:
    page.wait_for_timeout(100)
    assert page.title() == f"{COUNT} generated molecules"
    assert page.locator(".card blockquote").first.text_content() == HOSTILE
    assert page.locator("img").count() == 0


def test_cards_sort_up_and_down_and_what_is_not_read_comes_last(page: Any, records: list[dict[str, Any]]) -> None:
    def order() -> list[int]:
        return [int(card.get_attribute("data-index")) for card in page.locator(".card").all()]

    assert order() == list(range(COUNT))
    for key in ("gap", "alpha"):
        page.locator("#key").select_option(key)
        known = sorted((record for record in records if record["predicted"]), key=lambda record: record["predicted"][key])
        assert order() == [*(record["index"] for record in known), 0]
        page.locator("#turn").click()
        assert [records[k]["predicted"][key] for k in order()[:-1]] == [r["predicted"][key] for r in reversed(known)]
        assert order()[-1] == 0
        page.locator("#turn").click()


def test_molecules_turn_when_dragged(page: Any, gallery: tuple[Path, bool]) -> None:
    button = page.locator(".card button").nth(5)
    if not gallery[1]:
        assert button.is_hidden()
        assert "3Dmol.js" in page.locator("#hint").text_content()
        return
    for number in (5, 12):
        page.locator(".card button").nth(number).click()
        stage = page.locator("#stage")
        page.wait_for_timeout(500)
        before = stage.screenshot()
        assert before == stage.screenshot()
        box = stage.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 90, y + 40, steps=5)
        page.mouse.up()
        page.wait_for_timeout(300)
        after = stage.screenshot()
        assert after != before
        page.locator("dialog button").click()
