"""What programs are known by: nothing that decides their output changes unnoticed."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import imageio_ffmpeg
import pytest
from rich.console import Console
from support.command import Bench
from support.pictures import Pictures

from bench import api
from bench.cli import progress
from bench.commands.doctor import doctor
from bench.errors import CodecError
from bench.runtime import ffmpeg
from bench.runtime.executables import LIBRARIES, SCRIPT, look_at
from bench.sweep.outcome import Watcher
from bench.sweep.plan import Plan

QUICK = {"metrics": ["bpp"], "tasks": ["none"]}
WHEEL = Path(imageio_ffmpeg.get_ffmpeg_exe())
MAIN = '#include <stdio.h>\nint answer(void);\nint main() { printf("%d\\n", answer()); }\n'


def write_wrapper(path: Path, inner: Path, more: str = "") -> Path:
    path.write_text(f'#!/bin/sh\n{more}\nexec "{inner}" "$@"\n')
    path.chmod(0o755)
    return path


def test_the_wheel_s_ffmpeg_is_known_by_its_file_alone() -> None:
    assert ffmpeg.digest() == hashlib.sha256(WHEEL.read_bytes()).hexdigest()
    assert ffmpeg.remark() is None


def test_what_a_wrapper_starts_is_part_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "inner"
    inner.symlink_to(WHEEL)
    wrapper = write_wrapper(tmp_path / "ffmpeg", inner)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(wrapper))
    before = ffmpeg.digest()
    assert ffmpeg.digest() == before
    inner.unlink()
    shutil.copy(WHEEL, inner)
    with inner.open("ab") as file:
        file.write(b"another build of the same version")
    assert ffmpeg.digest() != before


def test_another_version_behind_a_wrapper_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where the wrapper does not say what it starts."""
    for number in "12":
        folder = tmp_path / number
        folder.mkdir()
        write_wrapper(folder / "hidden", WHEEL, f"echo ffmpeg version {number}")
    wrapper = tmp_path / "ffmpeg"
    wrapper.write_text('#!/bin/sh\nexec hidden "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(wrapper))
    digests = []
    for number in "12":
        monkeypatch.setenv("PATH", f"{tmp_path / number}{os.pathsep}/usr/bin{os.pathsep}/bin")
        ffmpeg._looked_at.clear()  # as a new process would begin
        ffmpeg._printed.cache_clear()
        ffmpeg._digest_with_version.cache_clear()
        digests.append(ffmpeg.digest())
    assert digests[0] != digests[1]


def test_what_may_change_unnoticed_is_told(
    bench: Bench, pictures: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrapper = write_wrapper(tmp_path / "ffmpeg", WHEEL)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(wrapper))
    (found,) = [check for check in doctor() if check.name == "ffmpeg"]
    assert found.ok
    assert SCRIPT in str(found.advice)
    result = bench(
        *("run", "--codec", "jpeg", "--data", pictures(1), "--metric", "bpp", "--task", "none")
    )
    assert SCRIPT in " ".join(result.err.split())


def test_ffmpeg_replaced_between_two_runs_codes_under_another_name(
    pictures: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrapper = write_wrapper(tmp_path / "ffmpeg", WHEEL)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(wrapper))
    folder = str(pictures(1))
    options = {"data": folder, "points": ["37"], **QUICK}
    first = api.run(["x265"], **options)  # type: ignore[arg-type]
    again = api.run(["x265"], **options)  # type: ignore[arg-type]
    write_wrapper(wrapper, WHEEL, "# another")
    other = api.run(["x265"], **options)  # type: ignore[arg-type]
    encoded = [outcome.encoded.total() for outcome in (first.outcome, again.outcome, other.outcome)]
    assert encoded == [1, 0, 1]


def test_ffmpeg_replaced_in_a_run_does_not_code_under_the_old_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrapper = write_wrapper(tmp_path / "ffmpeg", WHEEL)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(wrapper))
    before = ffmpeg.digest()
    assert ffmpeg.run_ffmpeg(["-version"]).stdout
    write_wrapper(wrapper, WHEEL, "# another")
    with pytest.raises(CodecError, match="was replaced"):
        ffmpeg.run_ffmpeg(["-version"])
    assert ffmpeg.digest() != before
    assert ffmpeg.run_ffmpeg(["-version"]).stdout


def test_ffmpeg_replaced_after_planning_is_not_used(
    bench: Bench, pictures: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it was looked at again meanwhile, as for the plan that is printed."""
    wrapper = write_wrapper(tmp_path / "ffmpeg", WHEEL)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(wrapper))

    def replace(console: Console) -> AbstractContextManager[Watcher]:
        def planned(plan: Plan) -> None:
            write_wrapper(wrapper, WHEEL, "# another")
            assert ffmpeg.remark()

        return nullcontext(Watcher(planned=planned))

    monkeypatch.setattr(progress, "progress_watcher", replace)
    metrics = ("--metric", "vmaf", "--task", "none")
    for codec, point in (("x265", "37"), ("jpeg", "50")):
        write_wrapper(wrapper, WHEEL)
        data = pictures(1, 256, 192, name=codec)
        result = bench("run", "--codec", codec, "--data", data, "--points", point, *metrics)
        assert result.status == 1
        assert "was replaced" in " ".join(result.out.split())  # the path is long


@pytest.fixture
def compiled(tmp_path: Path) -> Path:
    """A program that loads a library of its own."""
    if shutil.which("cc") is None or shutil.which("ldd") is None:
        pytest.skip("no C compiler, or no ldd")
    (tmp_path / "main.c").write_text(MAIN)
    compile_library(tmp_path, 1)
    command = ["cc", "main.c", "-o", "program", "-L.", "-lanswer", f"-Wl,-rpath,{tmp_path}"]
    subprocess.run(command, cwd=tmp_path, check=True)
    return tmp_path / "program"


def compile_library(folder: Path, answer: int) -> None:
    (folder / "answer.c").write_text(f"int answer(void) {{ return {answer}; }}\n")
    command = ["cc", "-shared", "-fPIC", "answer.c", "-o", "libanswer.so"]
    subprocess.run(command, cwd=folder, check=True)


def test_libraries_are_part_of_a_program(compiled: Path) -> None:
    before = look_at(compiled)
    assert (before.alone, before.unknown, before.changed) == (False, "", False)
    compile_library(compiled.parent, 2)
    assert before.changed
    assert look_at(compiled).digest != before.digest


def test_the_runtime_is_none_of_a_program_s(tmp_path: Path) -> None:
    """Or what VTM took days for would be done again after each update of the system."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    (tmp_path / "main.c").write_text(MAIN + "int answer(void) { return 1; }\n")
    subprocess.run(["cc", "main.c", "-o", "program"], cwd=tmp_path, check=True)
    program = look_at(tmp_path / "program")
    assert program.alone
    assert program.digest == hashlib.sha256(program.path.read_bytes()).hexdigest()


@pytest.mark.parametrize("rest", [b"", b"\x02\x01" + b"\xff" * 90, b"\x01\x01" + bytes(90)])
def test_a_damaged_program_is_its_file(tmp_path: Path, rest: bytes) -> None:
    path = tmp_path / "program"
    path.write_bytes(b"\x7fELF" + rest)
    assert look_at(path).digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_libraries_that_cannot_be_listed_are_unknown(
    compiled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert look_at(compiled).unknown == LIBRARIES
    monkeypatch.undo()
    (compiled.parent / "libanswer.so").unlink()
    assert look_at(compiled).unknown == LIBRARIES
