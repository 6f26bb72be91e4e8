"""What tests share: small pictures, a place of their own, and the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from adversary.attack import Figures, table
from fakes.task import RedThings, red_cityscapes
from PIL import Image
from support.command import Bench, Said
from support.pictures import Pictures, picture

from bench.__main__ import status
from bench.tasks.task import TASKS


def pytest_addoption(parser: pytest.Parser) -> None:
    adversary = parser.getgroup("adversary", "tests/adversary: hostile input, kills, small limits")
    adversary.addoption("--rounds", type=int, default=3, help="Attacks of each kind. [default: 3]")
    adversary.addoption("--seed", type=int, default=2022, help="Of all chance in them.")


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Figures:
    """Where the adversary's tests write down what they tried and what came out."""
    option = request.config.getoption
    return Figures(option("--seed"), option("--rounds"), request.node.user_properties.append)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    lines = [
        line
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, line in getattr(report, "user_properties", ())
        if name == "adversary" and report.when == "call"
    ]
    if lines:
        seed, rounds = config.getoption("--seed"), config.getoption("--rounds")
        terminalreporter.section(f"adversary, --seed {seed} --rounds {rounds}")
        for line in table(lines):
            terminalreporter.line(line)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scenes are rendered once for all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _away_from_home(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes what is the user's."""
    monkeypatch.setenv("BENCH_CACHE", str(cache))
    monkeypatch.setenv("BENCH_CONFIG", str(tmp_path / "no-such-config.toml"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "no-such-data"))
    monkeypatch.delenv("CITYSCAPES_DATASET", raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def bench(capsys: pytest.CaptureFixture[str]) -> Bench:
    """Run ``bench`` with these arguments."""

    def run(*arguments: object) -> Said:
        capsys.readouterr()
        number = status([str(argument) for argument in arguments])
        return Said(number, *capsys.readouterr())

    return run


@pytest.fixture
def pictures(tmp_path: Path) -> Pictures:
    """A folder of so many different small pictures."""

    def make(count: int = 2, width: int = 48, height: int = 32, name: str = "pictures") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for index in range(count):
            Image.fromarray(picture(index, width, height)).save(folder / f"{index:02d}.png")
        return folder

    return make


@pytest.fixture
def red(monkeypatch: pytest.MonkeyPatch) -> RedThings:
    task = RedThings()
    monkeypatch.setitem(TASKS.own, task.name, lambda weights: task)
    return task


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return red_cityscapes(tmp_path / "cityscapes")
