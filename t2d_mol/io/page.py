"""Pages: one HTML file each that needs nothing but itself, in one style, whose scripts alone may run."""

import base64
import hashlib
import re
from importlib.resources import files
from string import Template
from typing import Final

_SCRIPT: Final = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def page(template: str, *, sources: tuple[str, ...] = (), **parts: str) -> str:
    """Return a page: a template with its parts, which must be markup already, and the common style.

    Its content security policy, `$scripts` in the template, lets run the scripts of the template and what `sources` names;
    a script within the parts cannot.
    """
    own = [
        "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in _SCRIPT.findall(template)
    ]
    allowed = " ".join([*(f"'{digest}'" for digest in own), *sources])
    style = files("t2d_mol.io").joinpath("page.css").read_text(encoding="utf-8")
    return Template(template).substitute(parts, style=style, scripts=allowed)


def inline(svg: str, name: str) -> str:
    """Return an SVG file as an element of a page: without addresses and styles, its ids made the page's own by a name."""
    svg = re.sub(r"<!--.*?-->|<style.*?</style>|<defs>\s*</defs>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r"""\s+(xmlns(:\w+)?|xml:space|version|baseProfile)=(["']).*?\3""", "", svg)
    svg = re.sub(r"""(\sid=["']|url\(#|href=["']#)""", rf"\g<1>{name}-", svg)
    return svg.strip()
