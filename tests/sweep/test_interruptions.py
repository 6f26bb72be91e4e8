"""Whatever stops a sweep: what was measured is kept, and going on gives the same figures."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path

import pandas
import pytest
from support.command import Bench
from support.pictures import Pictures
from support.records import records

from bench import api
from bench.runtime.files import replacing

METRICS = ("--metric", "psnr_rgb", "--metric", "psnr_y", "--metric", "vmaf")


def start(*arguments: object, script: Path | None = None) -> subprocess.Popen[str]:
    program = [str(script)] if script else ["-m", "bench"]
    return subprocess.Popen(
        [sys.executable, *program, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Whoever started the tests in the background has Ctrl-C ignored, and so would they.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_at_once_and_keeps_all(
    bench: Bench, pictures: Pictures, number: signal.Signals
) -> None:
    folder = pictures(4, 256, 192)
    sweep = start("run", "--codec", "vvenc", "--data", folder, *METRICS)
    store = Path("bench-results/streams")
    deadline = time.monotonic() + 60
    while not list(store.rglob("??*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1)
    sweep.send_signal(number)
    message = time.monotonic()
    try:
        _, err = sweep.communicate(timeout=20)
    finally:
        sweep.kill()
        sweep.communicate()
    assert time.monotonic() - message < 3
    assert sweep.returncode == 128 + number
    assert "Traceback" not in err
    last = err.strip().splitlines()[-1]
    assert last.startswith("bench: ") and "the same command" in last
    assert len(records(bench, "bench-results")) > 0


# Workers that do not hear that they are to stop: one hangs in a read, one is deep in a network.
_DEAF = {
    "read": "open({pipe!r}).read()",
    "torch": "import torch\n    while True: torch.rand(900, 900) @ torch.rand(900, 900)",
}


@pytest.mark.slow
@pytest.mark.parametrize("deaf", _DEAF)
@pytest.mark.parametrize("signals", [[signal.SIGTERM], [signal.SIGINT] * 2], ids=["TERM", "2xINT"])
def test_a_worker_that_does_not_end_is_left(
    bench: Bench, pictures: Pictures, tmp_path: Path, deaf: str, signals: list[signal.Signals]
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    script = tmp_path / "deaf.py"
    script.write_text(
        "from pathlib import Path\nfrom bench.__main__ import main\n"
        "from bench.codecs.families.pillow import PillowCodec\nworks = PillowCodec.encode\n"
        "def encode(codec, image, point):\n"
        "    if point == 5: return works(codec, image, point)\n"
        "    Path('reached').touch()\n"
        f"    {_DEAF[deaf].format(pipe=str(pipe))}\n"
        "PillowCodec.encode = encode\nmain()\n"
    )
    command = ["run", "--codec", "jpeg", "--points", "5,50", "--data", pictures(2), "--jobs", "2"]
    sweep = start(*command, "--metric", "psnr_rgb", script=script)
    try:
        deadline = time.monotonic() + 60
        while not Path("reached").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(1.5)
        for number in signals:
            sweep.send_signal(number)
        message = time.monotonic()
        _, err = sweep.communicate(timeout=30)
    finally:
        sweep.kill()
        sweep.communicate()
    assert time.monotonic() - message < 8
    assert sweep.returncode == 128 + signals[0]
    assert [line for line in err.splitlines() if line.startswith("bench: ")] == err.splitlines()[
        -1:
    ]
    assert "Traceback" not in err and "terminate called" not in err
    assert len(records(bench, "bench-results")) == 2  # what was finished is kept


def test_a_signal_before_the_command_is_there(tmp_path: Path) -> None:
    """Ctrl-C while the first libraries are being imported."""
    (tmp_path / "click.py").write_text(
        "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(9)\n"
    )
    script = tmp_path / "early.py"
    script.write_text("from bench.__main__ import main\nmain()\n")
    sweep = start("list", script=script)
    _, err = sweep.communicate(timeout=30)
    assert (sweep.returncode, err) == (130, "bench: stopped\n")


def test_what_keeps_nothing_does_not_say_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def halted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "codecs", halted)
    result = bench("list")
    assert result.status == 130
    assert result.err.strip() == "bench: stopped"


@pytest.mark.slow
def test_two_sweeps_at_once(bench: Bench, pictures: Pictures) -> None:
    folder = pictures(8, 64, 48)
    command = ["run", "--codec", "jpeg", "--codec", "x265", "--data", folder, *METRICS]
    both = [start(*command), start(*command)]
    for sweep in both:
        _, err = sweep.communicate(timeout=120)
        assert sweep.returncode == 0, err
    assert bench(*command, "--results", "alone").status == 0
    together, alone = records(bench, "bench-results"), records(bench, "alone")
    pandas.testing.assert_frame_equal(together, alone, check_exact=True)


def test_a_report_right_after_a_kill(bench: Bench, pictures: Pictures) -> None:
    bench("run", "--codec", "jpeg", "--data", pictures(), "--metric", "psnr_rgb")
    before = bench("report", "--metric", "psnr_rgb")
    store = Path("bench-results/store.sqlite")
    size = store.stat().st_size
    half_way = """
import os
from pathlib import Path
from bench.store import StoreWriter
from bench.store import rows

with StoreWriter(Path("bench-results")) as store, store.write_transaction():
    store.put(*(row._replace(bytes=1) for row in store.select(rows.Stream)))
    store.put(*[rows.Run(rows.NEW, "", "x" * 999, "")] * 5000)  # more than is held in memory
    os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", half_way], check=False)
    assert store.with_name("store.sqlite-journal").exists()
    assert store.stat().st_size > size
    assert bench("report", "--metric", "psnr_rgb") == before


def test_no_space_left_for_a_stream(
    bench: Bench, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["run", "--codec", "jpeg", "--data", pictures(2), "--metric", "psnr_rgb"]
    written = 0

    def full_after_three(path: Path) -> AbstractContextManager[Path]:
        nonlocal written
        written += 1
        if written > 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        return replacing(path)

    with monkeypatch.context() as patch:
        patch.setattr("bench.store.writer.replacing", full_after_three)
        result = bench(*command)
    assert result.status == 1
    assert "No space left" in result.err
    assert result.err.splitlines()[-1].startswith("bench: ")
    assert len(records(bench, "bench-results")) == 3
    assert bench(*command).status == 0
    assert len(records(bench, "bench-results")) > 3


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs a small file system: tmpfs")
def test_a_disk_that_fills(
    bench: Bench, pictures: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.sweep.execute._FLUSH_SECONDS", 0.0)  # it fills within half a second
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", str(small)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a small file system")
    try:
        command = ["run", "--codec", "jpeg", "--points", "95,92,89,86,83", *METRICS]
        command += ["--data", pictures(24, 240, 180), "--results", small / "store"]
        result = bench(*command)
        assert result.status == 1
        assert "space" in result.err or "full" in result.err
        assert "Traceback" not in result.err
        kept = bench("export", "--results", small / "store", "--out", "kept.csv")
        assert kept.status == 0, kept.err
        assert 0 < len(pandas.read_csv("kept.csv")) < 120
        subprocess.run(["mount", "-o", "remount,size=64m", str(small)], check=True)
        assert bench(*command).status == 0
        assert bench("export", "--results", small / "store", "--out", "kept.csv").status == 0
        assert len(pandas.read_csv("kept.csv")) == 120
    finally:
        subprocess.run(["umount", str(small)], check=True)
