"""A notebook, run without Jupyter: its cells in order, and what the last line of each shows."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_SHOWN_BY = ("_repr_png_", "_repr_html_", "__repr__")  # what a notebook asks for, richest first


def run_notebook(path: Path, replaced: Mapping[str, str]) -> tuple[dict[str, Any], list[Any]]:
    """The names that are left in the end, and the value of each cell that ends in one.

    ``replaced`` are parts of the text that are there once, and what is run instead.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    values = []
    text = path.read_text("utf-8")
    for old, new in replaced.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    for cell in json.loads(text)["cells"]:
        if cell["cell_type"] == "code":
            value = _run("".join(cell["source"]), names, f"{path.name}, {cell['id']}")
            if value is not None:
                show = next(getattr(value, name) for name in _SHOWN_BY if hasattr(value, name))
                assert show()
                values.append(value)
    return names, values


def _run(source: str, names: dict[str, Any], where: str) -> Any:
    """Run a cell without its magics; its value if it ends in an expression."""
    lines = [line for line in source.splitlines() if not line.startswith(("%", "!"))]
    module = ast.parse("\n".join(lines), where)
    last = module.body.pop() if module.body and isinstance(module.body[-1], ast.Expr) else None
    exec(compile(module, where, "exec"), names)
    if not isinstance(last, ast.Expr):
        return None
    return eval(compile(ast.Expression(last.value), where, "eval"), names)
