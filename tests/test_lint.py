"""What ``tox -e lint`` holds: which way rooms import, and how long functions and modules are."""

from __future__ import annotations

import ast
import configparser
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.paths import CHECKOUT, TESTS

CONTRACT = CHECKOUT / ".importlinter"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A package with all rooms of bench, and nothing in them."""
    contract = configparser.ConfigParser()
    contract.read_string(CONTRACT.read_text())
    contract.remove_section("importlinter:contract:cityscapes")  # of modules that are not here
    with (tmp_path / ".importlinter").open("w") as file:
        contract.write(file)
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "__init__.py").touch()
    for room in contract["importlinter:contract:rooms"]["layers"].replace("|", "\n").split():
        (tmp_path / "bench" / f"{room}.py").touch()
    return tmp_path


def contract_on(tree: Path) -> subprocess.CompletedProcess[str]:
    pytest.importorskip("importlinter")
    script = "from importlinter.cli import lint_imports_command as lint; lint(['--no-cache'])"
    environment = os.environ | {"PYTHONPATH": str(tree), "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-c", script], cwd=tree, env=environment, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("importing", "imported", "allowed"),
    [("report", "store", True), ("store", "report", False), ("gate", "training", False)],
)
def test_rooms_import_downwards_only(
    tree: Path, importing: str, imported: str, allowed: bool
) -> None:
    (tree / "bench" / f"{importing}.py").write_text(f"from bench import {imported}\n")
    ran = contract_on(tree)
    assert (ran.returncode == 0) is allowed, ran.stdout + ran.stderr
    assert (f"bench.{importing} -> bench.{imported}" in ran.stdout) is not allowed


def test_a_new_room_needs_its_place(tree: Path) -> None:
    (tree / "bench" / "attic.py").touch()
    ran = contract_on(tree)
    assert ran.returncode != 0
    assert "attic" in ran.stdout


@pytest.fixture(scope="module")
def code_size() -> dict[str, Any]:
    return runpy.run_path(str(CHECKOUT / "tools" / "code_size.py"))


def test_only_code_is_counted(code_size: dict[str, Any]) -> None:
    text = '''"""A module.

With more to say.
"""

# why
A = """two
lines"""  # of a value


def f() -> None:
    """Of one line."""

    return None
'''
    assert code_size["code_lines"](text) == 4


def test_long_functions_and_modules_are_named(code_size: dict[str, Any]) -> None:
    def problems(statements: int, blank: int = 0) -> list[str]:
        text = "def f():\n" + "    pass\n" * statements + "\n" * blank
        return list(code_size["too_long"]("bench/a.py", text))

    assert problems(59) == []
    assert len(problems(60)) == 1 and "bench/a.py:1: f: 61 lines" in problems(60)[0]
    assert problems(59, blank=340) == []
    assert len(problems(59, blank=341)) == 1 and "bench/a.py: 401 lines" in problems(59, 341)[0]


def test_tests_share_helpers_and_import_no_tests() -> None:
    tests = {path.stem: path for path in TESTS.rglob("test_*.py")}
    imported = {
        (path.name, name.split(".")[-1])
        for path in TESTS.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in [*[alias.name for alias in node.names], getattr(node, "module", None) or ""]
    }
    assert len(tests) > 70
    assert [(path, name) for path, name in imported if name in tests or name == "conftest"] == []
