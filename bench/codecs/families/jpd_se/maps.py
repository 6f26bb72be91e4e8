"""Maps of instance ids to bytes and back, without loss.

Most pixels have the id of a neighbour. W, N, NE and NW are tried in this order, each by a binary
decision: whether the pixel has that neighbour's id. Only where it has none of them, its id is
written. The probability of a decision is how often it was yes before, where the same of nine pairs
of neighbours had equal ids.

The pixels (y, x) with x + 2y = t are coded together, as all these neighbours come before them; in
an array with a row for each t and a column for each y, each neighbour is a shift. All is whole
numbers, so any machine decodes a map.
"""

from __future__ import annotations

from collections.abc import Callable

import constriction
import numpy as np
from numpy.typing import NDArray

from bench.codecs.families.neural_stream import number_to_bytes, read_number
from bench.errors import StreamError

Ids = NDArray[np.uint16]
_Numbers = NDArray[np.int32]  # of ids, in the order in which they appear
_Flags = NDArray[np.bool_]
_Decide = Callable[[NDArray[np.float64], _Flags], _Flags]
_Name = Callable[[int, int], int]

_OUTSIDE = -1  # what no pixel has
_MARGIN = 4  # rows and columns before the first ones
# Each neighbour as rows and columns before a pixel in the skewed array.
_W, _N, _NE, _NW = (1, 0), (2, 1), (1, 1), (3, 1)
_WW, _NN, _NNE, _NWW = (2, 0), (4, 2), (3, 2), (4, 1)
_CANDIDATES = (_W, _N, _NE, _NW)
_NEAR = (*_CANDIDATES, _WW, _NN, _NNE, _NWW)
_PAIRS = (
    (_W, _N), (_W, _NW), (_W, _NE), (_N, _NE), (_N, _NW), (_W, _WW), (_N, _NN), (_NE, _NNE),
    (_NW, _NWW),
)  # fmt: skip
_ADDED, _MOST = 32, 2**16  # what a decision adds to its count, and from where on counts are halved
_FIRST = {_W: (8, 40), _N: (24, 24), _NE: (24, 24), _NW: (24, 24)}  # counts of no and yes
_UNIT = 2**16  # of probabilities, which doubles hold exactly
_BITS, _ONE_OF = (
    constriction.stream.model.Bernoulli(perfect=False),
    constriction.stream.model.Uniform,
)


def encode_map(ids: Ids) -> bytes:
    """The bytes of a map."""
    if _is_tall(*ids.shape):
        ids = ids.T
    palette, numbers = _numbered(ids)
    coder = constriction.stream.queue.RangeEncoder()

    def decide(probabilities: NDArray[np.float64], decisions: _Flags) -> _Flags:
        coder.encode(decisions.astype(np.int32), _BITS, probabilities)
        return decisions

    def name(number: int, known: int) -> int:
        if known:
            coder.encode(number, _ONE_OF(known + 1))
        return number

    _walk(_skewed(numbers), ids.shape, decide, name)
    coded: bytes = coder.get_compressed().astype("<u4").tobytes().rstrip(b"\0")
    return number_to_bytes(len(palette)) + palette.astype("<u2").tobytes() + coded


def decode_map(stream: bytes, width: int, height: int) -> Ids:
    """The map of that size; damaged bytes give another one, or a StreamError."""
    if _is_tall(height, width):
        return decode_map(stream, height, width).T
    count, start = read_number(stream, 0)
    end = start + 2 * count
    if not 0 < count <= width * height or end > len(stream):
        raise StreamError("the stream is damaged: its map has no ids")
    palette = np.frombuffer(stream[start:end], "<u2")
    words = stream[end:] + bytes(-(len(stream) - end) % 4)
    coder = constriction.stream.queue.RangeDecoder(np.frombuffer(words, "<u4").astype(np.uint32))

    def decide(probabilities: NDArray[np.float64], _: _Flags) -> _Flags:
        decisions: _Flags = coder.decode(_BITS, probabilities).astype(bool)
        return decisions

    def name(_: int, known: int) -> int:
        number = int(coder.decode(_ONE_OF(known + 1))) if known else 0
        if number >= count:
            raise StreamError("the stream is damaged: its map has more ids than it lists")
        return number

    skewed = _skewed(np.full((height, width), _OUTSIDE, np.int32))
    try:
        _walk(skewed, (height, width), decide, name)
    except (AssertionError, ValueError) as error:  # from constriction
        raise StreamError("the stream is damaged: no map would be coded so") from error
    return palette[_straight(skewed, width, height)]


def _walk(skewed: _Numbers, shape: tuple[int, ...], decide: _Decide, name: _Name) -> None:
    """Code all pixels; their numbers are in the array already, or are filled in."""
    height, width = shape
    weights = 1 << np.arange(len(_PAIRS), dtype=np.int32)
    counts = {each: np.full((2 ** len(_PAIRS), 2), _FIRST[each]) for each in _CANDIDATES}
    known = 0
    for step in range(width + 2 * (height - 1)):
        row = step + _MARGIN
        start = max(0, (step - width + 2) // 2) + _MARGIN
        end = min(height - 1, step // 2) + 1 + _MARGIN
        pixels = skewed[row, start:end]
        near = {(up, back): skewed[row - up, start - back : end - back] for up, back in _NEAR}
        contexts = weights @ np.stack([near[one] == near[other] for one, other in _PAIRS])
        open_, tried = np.arange(end - start), list[_Numbers]()  # those of no candidate so far
        for each in _CANDIDATES:
            values = near[each][open_]
            differs = values != _OUTSIDE
            for other in tried:
                differs &= values != other[open_]
            asked = open_[differs]
            if len(asked):
                decisions = pixels[asked] == values[differs]
                found = _decided(counts[each], contexts[asked], decisions, decide)
                pixels[asked[found]] = values[differs][found]
                differs[differs] = found
                open_ = open_[~differs]
            if not len(open_):
                break
            tried.append(near[each])
        for place in open_:
            pixels[place] = number = name(int(pixels[place]), known)
            known = max(known, number + 1)


def _decided(
    counts: NDArray[np.int64], contexts: _Numbers, decisions: _Flags, decide: _Decide
) -> _Flags:
    """Code decisions by their counts, and count them."""
    no, yes = counts[contexts].T
    probabilities = (yes * (_UNIT - 2) // (no + yes) + 1) / _UNIT
    decisions = decide(probabilities, decisions)
    np.add.at(counts, (contexts, decisions.astype(np.intp)), _ADDED)
    many = np.unique(contexts[counts[contexts].sum(axis=1) > _MOST])
    counts[many] = (counts[many] + 1) // 2
    return decisions


def _is_tall(height: int, width: int) -> bool:
    """Tall maps are coded on their side: the skewed array would grow with the square of height."""
    return height > width


def _numbered(ids: Ids) -> tuple[Ids, _Numbers]:
    """The ids in the order in which they are coded first, and the number of each pixel's."""
    height, width = ids.shape
    order = np.arange(width) + 2 * np.arange(height)[:, None]
    flat = ids.ravel()[np.lexsort((np.arange(height).repeat(width), order.ravel()))]
    present, first = np.unique(flat, return_index=True)
    palette = present[np.argsort(first)]
    numbers = np.zeros(2**16, np.int32)
    numbers[palette] = np.arange(len(palette))
    return palette, numbers[ids]


def _skewed(numbers: _Numbers) -> _Numbers:
    """The pixel (y, x) in row x + 2y and column y, after the margins."""
    height, width = numbers.shape
    skewed = np.full((width + 2 * height + _MARGIN, height + _MARGIN), _OUTSIDE, np.int32)
    for y, row in enumerate(numbers):
        skewed[2 * y + _MARGIN :, y + _MARGIN][:width] = row
    return skewed


def _straight(skewed: _Numbers, width: int, height: int) -> _Numbers:
    rows = [skewed[2 * y + _MARGIN :, y + _MARGIN][:width] for y in range(height)]
    return np.stack(rows)
