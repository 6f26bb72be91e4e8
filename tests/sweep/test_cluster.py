"""``--cluster``: the same results as on this machine, whatever happens to the workers."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas
import pytest
from support.cluster import Processes, Proxy, dask_processes, until
from support.command import Bench, run_bench
from support.paths import environment
from support.pictures import Pictures, write_pictures
from support.records import records

from bench import api, as_codec
from bench.codecs.families.pillow import PillowCodec
from bench.errors import BenchError

distributed = pytest.importorskip("distributed", reason="--cluster needs pip install '.[cluster]'")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
QUICK = ("--metric", "psnr_rgb", "--metric", "psnr_y")
SWEEP = ("run", "--codec", "jpeg", "--codec", "x265", *QUICK)

# What makes a worker unlike others, as Python that it runs when it starts.
OTHER_VERSION = "import bench\nbench.__version__ = '0.0'\n"
SLOW = """
import time
from bench.codecs.families.ffmpeg import FfmpegCodec
works = FfmpegCodec.encode
def encode(self, image, point, works=works):
    time.sleep(0.5)
    return works(self, image, point)
if works.__module__ != __name__:  # Dask runs this twice
    FfmpegCodec.encode = encode
"""
GARBAGE = """
from bench.codecs.families.pillow import PillowCodec
PillowCodec.encode = lambda *its: b"garbage"
"""
NOTING = """
from pathlib import Path
from bench.codecs.families.pillow import PillowCodec
PillowCodec.encode = lambda *its: Path("NOTE").write_bytes(b"it was here")
"""
IMPATIENT = """
from bench.sweep import chunks
chunks._IDLE_SECONDS = 0.5
"""
WITHOUT_X265 = """
from bench.codecs.families.ffmpeg import FfmpegCodec
FfmpegCodec.missing = lambda its: "no ffmpeg here"
"""
FULL = """
import errno
from bench.codecs.families.ffmpeg import FfmpegCodec
def encode(*its):
    raise OSError(errno.ENOSPC, "No space left on device", "/tmp")
FfmpegCodec.encode = encode
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("data") / "pictures", 4)


@pytest.fixture(scope="module")
def expected(data: Path) -> pandas.DataFrame:
    here = data.with_name("here")
    assert run_bench(*SWEEP, "--data", data, "--results", here).status == 0
    return records(run_bench, here)


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[Processes]:
    with dask_processes(tmp_path / "dask") as processes:
        yield processes


def start(data: Path, cluster: str, store: str = "there") -> subprocess.Popen[str]:
    """A sweep in a process of its own."""
    command = [sys.executable, "-m", "bench", *SWEEP, "--data", str(data), "--results", store]
    return subprocess.Popen(
        [*command, "--cluster", cluster],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )


def results_of(store: str) -> int:
    return len([path for path in Path(store).glob("streams/*/*") if path.is_file()])


def check(bench: Bench, expected: pandas.DataFrame, store: str = "there") -> None:
    pandas.testing.assert_frame_equal(records(bench, store), expected, check_exact=True)


def test_processes_on_this_machine(
    bench: Bench, data: Path, expected: pandas.DataFrame, cache: Path
) -> None:
    sweep = start(data, "local:3")
    _, err = sweep.communicate(timeout=120)
    assert sweep.returncode == 0, err
    assert "3 workers, 3 threads" in err
    assert "Traceback" not in err
    check(bench, expected)


def test_kept_streams_are_measured_by_workers(
    bench: Bench, data: Path, expected: pandas.DataFrame, dask: Processes
) -> None:
    """They are sent along: the store is not read by workers."""
    first = ("run", "--codec", "jpeg", "--codec", "x265", "--metric", "psnr_rgb")
    assert bench(*first, "--data", data, "--results", "there").status == 0
    dask.worker("one")
    result = bench(*SWEEP, "--data", data, "--results", "there", "--cluster", dask.address)
    assert result.status == 0, result.err
    assert "0 encoded" in result.err
    check(bench, expected)


def test_workers_that_are_killed(
    bench: Bench, data: Path, expected: pandas.DataFrame, dask: Processes
) -> None:
    workers = [dask.worker(f"first{number}", preload=SLOW) for number in range(2)]
    sweep = start(data, dask.address)
    until(lambda: results_of("there") > 2, "the first results")
    for worker in workers:
        os.kill(worker.pid, signal.SIGKILL)
        dask.worker(f"instead{worker.pid}")
    _, err = sweep.communicate(timeout=120)
    assert sweep.returncode == 0, err
    check(bench, expected)


def test_a_scheduler_that_is_killed(
    bench: Bench, data: Path, expected: pandas.DataFrame, dask: Processes
) -> None:
    dask.worker("one", preload=SLOW)
    sweep = start(data, dask.address)
    until(lambda: results_of("there") > 2, "the first results")
    os.kill(dask.scheduler.pid, signal.SIGKILL)
    _, err = sweep.communicate(timeout=120)
    assert sweep.returncode == 1, err
    assert "scheduler" in err.splitlines()[-1]
    assert "Traceback" not in err
    kept = results_of("there")
    assert kept > 2
    result = bench(*SWEEP, "--data", data, "--results", "there")
    assert result.status == 0
    check(bench, expected)


def test_a_network_that_is_cut(
    bench: Bench, data: Path, expected: pandas.DataFrame, dask: Processes
) -> None:
    proxy = Proxy(dask.address)
    try:
        dask.worker("behind", preload=SLOW, address=proxy.address)
        dask.worker("beside", preload=SLOW)
        sweep = start(data, dask.address)
        until(lambda: results_of("there") > 2, "the first results")
        proxy.cut()
        time.sleep(1)
        proxy.whole = True
        _, err = sweep.communicate(timeout=120)
        assert sweep.returncode == 0, err
        check(bench, expected)
    finally:
        proxy.end()


@pytest.mark.parametrize(
    ("unlike", "result"),
    [
        (OTHER_VERSION, "0.0"),
        (WITHOUT_X265, "no ffmpeg here"),
        (FULL, "No space left"),
        (GARBAGE, ""),
        (SLOW, ""),
    ],
    ids=["version", "binary", "disk", "garbage", "straggler"],
)
def test_a_worker_that_is_unlike_others(
    bench: Bench,
    data: Path,
    expected: pandas.DataFrame,
    dask: Processes,
    unlike: str,
    result: str,
) -> None:
    dask.worker("unlike", preload=unlike)
    dask.worker("usual")
    sweep = start(data, dask.address)
    _, err = sweep.communicate(timeout=120)
    assert sweep.returncode == 0, err
    assert result in err
    check(bench, expected)


def test_a_worker_that_is_frozen(
    bench: Bench, data: Path, expected: pandas.DataFrame, dask: Processes
) -> None:
    frozen = dask.worker("frozen")
    dask.worker("usual")
    dask.wait(2)
    frozen.send_signal(signal.SIGSTOP)
    sweep = start(data, dask.address)
    _, err = sweep.communicate(timeout=120)
    assert sweep.returncode == 0, err
    assert "has not answered" in err
    assert "Traceback" not in err
    check(bench, expected)


def test_networks_run_on_workers_that_offer_a_gpu(
    bench: Bench,
    data: Path,
    expected: pandas.DataFrame,
    dask: Processes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(PillowCodec, "neural", True)
    dask.worker("without", preload=NOTING.replace("NOTE", str(Path("note").resolve())))
    dask.worker("with", resources="GPU=1")
    dask.wait(2)
    result = bench(*SWEEP, "--data", data, "--results", "there", "--cluster", dask.address)
    assert result.status == 0, result.err
    assert not Path("note").exists()
    check(bench, expected)


def test_no_worker_that_can_code(bench: Bench, data: Path, dask: Processes) -> None:
    dask.worker("unlike", preload=WITHOUT_X265)
    sweep = start(data, dask.address)
    _, err = sweep.communicate(timeout=120)
    assert sweep.returncode == 1
    last = err.splitlines()[-1]
    assert last.startswith("bench: ")
    assert "x265" in last
    assert "no ffmpeg here" in last
    assert results_of("there") > 0  # what the others could do is kept


def test_a_driver_that_is_killed(
    bench: Bench, data: Path, expected: pandas.DataFrame, dask: Processes
) -> None:
    for number in range(2):
        dask.worker(f"worker{number}")
    chance = random.Random(3)
    for _ in range(3):
        sweep = start(data, dask.address)
        time.sleep(chance.uniform(1, 3))
        sweep.kill()
        sweep.communicate()
    sweep = start(data, dask.address)
    _, err = sweep.communicate(timeout=120)
    assert sweep.returncode == 0, err
    check(bench, expected)


def test_workers_drop_what_they_loaded_for_a_driver_that_was_killed(
    data: Path, dask: Processes
) -> None:
    dask.worker("one", preload=IMPATIENT + SLOW)
    code = "len(__import__('bench.sweep.chunks').sweep.chunks._held)"
    with distributed.Client(dask.address, set_as_default=False) as client:

        def held() -> int:
            return sum(client.run(eval, code).values())

        sweep = start(data, dask.address)
        until(lambda: held() > 0, "loading")
        sweep.kill()
        sweep.communicate()
        until(lambda: held() == 0, "dropping what was loaded")


def test_images_are_sent_to_a_worker_that_does_not_have_them(
    bench: Bench, data: Path, expected: pandas.DataFrame, dask: Processes
) -> None:
    empty = ["unshare", "--mount", "sh", "-c", f'mount -t tmpfs none {data} && exec "$@"', "sh"]
    if subprocess.run([*empty, "true"], capture_output=True).returncode:
        pytest.skip("needs root, to mount an empty folder for one process")
    dask.worker("remote", within=empty)
    sweep = start(data, dask.address)
    _, err = sweep.communicate(timeout=120)
    assert sweep.returncode == 0, err
    check(bench, expected)


def test_sweeps_share_workers(
    bench: Bench, data: Path, expected: pandas.DataFrame, dask: Processes
) -> None:
    """The end of one does not stop what another runs."""
    dask.worker("one", preload=SLOW)
    sweep = start(data, dask.address)
    until(lambda: results_of("there") > 0, "the first results")
    other = ("run", "--codec", "jpeg", "--points", "20", "--metric", "psnr_rgb", "--data", data)
    assert bench(*other, "--results", "other", "--cluster", dask.address).status == 0
    _, err = sweep.communicate(timeout=120)
    assert sweep.returncode == 0, err
    check(bench, expected)


def test_a_signal_ends_a_sweep(bench: Bench, pictures: Pictures, dask: Processes) -> None:
    dask.worker("one", preload=SLOW)
    sweep = start(pictures(12), dask.address)  # for half a minute
    until(lambda: results_of("there") > 2, "the first results")
    sweep.send_signal(signal.SIGTERM)  # Ctrl-C is ignored where a shell runs tests in background
    _, err = sweep.communicate(timeout=30)
    assert sweep.returncode == 128 + signal.SIGTERM, err
    assert "Traceback" not in err
    assert bench("export", "--results", "there", "--out", "kept.csv").status == 0


@pytest.mark.parametrize(
    "where", ["lokal:2", "local:0", "slurm:many", "tcp//host:1", "tcp://host", "no://host:1", "pbs"]
)
def test_an_invalid_cluster_is_one_line(
    bench: Bench, data: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")  # without a queue's programs
    result = bench(*SWEEP, "--data", data, "--cluster", where)
    assert result.status == 1
    assert result.err.splitlines()[-1].startswith(f"bench: --cluster {where}")


def test_a_scheduler_that_is_not_there(bench: Bench, data: Path) -> None:
    sweep = start(data, "tcp://127.0.0.1:9")
    _, err = sweep.communicate(timeout=120)
    assert sweep.returncode == 1
    assert "127.0.0.1:9" in err.splitlines()[-1]
    assert "Traceback" not in err


NOTEBOOK = """
import zlib
import numpy as np
level = 3
def encode(pixels, step):
    return bytes(pixels.shape[:2]) + zlib.compress(pixels // step * step, level)
def decode(stream):
    return np.frombuffer(zlib.decompress(stream[2:]), np.uint8).reshape(*stream[:2], 3)
"""


def test_a_codec_of_a_notebook_goes_to_workers(data: Path, dask: Processes) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(NOTEBOOK, names)
    dask.worker("one")
    codec = as_codec(names["encode"], names["decode"], [32, 8])
    just = {"data": data, "metrics": "psnr_rgb", "tasks": "none"}
    here = api.run([codec, "jpeg"], results="here", **just)
    there = api.run([codec, "jpeg"], results="there", cluster=dask.address, **just)
    assert there.outcome.done == here.outcome.done == {"my-codec": 8, "jpeg": 16}
    assert there.means["bpp"].equals(here.means["bpp"])
    assert there.means["psnr_rgb"].equals(here.means["psnr_rgb"])


def test_a_codec_that_cannot_be_sent_is_refused(data: Path) -> None:
    with open("log", "w") as log:

        def encode(pixels: Any, step: int) -> bytes:
            return bytes(log.write("coded"))

        codec = as_codec(encode, bytes, [1], name="logs")
        with pytest.raises(BenchError, match=r"logs cannot be sent to workers") as raised:
            api.run(codec, data=data, metrics="psnr_rgb", tasks="none", cluster="local:1")
    assert "\n" not in str(raised.value)
