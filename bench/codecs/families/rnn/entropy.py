"""The bits of each iteration to bytes and back, by an adaptive model of whole-number counts.

A bit's probability follows from how often each value came before in this iteration, in its channel
and beside the same neighbours: the bits to its left, above it, and in its place one iteration
earlier. No network is asked, so that every machine finds the same. Bits on one diagonal do not
depend on each other and go together. An iteration that would not become smaller is stored as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import constriction
import numpy as np
from numpy.typing import NDArray

from bench.errors import StreamError

Bits = NDArray[np.uint8]  # 0 or 1, B×H×W
Floats = NDArray[np.float64]
# What is to be coded where: the index in a map of bits, and the probabilities of a 1.
Take = Callable[[tuple[Any, ...], Floats], Bits]
_BERNOULLI = constriction.stream.model.Bernoulli(perfect=False)
_UNIT = 2**16  # of probabilities, which doubles then hold exactly
_NEIGHBOURS = 8  # combinations of three bits


def encode_bits(iterations: Sequence[Bits]) -> list[bytes]:
    """The bytes of each iteration, which need those of the iterations before, but no later ones."""
    model = _Model(*iterations[0].shape)
    return [_encoded(bits, model) for bits in iterations]


def decode_bits(coded: Sequence[bytes], bits: int, height: int, width: int) -> Iterator[Bits]:
    """The map of each iteration, of so many bits in each place."""
    model, total = _Model(bits, height, width), bits * height * width
    for content in coded:
        if len(content) == -(-total // 8):
            plain = np.unpackbits(np.frombuffer(content, np.uint8), count=total)
            yield _known(plain.reshape(bits, height, width), model)
        else:
            yield _decoded(content, model)


def _known(bits: Bits, model: _Model) -> Bits:
    """The same bits, which the model has seen then."""
    return model.walk(lambda at, chance: bits[at])


def _encoded(bits: Bits, model: _Model) -> bytes:
    values, chances = list[Bits](), list[Floats]()

    def take(at: tuple[Any, ...], chance: Floats) -> Bits:
        found: Bits = bits[at]
        values.append(found.ravel())
        chances.append(chance.ravel())
        return found

    model.walk(take)
    coder = constriction.stream.stack.AnsCoder()
    symbols = np.concatenate(values).astype(np.int32)
    # A stack: what is decoded first is encoded last.
    coder.encode_reverse(symbols, _BERNOULLI, np.concatenate(chances))
    coded: bytes = coder.get_compressed().astype("<u4").tobytes().rstrip(b"\0")
    plain = np.packbits(bits).tobytes()
    return coded if len(coded) < len(plain) else plain


def _decoded(content: bytes, model: _Model) -> Bits:
    words = np.frombuffer(content + bytes(-len(content) % 4), "<u4").astype(np.uint32)
    try:
        coder = constriction.stream.stack.AnsCoder(words)
    except ValueError as error:
        raise StreamError(f"the stream is damaged: {error}") from error

    def take(at: tuple[Any, ...], chance: Floats) -> Bits:
        symbols = coder.decode(_BERNOULLI, chance.ravel())
        found: Bits = symbols.astype(np.uint8).reshape(chance.shape)
        return found

    found = model.walk(take)
    if not coder.is_empty():
        raise StreamError("the stream is damaged: it holds more than the picture")
    return found


class _Model:
    """The probability of each bit, from what came before it."""

    def __init__(self, bits: int, height: int, width: int) -> None:
        # The last iteration, with a row above and a column at the left, which hold zeros.
        self._before = np.zeros((bits, height + 1, width + 1), np.uint8)
        self._channels = np.arange(bits)[:, None]
        rows, columns = np.indices((height, width)).reshape(2, -1)
        order = np.argsort(rows + columns, kind="stable")
        ends = np.cumsum(np.bincount(rows + columns))[:-1]
        self._diagonals = [(rows[at], columns[at]) for at in np.split(order, ends)]

    def walk(self, take: Take) -> Bits:
        """Go through an iteration's bits as a decoder must, a diagonal at a time; all of them."""
        # By neighbours and channel. Those of earlier iterations would foretell less than they cost.
        counts = np.zeros((_NEIGHBOURS, len(self._before), 2), np.int64)
        now = np.zeros_like(self._before)
        for y, x in self._diagonals:
            left, above, earlier = now[:, y + 1, x], now[:, y, x + 1], self._before[:, y + 1, x + 1]
            beside = 4 * earlier + 2 * above + left
            zeros, ones = np.moveaxis(counts[beside, self._channels], -1, 0)
            # As if each value had come half a time more.
            chance = ((2 * ones + 1) * _UNIT // (2 * (zeros + ones) + 2)) / _UNIT
            found = take((slice(None), y, x), chance)
            now[:, y + 1, x + 1] = found
            np.add.at(counts, (beside, self._channels, found), 1)
        self._before = now
        return now[:, 1:, 1:]
