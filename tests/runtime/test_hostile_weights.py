"""Files of weights that ask for much more than they hold: refused at once, in little memory."""

from __future__ import annotations

import io
import json
import pickle
import resource
import struct
import time
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from bench.codecs.families.ncn.checkpoint import load_ncn
from bench.errors import DataError
from bench.runtime.checkpoint import read_checkpoint
from bench.vision.architecture import METADATA, Architecture
from bench.vision.checkpoint import load_network

MAX_MIB = 600


@pytest.fixture(autouse=True)
def _soon_and_small() -> Iterator[None]:
    """Whatever a test reads takes seconds and some hundred megabytes at most."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    began = time.process_time()
    yield
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert (after.ru_maxrss - before.ru_maxrss) / 1024 < MAX_MIB
    assert time.process_time() - began < 20


def nested(levels: int, pair: bytes = b"\x86") -> bytes:
    """A tuple of twice the same tuple of twice the same tuple…, as the key of a dictionary."""
    return b"\x80\x04})" + (b"q\x00h\x00" + pair) * levels + b"K\x01s."


ARRAY = (
    b"cnumpy._core.numeric\n_frombuffer\n(%bcnumpy\ndtype\nX\x02\x00\x00\x00u1\x89\x88\x87R"
    b"%b\x85X\x01\x00\x00\x00CtR"
)


def number(value: int) -> bytes:
    return b"\x8a\x08" + struct.pack("<q", value)


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "result"),
    [
        (b"\x80\x02Nr\xff\xff\xff\x1f.", "a memo of 536870911 places"),
        (b"\x80\x02Np99999999999\n.", "a memo of"),
        (nested(50), "a tuple of more than"),
        (nested(100_000, b"0\x85"), "a tuple of more than"),
        (b"\x80\x02" + b"N0" * 2**21 + b".", "more than 2097152 instructions"),
        # Bytes that are a number of bytes; one value in an array of many.
        (b"\x80\x02}" + text("a") + ARRAY % (number(2**33), number(2**33)) + b"s.", "values"),
        (b"\x80\x02}" + text("a") + ARRAY % (b"U\x01x", number(2**40)) + b"s.", "reshape"),
        (b"\x80\x020000.", "stack"),
        (b"\x80\x02t.", "mark"),
    ],
)
def test_small_pickles_that_ask_for_much(content: bytes, result: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.pkl"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_checkpoint(path)
    assert result in str(caught.value)
    assert "\n" not in str(caught.value)


def test_one_memory_is_not_many_arrays(tmp_path: Path) -> None:
    """A megabyte that thousands of arrays share is held once, and the file is refused."""
    shared = b"B" + struct.pack("<I", 2**20) + bytes(2**20) + b"q\x000"
    arrays = b"".join(text(f"{i:05d}") + ARRAY % (b"h\x00", number(2**20)) for i in range(4000))
    path = tmp_path / "weights.pkl"
    path.write_bytes(b"\x80\x02" + shared + b"}(" + arrays + b"u.")
    with pytest.raises(DataError, match="more values than it holds"):
        read_checkpoint(path)


def test_a_tensor_under_two_names_is_one(tmp_path: Path) -> None:
    values = np.arange(1000.0)
    path = tmp_path / "weights.pkl"
    path.write_bytes(pickle.dumps({"a": values, "b": values}))
    read = read_checkpoint(path).tensors
    assert torch.equal(read["a"], read["b"])
    tensor = torch.arange(1000.0)
    torch.save({"a": tensor, "b": tensor[:10]}, path)
    assert read_checkpoint(path).tensors["b"].tolist() == list(range(10))


def archive(path: Path, content: bytes, compression: int = zipfile.ZIP_STORED) -> Path:
    """What torch saves, with other content of its pickle."""
    torch.save({"a": torch.zeros(3)}, path)
    with zipfile.ZipFile(path) as made:
        parts = {name: made.read(name) for name in made.namelist()}
    with zipfile.ZipFile(path, "w", compression) as written:
        for name, part in parts.items():
            written.writestr(name, content if name.endswith("data.pkl") and content else part)
            if not content and name.endswith("/data/0"):
                written.writestr(f"{name}0", bytes(2**28))
    return path


@pytest.mark.slow
def test_archives_that_ask_for_much(tmp_path: Path) -> None:
    for path in (
        archive(tmp_path / "nested.pth", nested(50)),
        archive(tmp_path / "bomb.pth", b"", zipfile.ZIP_DEFLATED),
    ):
        with pytest.raises(DataError, match=r"a tuple of more|larger than the file"):
            read_checkpoint(path)
    # Of one value, seen as so many.
    stream = io.BytesIO()
    torch.save({"a": torch.zeros(1).expand(2**20, 2**12)}, stream)
    (tmp_path / "wide.pth").write_bytes(stream.getvalue())
    with pytest.raises(DataError, match=r"fewer values|larger"):
        read_checkpoint(tmp_path / "wide.pth")


@pytest.mark.slow
@pytest.mark.parametrize("channels", [3000, 200_000])
def test_the_shapes_of_an_ncn_are_checked_before_it_is_made(channels: int, tmp_path: Path) -> None:
    path = tmp_path / "lambda_1.safetensors"
    save_file({"encoder.0.weight": torch.zeros(channels, 3, 5, 5, dtype=torch.half)}, path)
    with pytest.raises(DataError, match="weights of another network"):
        load_ncn(path)


def test_the_shapes_of_a_detector_are_checked_before_it_is_made(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    for architecture in (
        replace(Architecture(), box_hidden=2**17),
        replace(Architecture(), res2=2**15, pyramid=2**15),
    ):
        save_file({"a": torch.zeros(1)}, path, {METADATA: json.dumps(asdict(architecture))})
        with pytest.raises(DataError, match="weights of another network"):
            load_network(path, Architecture(), torch.device("cpu"))


@pytest.mark.parametrize("key", ["longest_side", "proposals", "blocks"])
def test_an_architecture_does_not_decide_how_much_work_is_done(key: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    value = (3, 4, 10**5, 3) if key == "blocks" else 10**5
    architecture = {**asdict(Architecture()), key: value}
    save_file({"a": torch.zeros(1)}, path, {METADATA: json.dumps(architecture)})
    with pytest.raises(DataError, match=rf"'{key}' .* 100000"):
        load_network(path, Architecture(), torch.device("cpu"))
