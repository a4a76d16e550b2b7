"""A profile as one HTML file that needs no network: `render`. The page itself is the files beside this module."""

import base64
import hashlib
import html
import json
import os
import re

from allocscc.report.frames import printable
from allocscc.report.html.columns import columns
from allocscc.report.profile import Profile

_FOLDER = os.path.dirname(__file__)
# In this order: each uses what stands before it, and all are one function's body.
_SCRIPTS = (
    "format.js",
    "model.js",
    "treemap.js",
    "flame.js",
    "timeline.js",
    "table.js",
    "theme.js",
    "head.js",
    "page.js",
)
_SLOT = re.compile(r"@@([A-Z_]+)@@")


def render(profile: Profile) -> str:
    """The whole page: template, style, script, and the rows as a block of JSON.

    Names of a program are hostile until proven otherwise: in the JSON no `<` is left that could end its block, and the
    page's policy runs no script but ours, which only ever sets text.
    """
    style = _asset("page.css")
    script = "(() => {\n" + '"use strict";\n' + "".join(map(_asset, _SCRIPTS)) + "})();\n"
    name = printable(profile.program) or "unknown program"
    slots = {
        "TITLE": html.escape(f"heap of {name.rpartition('/')[2] or name}"),
        "POLICY": f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}",
        "STYLE": style,
        "SCRIPT": script,
        "DATA": json.dumps(columns(profile), separators=(",", ":")).replace("<", "\\u003c"),
    }
    # In one pass: what stands in a slot is not looked at again.
    return _SLOT.sub(lambda match: slots[match[1]], _asset("page.html"))


def _asset(name: str) -> str:
    with open(os.path.join(_FOLDER, name), encoding="utf-8") as file:
        return file.read()


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
