"""HTML: a gallery to look through, sort and turn in space; one file that works without a network, but for the 3D view."""

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from html import escape
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from t2d_mol import __version__
from t2d_mol.chem.drawing import draw
from t2d_mol.errors import InputError, UsageError
from t2d_mol.io.formats.base import Format
from t2d_mol.io.formats.sdf import v2000
from t2d_mol.io.page import inline, page
from t2d_mol.io.record import SHARED_KEYS, Record, molecule_of, targets_of
from t2d_mol.molecule import Target
from t2d_mol.prompts.grammar import describe_wish
from t2d_mol.properties import PROPERTIES

MOST: Final = 2000
"""Molecules of a gallery at most: browsers are slow with more."""

ADDRESS: Final = "https://3Dmol.org/build/3Dmol-min.js"
"""Where the 3D view is loaded from, unless a script is given."""


def write(records: Iterable[Record], stream: BinaryIO, script: str | None = None) -> None:
    """Write the gallery of molecules, valid or not, as they came.

    Args:
        records: at most `MOST`.
        stream: where to.
        script: text of 3Dmol.js; None loads it by its address.

    Raises:
        UsageError: if there are too many.
    """
    shown = list(islice(records, MOST + 1))
    if len(shown) > MOST:
        raise UsageError(f"a gallery holds {MOST} molecules at most", "write records and show a part of them")
    if script is None:
        viewer, source = f'<script src="{ADDRESS}"></script>', ADDRESS
    else:
        script = script.replace("</script", "<\\/script")
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        viewer, source = f"<script>{script}</script>", f"'sha256-{digest}'"
    keys = [("index", "number"), *((prop.key, prop.name) for prop in PROPERTIES), ("atoms", "atom count")]
    blocks = json.dumps([v2000({key: record[key] for key in record if key in _BLOCK}) for record in shown])
    text = page(
        files("t2d_mol.io.formats").joinpath("gallery.html").read_text(encoding="utf-8"),
        sources=(source,),
        title=f"{len(shown):,} generated molecule{'' if len(shown) == 1 else 's'}",
        version=escape(__version__),
        facts="".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in _facts(shown)),
        keys="".join(f'<option value="{key}">{escape(name)}</option>' for key, name in keys),
        cards="\n".join(_card(place, record) for place, record in enumerate(shown)),
        molecules=blocks.replace("<", "\\u003c"),
        viewer=viewer,
    )
    stream.write(text.encode("utf-8", "backslashreplace"))


_BLOCK: Final = ("index", "numbers", "positions", "bonds", "charges")


def with_viewer(path: Path) -> Format:
    """Return the format with 3Dmol.js within the page.

    Raises:
        InputError: if the script cannot be read.
    """
    try:
        script = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from None
    return replace(HTML, write=partial(write, script=script))


def _facts(records: list[Record]) -> Iterable[tuple[str, str]]:
    valid = sum(record["state"] == "valid" for record in records)
    yield "valid", f"{valid} of {len(records)}"
    for name in SHARED_KEYS:
        values = {str(record.get(name, "")) for record in records}
        if len(values) == 1 and (value := values.pop()):
            yield name, value


def _card(place: int, record: Record) -> str:
    predicted = record["predicted"]
    data = {"place": place, "index": record["index"], "atoms": record["n_atoms"]} | predicted
    attributes = "".join(f' data-{key}="{escape(str(value))}"' for key, value in data.items())
    novel = {True: "novel", False: "known", None: ""}[record.get("novel")]
    parts = [
        f'<div class="top"><span class="number faint">no. {escape(str(record["index"]))}</span>',
        f'<span class="mark">{novel}</span>' if novel else "",
        f'<span class="mark {escape(record["state"])}">{escape(record["state"])}</span>',
        '<button type="button">3D</button></div>',
        _drawing(record),
        f"<code>{escape(record['smiles'])}</code>" if record["smiles"] else "",
        f'<span class="faint">{escape(record["reason"])}</span>' if record["reason"] else "",
        f"<blockquote>{escape(record['prompt'])}</blockquote>" if record["prompt"] else "",
        _properties(targets_of(record), predicted),
    ]
    return f'<li class="card"{attributes}>{"".join(parts)}</li>'


def _drawing(record: Record) -> str:
    try:
        svg = inline(draw(record["smiles"] or molecule_of(record)), f"m{record['index']}")
    except InputError as error:
        return f'<div class="blank faint">not drawn: {escape(str(error))}</div>'
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(record["smiles"] or "molecule")}"', 1)


def _properties(targets: tuple[Target, ...], predicted: dict[str, float]) -> str:
    asked = {target.property: target for target in targets}
    lines = []
    for prop in PROPERTIES:
        value = f"{predicted[prop.key]:.4g} {escape(prop.unit)}" if prop.key in predicted else "not read"
        if prop.key not in predicted and prop.key not in asked:
            continue
        name, _, index = escape(prop.symbol).partition("_")
        wish = f' <span class="faint">asked {escape(describe_wish(asked[prop.key]))}</span>' if prop.key in asked else ""
        lines.append(f'<dt title="{escape(prop.name)}">{name}<sub>{index}</sub></dt><dd class="read">{value}{wish}</dd>')
    return f"<dl>{''.join(lines)}</dl>" if lines else ""


HTML = Format("html", ("html", "htm"), write, binary=True, most=MOST)
