"""Codecs of functions, models and other objects: run, stored and compared as those of cards."""

from __future__ import annotations

import zlib
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fakes import functions
from fakes.task import RedThings
from support.pictures import Pictures, picture

import bench
from bench import api
from bench.codecs.catalog import load_codec
from bench.codecs.functions import FunctionCodec
from bench.datasets import Dataset, DatasetSource, open_dataset
from bench.errors import BenchError, CodecError, StreamError
from bench.images.image import Image
from bench.store import StoreWriter
from bench.sweep.execute import execute
from bench.sweep.plan import prepare
from bench.sweep.request import Request, open_inputs

JUST = {"metrics": "psnr_rgb", "tasks": "none"}


def stepped(name: str = "steps", **more: Any) -> FunctionCodec:
    return bench.as_codec(functions.encode, functions.decode, functions.POINTS, name=name, **more)


def test_objects_names_and_paths_run_together(pictures: Pictures) -> None:
    Path("mine.toml").write_text(load_codec("jpeg").card.path.read_text())
    codecs = [stepped(), "webp", Path("mine.toml")]
    made = api.run(
        codecs, data=pictures(3), points={"webp": [10, 90], "mine": 50}, anchor="webp", **JUST
    )
    found = {codec.name: codec.points for codec in made.results.codecs}
    assert found == {"steps": (64, 24, 8), "webp": (10, 90), "mine": (50,)}
    assert set(made.deltas["codec"]) == {"steps", "mine"}
    assert made.outcome.encoded["steps"] == 9
    psnr = made.means.set_index("codec")["psnr_rgb"]["steps"]
    assert list(psnr) == sorted(psnr)


def test_what_is_known_of_a_codec_is_not_coded_twice(pictures: Pictures) -> None:
    folder = pictures(2)
    assert api.run(stepped(), data=folder, **JUST).outcome.encoded == {"steps": 6}
    assert api.run(stepped(), data=folder, **JUST).outcome.encoded == {}
    assert api.run(stepped(version="2"), data=folder, **JUST).outcome.encoded == {"steps": 6}
    other = bench.as_codec(
        lambda pixels, step: functions.encode(pixels, step + 1), functions.decode, [8], name="steps"
    )
    made = api.run(other, data=folder, **JUST)
    assert made.outcome.encoded == {"steps": 2}
    assert "encode" in made.results.notes[0]


def test_a_value_that_changed_since_the_last_run_is_coded_again(pictures: Pictures) -> None:
    folder, settings = pictures(1), {"level": 1}

    def encode(pixels: Any, step: int) -> bytes:
        return zlib.compress(functions.encode(pixels, step), settings["level"])

    codec = bench.as_codec(encode, lambda stream: functions.decode(zlib.decompress(stream)), [8])
    assert api.run(codec, data=folder, **JUST).outcome.encoded == {"my-codec": 1}
    assert api.run(codec, data=folder, **JUST).outcome.encoded == {}
    settings["level"] = 9
    assert api.run(codec, data=folder, **JUST).outcome.encoded == {"my-codec": 1}


def test_nothing_is_reused_of_what_cannot_be_known(pictures: Pictures) -> None:
    folder = pictures(1)
    opened = open("log", "w")  # noqa: SIM115

    def logging(pixels: Any, step: int) -> bytes:
        opened.write("coded")
        return functions.encode(pixels, step)

    vague = bench.as_codec(logging, functions.decode, [8], name="vague")
    for _ in range(2):
        made = api.run(vague, data=folder, **JUST)
        assert made.outcome.encoded == {"vague": 1}
        (note,) = [note for note in made.results.notes if note.startswith("vague")]
        assert "opened" in note and "version" in note
    known = bench.as_codec(logging, functions.decode, [8], name="vague", version="1")
    assert api.run(known, data=folder, **JUST).outcome.encoded == {"vague": 1}
    assert api.run(known, data=folder, **JUST).outcome.encoded == {}
    opened.close()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"encode": "x"}, ["encode", "function", "'x'"]),
        ({"points": []}, ["points"]),
        ({"points": [None]}, ["points", "None"]),
        ({"name": "vvenc"}, ["vvenc", "codec of bench"]),
        ({"name": "a:b"}, ["a:b"]),
    ],
)
def test_what_makes_no_codec_is_one_line(arguments: dict[str, Any], message: list[str]) -> None:
    usual = {"encode": functions.encode, "decode": functions.decode, "points": [1]}
    with pytest.raises(BenchError) as raised:
        bench.as_codec(**usual | arguments)
    assert all(part in str(raised.value) for part in message)
    assert "\n" not in str(raised.value)


def test_two_objects_of_one_name_are_refused(pictures: Pictures) -> None:
    with pytest.raises(BenchError, match="two codecs are called 'steps'"):
        api.run([stepped(), stepped()], data=pictures(1), **JUST)
    with pytest.raises(BenchError, match=r"two tasks .* 'red-things'"):
        api.run("jpeg", data="pictures", tasks=[RedThings(), RedThings()], truth="pseudo")


def test_faults_of_functions_are_failures_that_say_where(pictures: Pictures) -> None:
    def broken(pixels: Any, step: int) -> bytes:
        return bytes(1 // (step - 8))

    made = api.run(
        [bench.as_codec(broken, functions.decode, [8], name="broken"), stepped()],
        data=pictures(1),
        **JUST,
    )
    ((_, reason),) = made.outcome.failures
    assert "ZeroDivisionError" in reason and "broken, line" in reason
    image, stream = Image("it", picture(1, 9, 7)), functions.encode(picture(1, 9, 7), 8)
    with pytest.raises(CodecError, match="encode returned a str, expected bytes"):
        bench.as_codec(lambda p, s: "text", functions.decode, [8]).encode(image, 8)
    with pytest.raises(CodecError, match=r"decode returned an array \(7, 9, 3\) of float64"):
        bench.as_codec(functions.encode, lambda s: np.zeros((7, 9, 3)), [8]).decode(stream)

    def greedy(pixels: Any, step: int) -> bytes:
        pixels[:] = 0
        return functions.encode(pixels, step)

    before = image.pixels.copy()
    bench.as_codec(greedy, functions.decode, [8]).encode(image, 8)
    assert (image.pixels == before).all()


def test_arrays_are_coded_and_decoded_without_files() -> None:
    pixels = picture(2, 33, 21)
    coded = api.encode(pixels, codec="webp", point=80)
    assert len(coded.stream) == coded.bytes > 0
    back = api.decode(coded.stream, codec="webp")
    assert back.pixels is not None and back.pixels.shape == pixels.shape
    own = api.encode(pixels, codec=stepped(), point=8)
    assert (own.codec, own.point) == ("steps", 8)
    decoded = api.decode(own.stream, "back.png", stepped()).pixels
    assert decoded is not None and np.abs(decoded.astype(int) - pixels).max() <= 4
    assert Path("back.png").is_file()
    with pytest.raises(BenchError, match="codec is missing"):
        api.encode(pixels)
    with pytest.raises(BenchError, match=r"\(21, 33, 3\) of float64"):
        api.encode(pixels / 1.0, codec="webp")


def test_a_data_set_and_a_task_are_objects_too(root: Path) -> None:
    opened = replace(open_dataset("cityscapes", root=root), name="reds")
    made = api.run(
        ["jpeg", stepped()], data=opened, tasks=[RedThings()], limit=2, anchor="jpeg", metrics="bpp"
    )
    assert made.title == "reds[:2], 2 images"
    assert "wap:red-things" in made.metrics

    class Reds(DatasetSource):
        name, kind, title = "reds", "cityscapes", "red cars"

        def open(self, variant: str, **options: Any) -> Dataset:
            return opened

    again = api.run("jpeg", data=Reds, tasks=RedThings(), limit=2, metrics="bpp")
    assert again.outcome.encoded == {}
    assert api.run("jpeg", data=Reds(), tasks="none", limit=2, metrics="bpp").title == made.title
    with pytest.raises(BenchError, match="has no 'name'"):
        api.run("jpeg", data=opened, tasks=[SimpleNamespace(title="a network")])


@pytest.mark.slow
def test_an_importable_codec_goes_to_other_processes(pictures: Pictures) -> None:
    request = Request([stepped()], data=str(pictures(2)), metrics=["psnr_rgb"], tasks=["none"])
    inputs = open_inputs(request)
    with StoreWriter(Path("there")) as store, ProcessPoolExecutor(1, get_context("spawn")) as pool:
        outcome = execute(prepare(inputs, store), store, pool)
    assert (outcome.done, outcome.failures) == ({"steps": 6}, [])


class Halves:
    """A model with CompressAI's interface: each picture at half its size, in steps."""

    def __init__(self, step: float) -> None:
        self.step, self.ready = step, False

    def update(self) -> None:
        self.ready = True

    def compress(self, x: Any) -> dict[str, Any]:
        assert self.ready and x.shape[2] % 64 == 0
        small = (x[0, :, ::2, ::2] * 255 // self.step).numpy().astype(np.uint8)
        packed = zlib.compress(small.tobytes())
        return {"strings": [[packed], [b"side"]], "shape": (x.shape[2] // 2, x.shape[3] // 2)}

    def decompress(self, strings: list[list[bytes]], shape: list[int]) -> dict[str, Any]:
        import torch

        assert strings[1] == [b"side"]
        small = np.frombuffer(zlib.decompress(strings[0][0]), np.uint8).reshape(3, *shape)
        x = torch.from_numpy(small.repeat(2, 1).repeat(2, 2).astype(np.float32))
        return {"x_hat": x[None] * self.step / 255}


def test_models_with_compress_and_decompress_are_a_codec(pictures: Pictures) -> None:
    pytest.importorskip("torch")
    codec = bench.from_compressai({1: Halves(40), 2: Halves(10)}, name="halves")
    made = api.run(codec, data=pictures(2), **JUST)
    assert made.outcome.done == {"halves": 4}
    first, second = made.means["psnr_rgb"]
    assert first < second
    pixels = picture(3, 70, 33)
    stream = codec.encode(Image("odd", pixels), 2)
    assert codec.decode(stream).shape == pixels.shape
    for damaged in (b"", stream[:1], stream[:-1], stream + b"x", b"\xff" * 9):
        with pytest.raises(StreamError):
            codec.decode(damaged)
    with pytest.raises(CodecError, match="no model for point 3; there are 1, 2"):
        codec.encode(Image("odd", pixels), 3)
    again = bench.from_compressai({1: Halves(40), 2: Halves(11)}, name="halves")
    assert api.run(again, data="pictures", **JUST).outcome.encoded == {"halves": 4}
    with pytest.raises(BenchError, match="object has no compress"):
        bench.from_compressai(object())
