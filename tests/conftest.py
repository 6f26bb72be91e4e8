"""What tests share: small pictures, a place of their own, and the command line."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from adversary.attack import Figures, table
from fakes.task import RedThings, red_cityscapes
from support.command import Bench, run_bench
from support.pictures import Pictures, write_pictures

from bench import api
from bench.tasks.task import TASKS


def pytest_addoption(parser: pytest.Parser) -> None:
    adversary = parser.getgroup("adversary", "tests/adversary: hostile input, kills, small limits")
    adversary.addoption("--rounds", type=int, default=3, help="Attacks of each kind. [default: 3]")
    adversary.addoption("--seed", type=int, default=2022, help="Of all chance in them.")


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Figures:
    """Where the adversary's tests record what they tried, and the outcomes."""
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


@pytest.fixture(scope="session", autouse=True)
def _away_from_home(cache: Path) -> Iterator[None]:
    """No test reads or writes what is the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_CACHE", str(cache))
        patch.setenv("BENCH_CONFIG", str(cache / "no-such-config.toml"))
        patch.setenv("XDG_DATA_HOME", str(cache / "no-such-data"))
        patch.delenv("CITYSCAPES_DATASET", raising=False)
        patch.setenv("COLUMNS", "120")
        yield


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def bench() -> Bench:
    return run_bench


@pytest.fixture
def pictures(tmp_path: Path) -> Pictures:
    """A folder of so many different small pictures."""

    def make(count: int = 2, width: int = 48, height: int = 32, name: str = "pictures") -> Path:
        return write_pictures(tmp_path / name, count, width, height)

    return make


@pytest.fixture
def red(monkeypatch: pytest.MonkeyPatch) -> RedThings:
    task = RedThings()
    monkeypatch.setitem(TASKS.own, task.name, lambda weights: task)
    return task


@pytest.fixture(scope="session")
def _red_cityscapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return red_cityscapes(tmp_path_factory.mktemp("red") / "cityscapes")


@pytest.fixture
def root(_red_cityscapes: Path, tmp_path: Path) -> Path:
    """Cityscapes of red cars, the test's own copy."""
    return shutil.copytree(_red_cityscapes, tmp_path / "cityscapes")


@pytest.fixture(scope="session")
def red_sweep(_red_cityscapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``bench-results`` of two codecs on these cars, and ``decoded`` pictures."""
    folder = tmp_path_factory.mktemp("red-sweep")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TASKS.own, RedThings.name, lambda weights: RedThings())
        api.run(
            ["jpeg", "jpeg2000"],
            data="cityscapes",
            root=_red_cityscapes,
            metrics=["psnr_rgb"],
            tasks=[RedThings.name],
            anchor="jpeg",
            results=folder / api.RESULTS,
            save_decoded=folder / "decoded",
        )
    return folder


@pytest.fixture
def red_results(red_sweep: Path, red: RedThings) -> Path:
    """The test's own copy of this sweep's results, where commands look for them."""
    return Path(shutil.copytree(red_sweep / api.RESULTS, api.RESULTS))
