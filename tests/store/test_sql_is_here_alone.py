"""The store owns its schema: whoever else wants something of it asks by a function."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import bench

PACKAGE = Path(bench.__file__).parent
TESTS = Path(__file__).parents[1]
SQL = re.compile(
    r"\bSELECT\b.*\bFROM\b|\bINSERT\b.*\bINTO\b|\bUPDATE\b.*\bSET\b|\bDELETE\s+FROM\b"
    r"|\b(?:CREATE|ALTER|DROP)\s+(?:TABLE|INDEX)\b|\bPRAGMA\b|\bBEGIN\s+IMMEDIATE\b",
    re.DOTALL,
)
DRIVER = "sqlite" + "3"


def speaks_sql(file: Path) -> bool:
    """Whether it names the driver, or one of its strings is a statement."""
    source = file.read_text("utf-8")
    return DRIVER in source or any(map(SQL.search, strings(ast.parse(source))))


def strings(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield " ".join(part.value for part in node.values if isinstance(part, ast.Constant))


@pytest.mark.slow
def test_sql_is_in_the_store_alone() -> None:
    speaking = {
        file for root in (PACKAGE, TESTS) for file in root.rglob("*.py") if speaks_sql(file)
    }
    assert speaking == {
        PACKAGE / "store" / f"{name}.py" for name in ("database", "reader", "schema", "writer")
    }
