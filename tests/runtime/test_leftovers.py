"""What a killed process leaves behind goes away; what belongs to anyone else stays."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from support.command import Bench
from support.pictures import Pictures

from bench.runtime import leftovers
from bench.runtime.files import replacing, write_text
from bench.runtime.leftovers import remove_leftovers, temporary_name

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's /proc")

LEAVE = """
import sys, os
from pathlib import Path
from bench.runtime.files import replacing
from bench.runtime.programs import workspace
with replacing(Path("kept/a.json")) as temporary, workspace() as folder:
    temporary.write_text("half")
    (folder / "input.yuv").write_text("half")
    print("ready", flush=True)
    sys.stdin.read()
    os._exit(9)
"""


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders go."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    (tmp_path / "kept").mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr("bench.runtime.files._tidied", set())
    return folder


def others(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def leave() -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", LEAVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout and process.stdout.readline() == b"ready\n"
    return process


def test_what_a_killed_process_left_is_removed(
    bench: Bench, pictures: Pictures, scratch: Path
) -> None:
    process = leave()
    assert len(others(scratch)) == len(others(Path("kept"))) == 1
    command = ("run", "--codec", "jpeg", "--data", pictures(1), "--metric", "bpp")
    assert bench(*command, "--results", "kept").status == 0
    write_text(Path("kept/b.json"), "")
    assert len(others(scratch)) == 1  # its process lives
    assert [path.suffix for path in Path("kept").glob(".bench-*")] == [".json"]
    process.kill()
    process.communicate()
    # The same process may run one sweep after the other, as a notebook does.
    assert bench(*command, "--results", "kept").status == 0
    write_text(Path("kept/b.json"), "")
    assert others(scratch) == list(Path("kept").glob(".bench-*")) == []
    assert Path("kept/store.sqlite").is_file()


def test_what_is_not_ours_or_not_dead_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = temporary_name()
    place, pid, began = re.fullmatch(r"bench-(\w+)-(\w+)-(\w+)-", mine).groups()  # type: ignore[union-attr]
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead = f"bench-{place}-{ended.pid:x}-{began}-x"
    reused = f"bench-{place}-{pid}-{int(began, 16) - 1:x}-x"
    stay = [
        f"{mine}x",
        dead.replace(place, "0123abcd"),  # of another host, or of another boot
        dead.replace(place, "0" * 8),  # of a host that does not tell
        "bench-abcdefgh",
        "bench-results",
        f"a-{dead}",
    ]
    for name in [*stay, dead, reused]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").touch()
    (tmp_path / f"{dead}2").symlink_to(tmp_path / "elsewhere")
    with monkeypatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: 12345)  # another user's
        remove_leftovers(tmp_path)
        assert (tmp_path / dead).exists()
    with monkeypatch.context() as patch:
        patch.setattr(leftovers, "_place", lambda: None)
        remove_leftovers(tmp_path)
        assert (tmp_path / dead).exists()
    remove_leftovers(tmp_path)
    assert {path.name for path in others(tmp_path)} == {*stay, "elsewhere"}
    assert (tmp_path / "elsewhere" / "file").exists()


def test_a_process_that_cannot_be_looked_up_is_not_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where no more files can be opened."""
    name = temporary_name().replace(f"-{os.getpid():x}-", "-7fffffff-")
    (tmp_path / f"{name}x").touch()

    def too_many(path: Path) -> bytes:
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", too_many)
        remove_leftovers(tmp_path)
    assert len(others(tmp_path)) == 1
    remove_leftovers(tmp_path)
    assert others(tmp_path) == []


def test_a_long_name_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 250 + ".json")
    write_text(path, "all")
    with replacing(path) as temporary:
        assert temporary.suffix == ".json"
        temporary.write_text("later")
    assert path.read_text() == "later"
