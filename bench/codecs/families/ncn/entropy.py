"""ŷ and ẑ to bytes and back, by asymmetric numeral systems over whole-number tables."""

from __future__ import annotations

import zlib
from functools import cache
from typing import Any

import constriction
import numpy as np
from numpy.typing import NDArray

from bench.codecs.families.ncn.laplace import reaches, weights
from bench.codecs.families.ncn.network import Y_STEP, Z_STEP
from bench.codecs.families.ncn.portable import PortablePrior
from bench.codecs.families.neural_stream import LATENTS
from bench.errors import CodecError, StreamError

Latent = NDArray[np.int16]
Tables = NDArray[np.uint16]
Centres = NDArray[np.int32]
_MAX = 2**15
# Values beyond a table's reach are escaped: the number of digits, then the digits and the sign.
_DIGITS = constriction.stream.model.Uniform(18)
_WRITTEN = constriction.stream.model.Uniform()


def encode_latents(y_hat: Latent, z_hat: Latent, prior: PortablePrior) -> bytes:
    """The bytes of an image's latents, N×H×W each."""
    coder = constriction.stream.stack.AnsCoder()
    steps: list[tuple[NDArray[np.int16], Tables, Centres]] = []
    prior.walk_z(z_hat, lambda tables, centres, at: steps.append((z_hat[at].T, tables, centres)))
    # A stack: what is decoded first is encoded last.
    _push(coder, y_hat, *prior.y_tables(z_hat))
    for values, tables, centres in reversed(steps):
        _push(coder, values, tables, centres)
    return bytes(coder.get_compressed().astype("<u4").tobytes().rstrip(b"\0"))


def decode_latents(
    stream: bytes, prior: PortablePrior, hyper: int, width: int, height: int
) -> tuple[Latent, Latent]:
    """ŷ and ẑ of an image of that size, each side a multiple of 64.

    ``hyper`` is the number of the entropy model's channels, half of which ẑ has.
    """
    words = np.frombuffer(stream + bytes(-len(stream) % 4), "<u4").astype(np.uint32)
    try:
        coder = constriction.stream.stack.AnsCoder(words)
    except ValueError as error:
        raise StreamError(f"the stream is damaged: {error}") from error
    z_hat = np.zeros((hyper // 2, height // Z_STEP, width // Z_STEP), np.int16)

    def take(tables: Tables, centres: Centres, at: Any) -> None:
        z_hat[at] = _pop(coder, tables, centres).T

    prior.walk_z(z_hat, take)
    tables, centres = prior.y_tables(z_hat)
    assert tables.shape[1:] == (height // Y_STEP, width // Y_STEP)
    y_hat = _pop(coder, tables, centres)
    if not coder.is_empty():
        raise StreamError("the stream is damaged: it holds more than the picture")
    return y_hat, z_hat


def latents_checksum(y_hat: Latent, z_hat: Latent) -> bytes:
    """A checksum of the coded latents: a decoder must not return a picture of other ones."""
    crc = zlib.crc32(z_hat.astype("<i2").tobytes(), zlib.crc32(y_hat.astype("<i2").tobytes()))
    return crc.to_bytes(4, "little")[:LATENTS]


def as_latent(values: NDArray[np.float32]) -> Latent:
    """Rounded values as whole numbers."""
    if not (np.abs(values) < _MAX).all():
        raise CodecError("latents beyond ±32767: its weights are not trained")
    return values.astype(np.int16)


def _push(coder: Any, values: Latent, tables: Tables, centres: Centres) -> None:
    order, groups, reach = _grouped(tables)
    away = (values - centres).ravel()[order]
    beyond = np.abs(away) > reach
    symbols = np.where(beyond, 2 * reach + 1, away + reach).astype(np.int32)
    if beyond.any():
        _push_written(coder, away[beyond], reach[beyond])
    for table, start, end in reversed(groups):
        coder.encode_reverse(symbols[start:end], _model(table))


def _pop(coder: Any, tables: Tables, centres: Centres) -> Latent:
    order, groups, reach = _grouped(tables)
    symbols = [coder.decode(_model(table), end - start) for table, start, end in groups]
    away = np.concatenate(symbols) - reach
    beyond = away > reach
    if beyond.any():
        away[beyond] = _pop_written(coder, reach[beyond])
    values = centres.ravel()
    values[order] += away
    values = values.clip(-_MAX, _MAX - 1)  # a damaged stream may say anything
    return values.astype(np.int16).reshape(tables.shape)


def _push_written(coder: Any, away: NDArray[np.int32], reach: NDArray[np.int32]) -> None:
    further = np.abs(away) - reach
    digits = np.frexp(further)[1].astype(np.int32)  # of a binary number, whose first is 1
    half = np.left_shift(1, digits - 1)
    written = further - half + np.where(away < 0, half, 0)
    coder.encode_reverse(written.astype(np.int32), _WRITTEN, (2 * half).astype(np.int32))
    coder.encode_reverse(digits, _DIGITS)


def _pop_written(coder: Any, reach: NDArray[np.int32]) -> NDArray[np.int32]:
    half = np.left_shift(1, np.maximum(coder.decode(_DIGITS, len(reach)) - 1, 0))
    written = coder.decode(_WRITTEN, (2 * half).astype(np.int32))
    below = written >= half
    further = np.where(below, written, written + half)
    away: NDArray[np.int32] = np.where(below, -1, 1) * (further + reach)
    return away


def _grouped(
    tables: Tables,
) -> tuple[NDArray[np.intp], list[tuple[int, int, int]], NDArray[np.int32]]:
    """The elements in order of their tables, the range of each table, and each element's reach."""
    flat = tables.ravel()
    order = np.argsort(flat, kind="stable")
    ordered = flat[order]
    ends = np.array([0, *(np.flatnonzero(np.diff(ordered)) + 1), len(flat)])
    used = ordered[ends[:-1]]
    groups = list(zip(used.tolist(), ends[:-1].tolist(), ends[1:].tolist(), strict=True))
    return order, groups, np.repeat(reaches()[used], np.diff(ends))


@cache
def _model(table: int) -> Any:
    return constriction.stream.model.Categorical(weights(table), perfect=False)
