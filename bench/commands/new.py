"""Writes a plug-in or a settings file to start from: a copy of an example under another name."""

from __future__ import annotations

import re
import shutil
from collections.abc import Container, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from bench.codecs.catalog import FAMILIES, card_paths
from bench.commands.arguments import accepts_text
from bench.datasets import DATASETS
from bench.errors import BenchError
from bench.metrics import METRICS
from bench.runtime.content import content_folder
from bench.runtime.files import describe_write_errors, write_text
from bench.tasks.task import ALL, NONE, TASKS

Kind = Literal["codec", "family", "task", "dataset", "metric", "report", "gate"]


@dataclass(frozen=True)
class _Example:
    """An example of ``examples/KIND``, and the commands that try it; {} stands for its name."""

    name: str
    commands: tuple[str, ...]


_RUN = "bench run --codec jpeg --codec webp --limit 2"
_INSTALL = "pip install --editable ./{}"
_EXAMPLES: dict[str, _Example] = {
    "codec": _Example(
        "coarse-steps",
        ("bench show ./{}.toml", "bench run --codec ./{}.toml --codec jpeg --limit 2 --task none"),
    ),
    "family": _Example(
        "colour-mosaic",
        (
            _INSTALL,
            "bench show ./{}/{}.toml",
            "bench run --codec ./{}/{}.toml --codec jpeg --limit 2 --task none",
        ),
    ),
    "task": _Example("red-cars", (_INSTALL, "bench show {}", f"{_RUN} --task {{}}")),
    "dataset": _Example("drawn-shapes", (_INSTALL, "bench show {}", f"{_RUN} --data {{}}")),
    "metric": _Example(
        "mean-error", (_INSTALL, "bench show {}", f"{_RUN} --task none --metric {{}}")
    ),
    "report": _Example(
        "three-formats",
        (
            "bench run --codec jpeg --codec webp --codec jpeg2000 --limit 2",
            "bench report ./{}.toml",
        ),
    ),
    "gate": _Example("no-regressions", ("bench check {}.toml --record", "bench check {}.toml")),
}


@dataclass(frozen=True)
class New:
    """What was written, and the commands that try it."""

    files: tuple[Path, ...]
    commands: tuple[str, ...]


@accepts_text
def new(kind: Kind, name: str, folder: Path = Path()) -> New:
    """Write a working codec, family, task, data set, metric, report or gate of that name.

    A codec, a report and a gate are files in the folder, the others packages to install.
    """
    example = _EXAMPLES[kind]
    _check_name(kind, name)
    source = content_folder("examples") / kind
    files = {
        path: folder / _renamed(str(path.relative_to(source)), example.name, name)
        for path in sorted(_files(source))
    }
    if there := [target for target in files.values() if target.exists()]:
        raise BenchError(f"{there[0]}: exists already; choose another name")
    for path, target in files.items():
        with describe_write_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            write_text(target, _renamed(path.read_text("utf-8"), example.name, name))
            shutil.copymode(path, target)  # a program can be run
    commands = tuple(command.replace("{}", name) for command in example.commands)
    return New(tuple(files.values()), commands)


def _files(folder: Path) -> Iterator[Path]:
    """What belongs to an example, without what running it leaves."""
    for path in folder.rglob("*"):
        if path.suffix in (".py", ".toml") and path.is_file():
            yield path


def _check_name(kind: str, name: str) -> None:
    if not re.fullmatch("[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise BenchError(f"new {kind} '{name}': expected a name such as my-{kind}")
    taken: dict[str, Container[str]] = {
        "codec": card_paths(),
        "family": [*FAMILIES, *card_paths()],
        "task": [*TASKS, ALL, NONE],
        "dataset": DATASETS,
        "metric": METRICS,
    }
    if name in taken.get(kind, ()):
        raise BenchError(f"new {kind} '{name}': there is one of that name; choose another")
    module = name.replace("-", "_")
    if kind in ("family", "task", "dataset", "metric") and find_spec(module) is not None:
        raise BenchError(f"new {kind} '{name}': Python has a module {module}; choose another name")


def _renamed(text: str, old: str, new: str) -> str:
    """The text with the name of an example replaced, also as a module's and as a class's."""
    spellings = dict(zip(_spellings(old), _spellings(new), strict=True))
    return re.sub("|".join(spellings), lambda found: spellings[found[0]], text)


def _spellings(name: str) -> tuple[str, str, str]:
    return name, name.replace("-", "_"), "".join(map(str.capitalize, name.split("-")))
