"""What a command costs before it does anything."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from support.paths import CHECKOUT

import bench
from bench.runtime.machine import this_machine

DATE = r"\d{4}-\d\d-\d\d"
HEAVY = {"torch", "pandas", "matplotlib", "scipy", "numpy", "PIL", "rich"}


def imported(arguments: list[str]) -> set[str]:
    """The top-level modules that a command has imported at its end."""
    script = (
        "import sys, json\n"
        "from bench.__main__ import status\n"
        f"status({arguments!r})\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "arguments", [["--help"], ["run", "--help"], ["predict", "--help"], ["--version"]]
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    assert not imported(arguments) & HEAVY


@pytest.mark.parametrize("arguments", [["list"], ["show", "jpeg"], ["bd", "a.csv", "b.csv"]])
def test_small_commands_need_no_plotting_and_no_pandas(arguments: list[str]) -> None:
    for name in ("a.csv", "b.csv"):
        Path(name).write_text("bpp,psnr\n0.1,30\n0.2,32\n0.4,34\n0.8,36\n")
    assert not imported(arguments) & {"torch", "pandas", "matplotlib", "scipy"}


def test_each_command_explains_itself() -> None:
    from bench.cli.main import cli

    for name, command in cli.commands.items():
        assert command.get_short_help_str(), name
        for parameter in command.params:
            assert (
                getattr(parameter, "help", None)
                or parameter.param_type_name == "argument"
                or (parameter.name == "codec")
            ), f"{name} {parameter.name}"


def test_the_test_command_of_the_readme_is_what_ci_runs() -> None:
    ci = CHECKOUT / ".ci" / "run"
    if not ci.is_file():
        pytest.skip("not in a checkout")
    command = ci.read_text().splitlines()[-1]
    assert f"    {command}\n" in (CHECKOUT / "README.md").read_text()


def test_the_version_is_said_once() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    assert "version" in project["dynamic"] and "version" not in project
    number, _, unreleased = bench.__version__.partition(".dev")
    newest = next(
        line
        for line in (CHECKOUT / "CHANGELOG.md").read_text().splitlines()
        if line.startswith("## ")
    )
    assert re.fullmatch(rf"## {number}, {'unreleased' if unreleased else DATE}", newest)


def test_the_citation_is_of_the_newest_release() -> None:
    cited = (CHECKOUT / "CITATION.cff").read_text()
    number = re.search("^version: (.*)$", cited, re.M)
    date = re.search("^date-released: (.*)$", cited, re.M)
    changes = (CHECKOUT / "CHANGELOG.md").read_text()
    assert number and date
    assert f"{number[1]}, {date[1]}" == re.findall(rf"^## (.*, {DATE})$", changes, re.M)[0]


def test_the_version_printed_and_recorded_is_that_of_the_package() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "bench", "--version"], capture_output=True, text=True, check=True
    )
    assert printed.stdout == f"bench {bench.__version__}\n"
    assert this_machine()["bench"] == bench.__version__
