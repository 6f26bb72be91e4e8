"""The recurrent codec: its networks, the published files, and streams whose start is a stream."""

from __future__ import annotations

import hashlib
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from fakes.rnn import hand_made_rnn, write_published, write_weights
from oracles.rnn import Files, coded, drawn_weights
from PIL import Image as PillowImage
from support.command import Bench
from support.paths import TESTS, environment
from support.pictures import picture

from bench.codecs.catalog import load_codec, recognise
from bench.codecs.codec import Codec
from bench.codecs.families.neural_stream import MAX_PARTS, RnnStream
from bench.codecs.families.rnn.checkpoint import load_rnn, save_rnn
from bench.codecs.families.rnn.entropy import Bits, decode_bits, encode_bits
from bench.codecs.families.rnn.network import Binarizer, Recurrent
from bench.errors import CardError, DataError, StreamError
from bench.images.image import Image

NETWORKS = ("encoder", "binarizer", "decoder")
# Of a stream. Another one means that older streams can no longer be decoded.
DIGEST = "a8c799c9370f22a5b5b4403af2f2de4aad07ee51fc33d162378d1b9357e4bab2"
CHILD = "import sys, test_rnn as here; here.main(*sys.argv[1:])"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for BENCH_WEIGHTS."""
    folder = tmp_path_factory.mktemp("rnn")
    write_weights(folder)
    return folder


@pytest.fixture
def codec(weights: Path, monkeypatch: pytest.MonkeyPatch) -> Codec:
    monkeypatch.setenv("BENCH_WEIGHTS", str(weights))
    return load_codec("rnn:published")


@pytest.fixture
def image() -> Image:
    return Image("p", picture(0, 90, 70))


def drawn_files(folder: Path, files: Files) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, tensors in files.items():
        torch.save(tensors, folder / f"{name}_epoch_00000066.pth")
    return folder / "decoder_epoch_00000066.pth"


class TestNetworks:
    def test_compute_what_the_published_ones_do(self, tmp_path: Path) -> None:
        files = drawn_weights()
        recurrent = load_rnn(drawn_files(tmp_path, files))
        x = torch.rand(2, 3, 48, 64, generator=torch.Generator().manual_seed(0))
        with torch.inference_mode():
            codes, pictures = coded(files, x, 4)
            found = list(recurrent.codes(x, 4))
            seen = list(recurrent.pictures(found))
        assert all(torch.equal(one, other) for one, other in zip(found, codes, strict=True))
        for one, other in zip(seen, pictures, strict=True):
            assert torch.allclose(one, other, atol=1e-5)
        for one, other in zip(recurrent(x, 4), pictures, strict=True):
            assert torch.allclose(one, other, atol=1e-5)

    def test_nothing_counts_as_a_one(self) -> None:
        code = Binarizer(16, 4).eval()(torch.zeros(1, 16, 2, 2))
        assert (code == 1).all()

    def test_in_training_bits_are_drawn_with_that_mean(self) -> None:
        torch.manual_seed(0)
        binarizer = Binarizer(16, 1).train()
        with torch.no_grad():
            binarizer.conv.weight.fill_(math.atanh(0.5) / 16)
        code = binarizer(torch.ones(1, 16, 100, 100, requires_grad=True))
        assert set(code.unique().tolist()) == {-1, 1}
        assert float(code.detach().mean()) == pytest.approx(0.5, abs=0.05)
        code.sum().backward()
        assert binarizer.conv.weight.grad is not None and binarizer.conv.weight.grad.any()

    def test_have_as_many_weights_as_the_published_ones(self) -> None:
        with torch.device("meta"):
            recurrent = Recurrent()
        counts = [
            sum(parameter.numel() for parameter in getattr(recurrent, name).parameters())
            for name in NETWORKS
        ]
        assert counts == [17_106_624, 16_384, 18_333_792]


class TestFiles:
    @pytest.mark.parametrize("named", NETWORKS)
    def test_any_of_the_published_files_names_them_all(
        self, named: str, bench: Bench, tmp_path: Path
    ) -> None:
        path = write_published(hand_made_rnn(), tmp_path, "iter_00000500")
        path = path.with_name(path.name.replace("decoder", named))
        PillowImage.fromarray(picture(0, 48, 32)).save("p.png")
        coding = ("--codec", "rnn", "--weights", path)
        assert bench("encode", "p.png", "p.rnn", *coding, "--point", 2).status == 0
        assert bench("decode", "p.rnn", "back.png", "--weights", path).status == 0
        with PillowImage.open("back.png") as opened:
            assert opened.size == (48, 32)

    def test_one_file_holds_the_same(self, tmp_path: Path) -> None:
        wanted = hand_made_rnn()
        save_rnn(wanted, tmp_path / "rnn.safetensors")
        found = load_rnn(tmp_path / "rnn.safetensors")
        assert (found.width, found.bits) == (wanted.width, wanted.bits)
        halves = {name: tensor.half().float() for name, tensor in wanted.state_dict().items()}
        assert all(torch.equal(t, halves[name]) for name, t in found.state_dict().items())

    @pytest.mark.parametrize(
        ("network", "key"),
        [
            ("encoder", "conv.weight"),
            ("encoder", "rnn3.conv_hh.weight"),
            ("binarizer", "conv.weight"),
            ("decoder", "rnn1.conv_ih.weight"),
            ("decoder", "conv2.weight"),
        ],
    )
    @pytest.mark.parametrize("fault", ["missing", "shape", "no number", "more"])
    def test_what_is_wrong_is_told_by_its_key(
        self, network: str, key: str, fault: str, tmp_path: Path
    ) -> None:
        files = drawn_weights(16, 4)
        tensors = files[network]
        if fault == "missing":
            tensors[f"{key} of old"] = tensors.pop(key)
        elif fault == "shape":
            tensors[key] = tensors[key][:, :-1]
        elif fault == "no number":
            tensors[key][0, 0] = torch.nan
        else:
            tensors[f"{key}s"] = tensors[key]
        path = drawn_files(tmp_path, files)
        with pytest.raises(DataError) as caught:
            load_rnn(path)
        result = str(caught.value)
        assert "\n" not in result
        assert key in result
        # The binarizer says how wide the others are.
        if network == "binarizer" or fault != "shape":
            assert f"{network}_epoch_00000066.pth" in result

    def test_one_of_three_is_not_enough(self, tmp_path: Path) -> None:
        path = drawn_files(tmp_path, drawn_weights(16, 4))
        path.with_name(path.name.replace("decoder", "encoder")).unlink()
        with pytest.raises(DataError, match="encoder_epoch_00000066"):
            load_rnn(path)

    def test_a_set_of_two_files_is_not_there(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("BENCH_WEIGHTS", str(tmp_path))
        assert "1zb/pytorch-image-comp-rnn" in (load_codec("rnn:published").missing() or "")
        path = drawn_files(tmp_path / "rnn" / "published", drawn_weights(16, 4))
        assert load_codec("rnn:published").missing() is None
        path.with_name(path.name.replace("decoder", "binarizer")).unlink()
        assert "binarizer_epoch_00000066.pth" in (load_codec("rnn:published").missing() or "")

    @pytest.mark.parametrize("network", NETWORKS)
    def test_all_of_them_decide_the_fingerprint(
        self, network: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("BENCH_WEIGHTS", str(tmp_path))
        files = drawn_weights(16, 4)
        drawn_files(tmp_path / "rnn" / "published", files)
        before = load_codec("rnn:published").fingerprint
        files[network] = drawn_weights(16, 4, seed=1)[network]
        drawn_files(tmp_path / "rnn" / "published", files)
        assert load_codec("rnn:published").fingerprint != before

    def test_points_are_numbers_of_iterations(self, tmp_path: Path) -> None:
        for points in ([0, 1], [1, 2.5], [MAX_PARTS + 1]):
            card = tmp_path / "mine.toml"
            card.write_text(
                'title = "t"\nfamily = "rnn"\n[points]\nunit = "iterations"\n[rnn]\n'
                f'[weights.mine]\nfiles = "rnn.safetensors"\npoints = {points}\n'
            )
            with pytest.raises(CardError, match=r"'weights\.mine\.points'"):
                load_codec(str(card))


def drawn_bits(count: int, height: int, width: int, ones: float, seed: int = 0) -> list[Bits]:
    rng = np.random.default_rng(seed)
    return [(rng.random((7, height, width)) < ones).astype(np.uint8) for _ in range(count)]


class TestBits:
    @pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 1), (5, 11), (16, 32)])
    @pytest.mark.parametrize("ones", [0, 0.1, 0.5, 1])
    def test_come_back(self, size: tuple[int, int], ones: float) -> None:
        bits = drawn_bits(3, *size, ones)
        parts = encode_bits(bits)
        found = list(decode_bits(parts, 7, *size))
        assert all((one == other).all() for one, other in zip(found, bits, strict=True))
        assert max(map(len, parts)) <= math.ceil(7 * math.prod(size) / 8)

    def test_cost_what_they_tell(self) -> None:
        parts = encode_bits(drawn_bits(8, 16, 32, 0.1))
        entropy = -(0.1 * math.log2(0.1) + 0.9 * math.log2(0.9)) * 7 * 16 * 32 / 8
        assert entropy * 0.95 < np.mean([len(part) for part in parts]) < entropy * 1.1

    def test_neighbours_and_earlier_iterations_make_them_cheap(self) -> None:
        blocks = [np.kron(bits, np.ones((1, 4, 4), np.uint8)) for bits in drawn_bits(1, 8, 8, 0.5)]
        parts = encode_bits([*blocks, *blocks, *blocks])
        plain = 7 * 32 * 32 / 8
        assert len(parts[0]) < 0.7 * plain
        assert len(parts[2]) < 0.2 * plain

    @pytest.mark.parametrize("part", [b"\1\2\3", b"\xff" * 30, b"\0" * 40])
    def test_of_another_picture_are_refused(self, part: bytes) -> None:
        with pytest.raises(StreamError):
            list(decode_bits([part], 7, 3, 5))


class TestStreams:
    def test_the_start_of_a_stream_is_that_of_fewer_iterations(
        self, codec: Codec, image: Image
    ) -> None:
        whole = codec.encode(image, 8)
        for point in (1, 2, 3, 4, 6, 8):
            stream = codec.encode(image, point)
            assert whole.startswith(stream)
            assert (codec.decode(whole[: len(stream)]) == codec.decode(stream)).all()
        assert len(RnnStream.from_bytes(whole).parts) == 8

    def test_each_iteration_brings_it_closer(self, codec: Codec, image: Image) -> None:
        errors = [
            np.square(codec.decode(codec.encode(image, point)) - image.pixels.astype(float)).mean()
            for point in (1, 2, 3, 4, 6)
        ]
        assert errors == sorted(errors, reverse=True)

    def test_one_cut_within_an_iteration_is_refused_and_says_what_is_whole(
        self, codec: Codec, image: Image
    ) -> None:
        whole = codec.encode(image, 4)
        ends = [len(codec.encode(image, point)) for point in (1, 2, 3)]
        for length in set(range(len(whole))) - set(ends):
            with pytest.raises(StreamError) as caught:
                RnnStream.from_bytes(whole[:length])
            last = max((end for end in ends if end < length), default=None)
            assert (f"its first {last} bytes" in str(caught.value)) == (last is not None)

    def test_the_command_tells_how_much_of_a_cut_one_is_whole(
        self, codec: Codec, image: Image, bench: Bench
    ) -> None:
        whole, part = codec.encode(image, 4), codec.encode(image, 3)
        Path("cut.rnn").write_bytes(whole[:-1])
        result = bench("decode", "cut.rnn", "back.png")
        assert result.status == 1
        assert f"its first {len(part)} bytes" in result.err
        Path("cut.rnn").write_bytes(whole[: len(part)])
        assert bench("decode", "cut.rnn", "back.png").status == 0

    def test_a_flipped_bit_is_found_in_whichever_iteration(
        self, codec: Codec, image: Image
    ) -> None:
        whole = codec.encode(image, 3)
        for place in range(len(whole)):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << place % 8
            with pytest.raises(StreamError):
                RnnStream.from_bytes(bytes(damaged))

    def test_iterations_cannot_change_places(self, codec: Codec, image: Image) -> None:
        whole = codec.encode(image, 3)
        first, second = (len(codec.encode(image, point)) for point in (1, 2))
        with pytest.raises(StreamError):
            RnnStream.from_bytes(whole[:first] + whole[second:])

    def test_a_small_stream_cannot_ask_for_much_work(self) -> None:
        stream = RnnStream(64, 48, b"\1\2\3", (b"",) * (MAX_PARTS + 1))
        with pytest.raises(StreamError):
            RnnStream.from_bytes(stream.to_bytes())

    def test_their_format_stays(self) -> None:
        parts = tuple(encode_bits(drawn_bits(4, 5, 11, 0.2)))
        stream = RnnStream(170, 80, b"\1\2\3", parts).to_bytes()
        assert hashlib.sha256(stream).hexdigest() == DIGEST

    def test_other_weights_are_told(self, codec: Codec, image: Image, tmp_path: Path) -> None:
        stream = codec.encode(image, 2)
        assert recognise(stream) == "rnn:published"
        other = write_published(hand_made_rnn(last=0.9), tmp_path / "other")
        with pytest.raises(StreamError, match="other weights"):
            load_codec("rnn", own=other).decode(stream)

    @pytest.mark.slow
    @pytest.mark.parametrize("threads", ["1", "2"])
    def test_another_process_decodes_them_from_the_file_alone(
        self, codec: Codec, image: Image, weights: Path, threads: str, tmp_path: Path
    ) -> None:
        (tmp_path / "p.rnn").write_bytes(codec.encode(image, 6))
        child = subprocess.run(
            [sys.executable, "-c", CHILD, tmp_path / "p.rnn", tmp_path / "back.png"],
            env=environment(Path(__file__).parent, TESTS)
            | {"BENCH_WEIGHTS": str(weights), "OMP_NUM_THREADS": threads}
            | {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert child.returncode == 0, child.stderr
        here = codec.decode((tmp_path / "p.rnn").read_bytes())
        with PillowImage.open(tmp_path / "back.png") as opened:
            there = np.asarray(opened)
        assert np.abs(there.astype(int) - here).max() <= 1


def main(stream: str, decoded: str) -> None:
    """In another process: decode a stream by whichever codec knows it."""
    content = Path(stream).read_bytes()
    name = recognise(content)
    assert name is not None
    PillowImage.fromarray(load_codec(name).decode(content)).save(decoded)
