"""The codecs of CompressAI's zoo: its own strings, its own files, and what goes wrong with them."""

from __future__ import annotations

import pickle
import re
import shutil
import sys
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from fakes.zoo import hand_made_network
from support.command import Bench
from support.pictures import Pictures, picture
from torch import Tensor

import bench
from bench import api
from bench.codecs.catalog import load_codec, read_card, recognise
from bench.codecs.codec import Codec
from bench.codecs.families.compressai import codec as family
from bench.codecs.families.neural_stream import ZooStream
from bench.errors import BenchError, CodecError, DataError, StreamError
from bench.images.image import Image, pad, write_png

MODELS = ["bmshj2018-hyperprior", "mbt2018-mean", "mbt2018", "cheng2020-attn"]
IMAGE = Image("street", picture(3, 90, 70))

needs_compressai = pytest.mark.skipif(
    find_spec("compressai") is None, reason="CompressAI is not installed"
)


def save(model: str, tensors: dict[str, Tensor] | None = None) -> Path:
    """Weights of a model's in the current folder, as CompressAI's examples save them."""
    tensors = tensors or hand_made_network(model, 1 / 12).state_dict()
    files = read_card(model).sets["vimeo"].expected.files
    path = Path(files.replace("{point}", "3").replace("*", "12345678"))
    torch.save({"epoch": 7, "state_dict": tensors, "loss": 0.5}, path)
    return path


def codec_of(model: str, tensors: dict[str, Tensor] | None = None) -> Codec:
    return load_codec(model, own=save(model, tensors))


@needs_compressai
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # its imports
@pytest.mark.parametrize("model", ["bmshj2018-factorized", *MODELS[:3], "cheng2020-anchor"])
def test_compressai_s_own_models_are_codecs(model: str, pictures: Pictures) -> None:
    from compressai.zoo.image import model_architectures

    torch.manual_seed(1)
    network = model_architectures[model](*((8,) if "cheng" in model else (8, 12)))
    codec = bench.from_compressai({4: network}, name="mine")
    stream = codec.encode(IMAGE, 4)
    x = torch.tensor(pad(IMAGE.pixels, 64)).permute(2, 0, 1)[None] / 255
    with torch.inference_mode():
        coded = network.compress(x)
        x_hat = network.decompress(coded["strings"], coded["shape"])["x_hat"][0, :, :70, :90]
    strings = b"".join(string for strings in coded["strings"] for string in strings)
    assert stream.endswith(strings) and len(stream) < len(strings) + 20
    expected = (x_hat.clamp(0, 1) * 255).round().permute(1, 2, 0).numpy()
    assert np.abs(codec.decode(stream) - expected).max() <= 1  # of floats on other threads
    again = pickle.loads(pickle.dumps(codec))  # as workers get it
    assert again.fingerprint == codec.fingerprint and codec.unknown == ()
    assert (again.decode(stream) == codec.decode(stream)).all()
    run = partial(api.run, codec, data=pictures(2), metrics="psnr_rgb", tasks="none")
    assert run().outcome.encoded == {"mine": 2}
    assert run().outcome.encoded == {}


@needs_compressai
@pytest.mark.parametrize("model", MODELS)
def test_the_strings_and_the_picture_are_compressai_s(model: str) -> None:
    from bench.codecs.families.compressai.model import unpack

    codec = codec_of(model)
    stream = codec.encode(IMAGE, 3)
    network = hand_made_network(model, 1 / 12).eval()
    network.update()
    x = torch.tensor(pad(IMAGE.pixels, 64)).permute(2, 0, 1)[None] / 255
    with torch.inference_mode():
        coded = network.compress(x)
        x_hat = network.decompress(coded["strings"], coded["shape"])["x_hat"][0, :, :70, :90]
    (y,), (z,) = coded["strings"]
    assert unpack(ZooStream.from_bytes(stream).body) == (y, z)
    assert len(stream) - len(y) - len(z) in range(12, 18)
    theirs = (x_hat * 255).permute(1, 2, 0).numpy()
    assert np.abs(codec.decode(stream) - theirs).max() < 0.51


@needs_compressai
@pytest.mark.parametrize(
    ("pattern", "old"),
    [
        (r"^", r"module."),  # of DataParallel
        (r"\.skip\.", r".downsample."),
        (r"\.matrices\.(\d)", r"._matrices.\1"),
        (r"\.matrices\.(\d)", r"._matrix\1"),
        (r"\.biases\.(\d)", r"._biases.\1"),
        (r"\.biases\.(\d)", r"._bias\1"),
        (r"\.factors\.(\d)", r"._factors.\1"),
        (r"\.factors\.(\d)", r"._factor\1"),
    ],
)
def test_tensors_may_have_the_names_of_former_versions(pattern: str, old: str) -> None:
    tensors = hand_made_network("cheng2020-attn", 1 / 12).state_dict()
    renamed = {re.sub(pattern, old, name): tensor for name, tensor in tensors.items()}
    assert set(renamed) != set(tensors)
    stream = codec_of("cheng2020-attn", renamed).encode(IMAGE, 3)
    other = codec_of("cheng2020-attn").encode(IMAGE, 3)
    assert ZooStream.from_bytes(stream).body == ZooStream.from_bytes(other).body


@needs_compressai
def test_tables_that_lie_beside_the_weights_are_made_anew() -> None:
    network = hand_made_network("mbt2018-mean", 1 / 12)
    network.update()
    tensors = network.state_dict()
    for name in tensors:
        if name.endswith(("_cdf", "_cdf_length", "_offset", "scale_table")):
            tensors[name] = torch.full_like(tensors[name], 2**30)
    stream = codec_of("mbt2018-mean", tensors).encode(IMAGE, 3)
    assert (
        ZooStream.from_bytes(stream).body
        == ZooStream.from_bytes(codec_of("mbt2018-mean").encode(IMAGE, 3)).body
    )


@needs_compressai
@pytest.mark.parametrize("model", MODELS)
def test_weights_of_another_codec_are_refused_by_name(model: str) -> None:
    for other in MODELS:
        if other != model:
            codec = load_codec(other, own=save(model))
            with pytest.raises(DataError, match=f"weights of {model}, not of {other}"):
                codec.encode(IMAGE, next(iter(codec.card.points["default"])))


@needs_compressai
def test_what_is_no_network_of_the_zoo_is_refused() -> None:
    tensors = hand_made_network("mbt2018", 1 / 12).state_dict()
    incomplete = {name: t for name, t in tensors.items() if name != "h_a.2.bias"}
    more = tensors | {"g_a.9.weight": torch.zeros(3)}
    narrow = tensors | {"h_a.2.bias": torch.zeros(3)}
    factorized = {name: t for name, t in tensors.items() if not name.startswith("h_")}
    for wrong, result in (
        (incomplete, "no h_a.2.bias"),
        (more, "g_a.9.weight"),
        (narrow, "h_a.2.bias is 3"),
        (factorized, "not weights of the zoo's"),
        ({"x": torch.zeros(3)}, "not weights of the zoo's"),
    ):
        with pytest.raises(DataError, match=result):
            codec_of("mbt2018", wrong).encode(IMAGE, 3)


@needs_compressai
@pytest.mark.parametrize("model", MODELS)
def test_strings_that_decode_to_other_latents_are_refused(model: str) -> None:
    """What a decoder that rounds otherwise would find: no checksum of bytes can tell."""
    from bench.codecs.families.compressai.model import pack, unpack

    codec = codec_of(model)
    result = ZooStream.from_bytes(codec.encode(IMAGE, 3))
    y, z = unpack(result.body)
    flipped = y[:9] + bytes([y[9] ^ 0xFF]) + y[10:]
    for body in (pack(flipped, z), pack(y[:8], z), pack(b"", z), b"", b"\x7f" + y):
        with pytest.raises(StreamError):
            codec.decode(replace(result, body=body).to_bytes())


@needs_compressai
def test_whose_stream_it_is_is_told_by_the_weights(bench: Bench) -> None:
    write_png(IMAGE.pixels, Path("street.png"))
    weights = save("mbt2018")
    coded = bench("encode", "street.png", "a.zoo", "--codec", "mbt2018", "--weights", weights)
    assert coded.status == 0, coded.err
    assert "at 3" in coded.out
    stream = Path("a.zoo").read_bytes()
    assert recognise(stream, weights=weights) is not None
    assert bench("decode", "a.zoo", "a.png", "--weights", weights).status == 0
    result = bench("decode", "a.zoo", "b.png")
    assert result.status == 1
    assert "coded by a codec of CompressAI's zoo with weights of digest" in result.err


@needs_compressai
def test_weights_in_their_place_are_a_codec(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path("weights") / "mbt2018-mean" / "vimeo"
    folder.mkdir(parents=True)
    shutil.move(save("mbt2018-mean"), folder)
    monkeypatch.setenv("BENCH_WEIGHTS", "weights")
    codec = load_codec("mbt2018-mean:vimeo")
    assert codec.missing() is None
    assert codec.card.points["default"] == (3,)
    assert "1 of 8" in str(codec.remark())
    assert recognise(codec.encode(IMAGE, 3)) == "mbt2018-mean:vimeo"
    write_png(IMAGE.pixels, Path("street.png"))
    result = bench("encode", "street.png", "a.zoo", "--codec", "mbt2018-mean:vimeo", "--point", "9")
    assert result.status == 1
    assert "no quality '9'; there are 3" in result.err


@needs_compressai
def test_a_picture_beyond_8k_is_refused() -> None:
    large = Image("large", np.zeros((2**13, 2**12 + 1, 3), np.uint8))
    with pytest.raises(CodecError, match="4097x8192 is too large"):
        codec_of("mbt2018-mean").encode(large, 3)


@needs_compressai
def test_a_compressai_that_cannot_be_imported_is_told_in_a_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    codec = codec_of("mbt2018-mean")
    monkeypatch.setitem(sys.modules, "compressai.zoo", None)
    with pytest.raises(
        BenchError, match=r"CompressAI cannot be imported .* torchvision"
    ) as message:
        codec.encode(IMAGE, 3)
    assert "\n" not in str(message.value)


def test_without_compressai_a_line_says_how_to_get_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(family, "find_spec", lambda name: None)
    for command in (("show", "mbt2018"), ("doctor", "-v")):
        result = bench(*command)
        assert "CompressAI" in result.out
        assert "pip install '.[compressai]'" in " ".join(result.out.split())
    write_png(IMAGE.pixels, Path("street.png"))
    result = bench("encode", "street.png", "a.zoo", "--codec", "mbt2018:vimeo")
    assert result.status == 1
    assert result.err.startswith("bench: mbt2018:vimeo: needs CompressAI")
