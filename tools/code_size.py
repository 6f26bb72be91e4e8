"""Count the lines of code of ``bench/``, and check that nothing in it is too long.

    python tools/code_size.py             lines of code
    python tools/code_size.py REVISION    the same, beside those at an earlier commit
    python tools/code_size.py --check     fail where a function or a module is too long

Comments, docstrings and blank lines are not counted. The scene renderer is counted separately.
"""

from __future__ import annotations

import argparse
import ast
import io
import subprocess
import sys
import tarfile
import tokenize
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
RENDERER = "bench/datasets/toyscapes/"
FUNCTION_LINES, MODULE_LINES = 60, 400
_LAYOUT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}

Sources = dict[str, str]  # text by path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("revision", nargs="?", help="an earlier commit to compare with")
    parser.add_argument("--check", action="store_true", help="check the limits instead")
    arguments = parser.parse_args()
    sources = files_in(CHECKOUT)
    if arguments.check:
        found = [problem for path, text in sources.items() for problem in too_long(path, text)]
        print(*found, sep="\n", end="\n" * bool(found))
        return bool(found)
    print(f"working tree: {summary(sources)}")
    if arguments.revision:
        print(f"{arguments.revision}: {summary(files_at(arguments.revision))}")
    return 0


def files_in(root: Path) -> Sources:
    paths = sorted((root / "bench").rglob("*.py"))
    return {path.relative_to(root).as_posix(): path.read_text("utf-8") for path in paths}


def files_at(revision: str) -> Sources:
    command = ["git", "archive", revision, "bench"]
    archive = subprocess.run(command, cwd=CHECKOUT, check=True, stdout=subprocess.PIPE).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        return {
            member.name: content.read().decode("utf-8")
            for member in files
            if member.name.endswith(".py") and (content := files.extractfile(member))
        }


def summary(sources: Sources) -> str:
    lines = {path: code_lines(text) for path, text in sources.items()}
    renderer = sum(count for path, count in lines.items() if path.startswith(RENDERER))
    return f"{sum(lines.values()) - renderer} lines of code, and {renderer} of the scene renderer"


def code_lines(text: str) -> int:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    lines = {
        line
        for token in tokens
        if token.type not in _LAYOUT
        for line in range(token.start[0], token.end[0] + 1)
    }
    return len(lines - _docstring_lines(ast.parse(text)))


def _docstring_lines(tree: ast.AST) -> set[int]:
    return {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }


def too_long(path: str, text: str) -> Iterator[str]:
    """What of a module exceeds a limit: where, how long, and how long it may be."""
    if (length := len(text.splitlines())) > MODULE_LINES:
        yield f"{path}: {length} lines, more than {MODULE_LINES}; split the module"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                where = f"{path}:{node.lineno}: {node.name}"
                yield f"{where}: {length} lines, more than {FUNCTION_LINES}; split the function"


if __name__ == "__main__":
    sys.exit(main())
