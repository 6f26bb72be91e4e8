"""NCN bitstreams: what they cost, what comes back, and what is made of damaged ones."""

from __future__ import annotations

import binascii
import copy
import hashlib
import time
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from oracles.ncn import drawn_latents, ncn_weights, save_checkpoint

from bench.codecs.families.ncn import rate
from bench.codecs.families.ncn.checkpoint import load_ncn
from bench.codecs.families.ncn.entropy import (
    as_latent,
    decode_latents,
    encode_latents,
    latents_checksum,
)
from bench.codecs.families.ncn.network import NCN
from bench.codecs.families.ncn.portable import PortablePrior
from bench.codecs.families.neural_stream import MULTIPLE, NcnStream
from bench.errors import CodecError, StreamError

CPU = torch.device("cpu")
CHANNELS = 16
MODEL = b"\xa1\x07\x5e"
Latent = NDArray[np.int16]
# Of a stream. Another one means that older streams can no longer be decoded.
DIGEST = "ac72efddd2597d78ffb2c47160e8bd7f647ea6dcd91134f6a16cf050d4e4dab1"


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """On maps this small, threads are all that takes time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> NCN:
    path = tmp_path_factory.mktemp("narrow") / "ncn.pth.tar"
    return load_ncn(save_checkpoint(ncn_weights(CHANNELS), path))[0]


def sharper(ncn: NCN, by: float) -> NCN:
    """One that expects less: smaller μ and σ, so a lower rate."""
    other = copy.deepcopy(ncn)
    last = other.h_dec[4]
    assert isinstance(last, torch.nn.Conv2d) and last.bias is not None
    last.weight[:CHANNELS] *= 0.2
    last.bias[:CHANNELS] *= 0.2
    last.bias[CHANNELS:] += by
    return other


def estimated_bits(ncn: NCN, y_hat: Latent, z_hat: Latent) -> float:
    y, z = (torch.from_numpy(latent[None].astype(np.float32)) for latent in (y_hat, z_hat))
    with torch.inference_mode():
        total = 0.0
        for values, (mu, raw) in ((y, ncn.y_distribution(z)), (z, ncn.z_prior(z))):
            total += rate.bits(values, mu, rate.sigma(raw)).double().sum().item()
    return total


class TestLatents:
    @pytest.mark.parametrize("by", [0.0, 3.0, 5.0])
    @pytest.mark.parametrize("size", [(64, 64), (320, 64), (64, 256), (512, 384), (1024, 512)])
    def test_come_back_and_cost_what_is_estimated(
        self, narrow: NCN, size: tuple[int, int], by: float
    ) -> None:
        ncn = sharper(narrow, by)
        prior = PortablePrior(ncn, CPU)
        y_hat, z_hat = drawn_latents(ncn, *size)
        coded = encode_latents(y_hat, z_hat, prior)
        y_back, z_back = decode_latents(coded, prior, CHANNELS, *size)
        np.testing.assert_array_equal(y_back, y_hat)
        np.testing.assert_array_equal(z_back, z_hat)
        # Measured: 2 to 5 bytes more, whatever the size.
        estimate = estimated_bits(ncn, y_hat, z_hat) / 8
        assert abs(len(coded) - estimate) < 0.005 * estimate + 8

    @pytest.mark.parametrize("share", [0.01, 1])
    def test_come_back_however_far_they_are(self, narrow: NCN, share: float) -> None:
        prior = PortablePrior(narrow, CPU)
        rng = np.random.default_rng(0)
        y_hat, z_hat = drawn_latents(narrow, 192, 128)
        for latent in (y_hat, z_hat):
            far = rng.uniform(-30000, 30000, latent.shape)
            far *= 2.0 ** -rng.integers(0, 12, latent.shape)  # with any number of digits
            latent[...] = np.where(rng.random(latent.shape) < share, far, latent)
            latent.flat[:4] = (30000, -30000, 32767, -32767)
        assert_come_back(y_hat, z_hat, prior)

    @pytest.mark.parametrize("mu", [40000, -40000, 5e8, -5e8])
    def test_come_back_whatever_the_network_expects(self, narrow: NCN, mu: float) -> None:
        other = copy.deepcopy(narrow)
        assert isinstance(other.h_dec[4], torch.nn.Conv2d) and other.h_dec[4].bias is not None
        other.h_dec[4].bias[:CHANNELS] = mu
        assert other.z_prior.conv2.bias is not None
        other.z_prior.conv2.bias[:] = mu
        y_hat, z_hat = (
            np.zeros((CHANNELS, 4, 4), np.int16),
            np.ones((CHANNELS // 2, 1, 1), np.int16),
        )
        y_hat[:3, 0, 0] = (32767, -32767, -1)
        assert_come_back(y_hat, z_hat, PortablePrior(other, CPU))

    def test_come_back_from_any_order_in_memory(self, narrow: NCN) -> None:
        prior = PortablePrior(narrow, CPU)
        y_hat, z_hat = drawn_latents(narrow, 192, 128)
        coded = encode_latents(np.ascontiguousarray(y_hat), np.ascontiguousarray(z_hat), prior)
        other = encode_latents(np.asfortranarray(y_hat), np.asfortranarray(z_hat), prior)
        assert other == coded

    def test_are_coded_as_they_were(self, narrow: NCN) -> None:
        rng = np.random.default_rng(1)
        y_hat = rng.integers(-4, 5, (CHANNELS, 8, 12)).astype(np.int16)
        z_hat = rng.integers(-3, 4, (CHANNELS // 2, 2, 3)).astype(np.int16)
        y_hat[0, 0, :2] = (3000, -3000)
        coded = encode_latents(y_hat, z_hat, PortablePrior(narrow, CPU))
        assert hashlib.sha256(coded).hexdigest() == DIGEST

    @pytest.mark.parametrize("value", [32768, -32768, np.inf, np.nan])
    def test_that_are_no_trained_networks_are_refused(self, value: float) -> None:
        values = np.zeros((2, 3, 4), np.float32)
        assert as_latent(values - 32767).min() == -32767
        values[1, 2, 3] = value
        with pytest.raises(CodecError, match="not trained"):
            as_latent(values)


def assert_come_back(y_hat: Latent, z_hat: Latent, prior: PortablePrior) -> None:
    height, width = (MULTIPLE * side for side in z_hat.shape[1:])
    coded = encode_latents(y_hat, z_hat, prior)
    y_back, z_back = decode_latents(coded, prior, len(y_hat), width, height)
    np.testing.assert_array_equal(y_back, y_hat)
    np.testing.assert_array_equal(z_back, z_hat)
    assert y_back.dtype == z_back.dtype == np.int16


class TestHeader:
    @pytest.mark.parametrize("axis", ["width", "height"])
    def test_comes_back_for_any_size(self, axis: str) -> None:
        for side in (*range(1, 300), *range(300, 65536, 61), 16383, 16384, 16385, 65535):
            width, height = (side, 3) if axis == "width" else (3, side)
            stream = NcnStream(width, height, MODEL, b"xyz", b"body")
            assert NcnStream.from_bytes(stream.to_bytes()) == stream

    def test_is_of_sixteen_bytes_at_most(self) -> None:
        for width, height, most in ((16384, 16384, 15), (2048, 1024, 13), (100, 100, 11)):
            stream = NcnStream(width, height, MODEL, b"xyz", b"body").to_bytes()
            assert len(stream) - len(b"body") == most <= 16

    def test_is_laid_out_as_described(self) -> None:
        stream = NcnStream(2048, 100, b"mod and more of its digest", b"lat", b"body").to_bytes()
        assert stream == b"\xc5\x80\x10\x64mod\x06\x0blatbody"

    def test_without_a_body_is_one(self) -> None:
        stream = NcnStream(1, 1, MODEL, b"xyz", b"")
        assert NcnStream.from_bytes(stream.to_bytes()) == stream

    @pytest.mark.parametrize(
        "stream", [b"", b"\xff\xd8\xff\xe0 JPEG", b"\x89PNG\r\n", b"\xc6 next"]
    )
    def test_of_another_format_is_refused(self, stream: bytes) -> None:
        with pytest.raises(StreamError, match="not a bitstream of an NCN"):
            NcnStream.from_bytes(stream)

    @pytest.mark.parametrize("size", [(0, 5), (5, 0), (8193, 4096), (65535, 65535)])
    def test_of_an_impossible_size_is_refused(self, size: tuple[int, int]) -> None:
        stream = NcnStream(*size, MODEL, b"xyz", b"body").to_bytes()
        with pytest.raises(StreamError, match=f"a picture of {size[0]}x{size[1]}"):
            NcnStream.from_bytes(stream)

    def test_whose_size_has_no_end_is_refused(self) -> None:
        with pytest.raises(StreamError, match="its size has no end"):
            NcnStream.from_bytes(b"\xc5\x80\x80\x80\x01\x01" + bytes(20))

    def test_that_is_cut_or_goes_on_or_has_another_bit_is_refused(self) -> None:
        stream = NcnStream(640, 480, MODEL, b"xyz", bytes(range(50))).to_bytes()
        others = [stream[:length] for length in range(len(stream))]
        others += [stream + bytes([byte]) for byte in range(256)]
        others += [flipped(stream, bit) for bit in range(8 * len(stream))]
        for other in others:
            with pytest.raises(StreamError):
                NcnStream.from_bytes(other)

    def test_has_a_checksum_that_tells_latents_apart(self) -> None:
        y_hat, z_hat = np.zeros((4, 4, 8), np.int16), np.zeros((2, 1, 2), np.int16)
        sums = {latents_checksum(y_hat, z_hat)}
        for latent in (y_hat, z_hat):
            for place in range(latent.size):
                latent.flat[place] = 1
                sums.add(latents_checksum(y_hat, z_hat))
                latent.flat[place] = 0
        assert len(sums) == 1 + y_hat.size + z_hat.size
        assert all(len(checksum) == 3 for checksum in sums)
        rng = np.random.default_rng(0)
        y_hat += rng.integers(-9, 9, y_hat.shape, np.int16)
        same = latents_checksum(np.asfortranarray(y_hat), z_hat.astype(">i2"))
        assert same == latents_checksum(y_hat, z_hat)


def flipped(stream: bytes, bit: int) -> bytes:
    changed = bytearray(stream)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


class TestDamage:
    @pytest.mark.slow
    def test_gives_the_right_latents_or_none(self, narrow: NCN) -> None:
        prior = PortablePrior(narrow, CPU)
        latents = drawn_latents(narrow, 128, 64)
        body = encode_latents(*latents, prior)
        stream = NcnStream(100, 64, MODEL, latents_checksum(*latents), body).to_bytes()
        rng = np.random.default_rng(0)
        message: Counter[str] = Counter()
        longest = 0.0
        for number in range(10_000):
            other = damaged(stream, len(body), rng)
            if number % 2:
                other = mended(other)
            started = time.process_time()
            try:
                found = decoded(other, prior)
            except StreamError as error:
                message[str(error)] += 1
            else:
                message["nothing"] += 1
                assert all(map(np.array_equal, found, latents))
            longest = max(longest, time.process_time() - started)
        # Most that were mended reached the decoder, which has to find out by itself.
        assert message[OTHER_LATENTS] > 1000 and message[TOO_MUCH] > 1000 and message["nothing"] > 0
        assert longest < 10  # seconds; 0.06 were measured, for a size that had become larger

    def test_of_the_body_alone_ends_in_latents_or_in_a_line(self, narrow: NCN) -> None:
        prior = PortablePrior(narrow, CPU)
        rng = np.random.default_rng(0)
        bodies = [rng.bytes(length) for length in (*range(40), 1000, 5000)]
        for body in (*bodies, bytes(3), bytes(4), bytes(400), b"\xff" * 400):
            try:
                y_hat, z_hat = decode_latents(body, prior, CHANNELS, 128, 64)
            except StreamError as error:
                assert "the stream is damaged: " in str(error)
            else:
                assert y_hat.shape == (CHANNELS, 4, 8) and z_hat.shape == (CHANNELS // 2, 1, 2)


OTHER_LATENTS = "latents that were not coded"
TOO_MUCH = "the stream is damaged: it holds more than the picture"


def decoded(stream: bytes, prior: PortablePrior) -> tuple[Latent, Latent]:
    """As a codec does."""
    result = NcnStream.from_bytes(stream)
    if result.model != MODEL:
        raise StreamError("coded with other weights")
    width, height = (side + -side % MULTIPLE for side in (result.width, result.height))
    latents = decode_latents(result.body, prior, CHANNELS, width, height)
    if latents_checksum(*latents) != result.latents:
        raise StreamError(OTHER_LATENTS)
    return latents


def damaged(stream: bytes, body: int, rng: np.random.Generator) -> bytes:
    """With bits flipped, cut short, with bytes put in or taken out, or with its halves swapped."""
    at, some = int(rng.integers(len(stream))), int(rng.integers(1, 10))
    match rng.integers(6):
        case 0:
            return flipped(stream, int(rng.integers(8 * len(stream))))
        case 1:
            for bit in rng.integers(8 * len(stream), size=some):
                stream = flipped(stream, int(bit))
            return stream
        case 2:
            return stream[:at]
        case 3:
            return stream[:at] + rng.bytes(some) + stream[at:]
        case 4:
            return stream[:at] + stream[at + some :]
        case _:
            start = int(rng.choice([0, len(stream) - body]))
            return stream[:start] + stream[max(at, start) :] + stream[start : max(at, start)]


def mended(stream: bytes) -> bytes:
    """With a checksum as if it had been made so."""
    at = 1
    for _ in range(2):  # width and height end in a byte below 128
        while stream[at : at + 1] >= b"\x80":
            at += 1
        at += 1
    at += len(MODEL)
    if len(stream) < at + 2:
        return stream
    checksum = binascii.crc_hqx(stream[:at] + stream[at + 2 :], 0xFFFF)
    return stream[:at] + checksum.to_bytes(2, "little") + stream[at + 2 :]
