"""The page as one file: markup, style, script, figures and pictures."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any

HERE = Path(__file__).parent
# One script, in this order; only the last one runs anything.
SCRIPTS = (
    *("elements.js", "choices.js", "scales.js", "chart.js", "saving.js", "curves.js", "times.js"),
    *("deltas.js", "gallery.js", "address.js", "provenance.js", "start.js"),
)


def page(figures: dict[str, Any], pictures: Sequence[bytes]) -> str:
    """The page's text. Pictures come last, so that the rest is shown before they are read."""
    style, script = _file("page.css"), "\n".join(map(_file, SCRIPTS))
    script = f'"use strict";\n(() => {{\n{script}}})();\n'
    parts = {
        "policy": _policy(style, script),
        "style": style,
        "figures": _json(figures),
        "script": script,
        "pictures": "\n".join(
            f'<script type="text/plain" id="picture-{number}">{_text(picture)}</script>'
            for number, picture in enumerate(pictures)
        ),
    }
    return Template(_file("page.html")).substitute(parts)


def _policy(style: str, script: str) -> str:
    """Only this file's own style and script are allowed, and no access to the network."""
    return (
        f"default-src 'none'; img-src data: blob:; style-src '{_hash(style)}'; "
        f"script-src '{_hash(script)}'"
    )


def _hash(text: str) -> str:
    return f"sha256-{_text(hashlib.sha256(text.encode()).digest())}"


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _json(content: Any) -> str:
    """JSON that cannot end the element that contains it, whatever names it holds."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.translate({ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"})


def _file(name: str) -> str:
    return (HERE / name).read_text("utf-8")
