"""Polygons to pixels: an index per sample, then one look-up for colour, cover and mask."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

Colour = tuple[float, float, float]
Outline = npt.NDArray[np.float64]
Samples = npt.NDArray[np.uint8]
Number = TypeVar("Number", np.uint8, np.float32)


class Patch(NamedTuple):
    """A polygon on the picture; each of its rows is one run of pixels.

    What one sees through, as between spokes, is not solid, but it is in the mask.
    """

    outline: Outline  # (N, 2) columns and rows in pixels
    top: Colour
    bottom: Colour
    depth: float
    solid: bool = True


@dataclass(frozen=True)
class Frame:
    """What is painted so far: linear light, metres, class and instance of each pixel."""

    colour: npt.NDArray[np.float32]
    depth: npt.NDArray[np.float32]
    labels: npt.NDArray[np.uint8]
    ids: npt.NDArray[np.int32]


def blank(height: int, width: int) -> Frame:
    return Frame(
        np.zeros((height, width, 3), np.float32),
        np.full((height, width), np.inf, np.float32),
        np.zeros((height, width), np.uint8),
        np.zeros((height, width), np.int32),
    )


def fill(samples: Samples, outlines: Sequence[Outline], values: Sequence[int]) -> None:
    """Sets, polygon after polygon, the samples whose centres lie within.

    In a row that is one run, one edge goes up and one goes down: all edges of all polygons are
    followed at once, and only the writing goes one by one.
    """
    height, width = samples.shape
    counts = np.array([len(outline) for outline in outlines])
    starts = np.cumsum(counts) - counts
    corners = np.concatenate(outlines)
    following = np.arange(1, len(corners) + 1)
    following[starts + counts - 1] = starts
    x, y = corners[:, 0], corners[:, 1]
    edges = np.clip(np.ceil(y - 0.5), 0, height).astype(np.int64)
    ends = edges[following]
    first, last = int(edges.min()), int(edges.max())
    if first >= last:
        return
    begins = np.minimum(edges, ends)
    lengths = np.maximum(edges, ends) - begins
    edge = np.repeat(np.arange(len(corners)), lengths)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(lengths) - lengths - begins, lengths)
    rise = y[following] - y
    slope = (x[following] - x) / np.where(rise == 0, 1.0, rise)
    crossing = x[edge] + (row + 0.5 - y[edge]) * slope[edge]
    columns = np.rint(np.clip(crossing, 0, width)).astype(np.int32)
    owner = np.repeat(np.arange(len(counts)), counts)[edge]
    bounds = np.zeros((2, len(counts), last - first), np.int32)
    bounds[(ends > edges)[edge].astype(np.int64), owner, row - first] = columns
    left, right = np.minimum(bounds[0], bounds[1]), np.maximum(bounds[0], bounds[1])
    tops = (np.minimum.reduceat(edges, starts) - first).tolist()
    bottoms = (np.maximum.reduceat(edges, starts) - first).tolist()
    spans = np.clip((np.minimum.reduceat(x, starts), np.maximum.reduceat(x, starts)), -1, width)
    lefts, rights = np.floor(spans[0]).astype(int).tolist(), np.ceil(spans[1]).astype(int).tolist()
    every = np.arange(width, dtype=np.int32)
    for k, value in enumerate(values):
        begin, end, a, b = tops[k], bottoms[k], max(lefts[k], 0), rights[k]
        if begin >= end or a >= b:
            continue
        span = every[a:b]
        inside = span >= left[k, begin:end, None]
        inside &= span < right[k, begin:end, None]
        samples[first + begin : first + end, a:b][inside] = value


def _fineness(size: float) -> int:
    """Samples per pixel and axis: more for the small, whose edges are most of them."""
    return 4 if size < 40 else 3 if size < 80 else 2


def stamp(
    frame: Frame,
    patches: Sequence[Patch],
    label: int,
    ident: int,
    haze: tuple[float, Colour],
    dirt: npt.NDArray[np.float32] | None = None,
) -> None:
    """Paints patches, in order, with soft edges; with `ident` 0 the pixels are the label's.

    `dirt`, around 1, weighs the light of each pixel of the frame.
    """
    height, width = frame.depth.shape
    patches = patches[:254]  # an index is a byte
    outlines = [patch.outline for patch in patches]
    corners = np.concatenate(outlines)
    left, top = (math.floor(v) for v in corners.min(axis=0).tolist())
    right, bottom = (math.ceil(v) for v in corners.max(axis=0).tolist())
    fine = _fineness(max(bottom - top, 0.5 * (right - left)))
    left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
    if left >= right or top >= bottom:
        return
    rows, columns = bottom - top, right - left
    samples = np.zeros((rows * fine, columns * fine), np.uint8)
    shifted = [(outline - (left, top)) * fine for outline in outlines]
    fill(samples, shifted, range(1, len(patches) + 1))
    share = np.float32(1.0 / (fine * fine))
    table, depths = _palette(patches)
    total = _pooled(table.take(samples, axis=0, mode="clip"), fine) * share
    hit = _pooled((samples > 0).view(np.uint8), fine)
    covered = hit
    if not all(patch.solid for patch in patches):
        solid = np.array([False, *(patch.solid for patch in patches)], np.uint8)
        covered = _pooled(solid.take(samples, mode="clip"), fine)
    cover = (covered * share)[..., None]
    heights = (np.arange(top, bottom, dtype=np.float32) + np.float32(0.5))[:, None, None]
    colour = total[:, :, 0:3] + total[:, :, 3:6] * heights
    if dirt is not None:
        colour *= dirt[top:bottom, left:right, None]
    amount = np.float32(haze[0])
    colour *= 1 - amount
    colour += cover * (np.array(haze[1], np.float32) * amount)
    target = frame.colour[top:bottom, left:right]
    target *= 1 - cover
    target += colour
    mask = hit * 2 >= fine * fine
    middle = depths[samples[fine // 2 :: fine, fine // 2 :: fine]]
    near = np.where(middle > 0, middle, np.float32(patches[0].depth))
    np.copyto(frame.depth[top:bottom, left:right], near, where=mask)
    np.copyto(frame.labels[top:bottom, left:right], np.uint8(label), where=mask)
    np.copyto(frame.ids[top:bottom, left:right], np.int32(ident or label), where=mask)


def _pooled(samples: npt.NDArray[Number], fine: int) -> npt.NDArray[Number]:
    """Sums over squares of samples."""
    rows = samples[0::fine]
    for k in range(1, fine):
        rows = rows + samples[k::fine]
    total = rows[:, 0::fine]
    for k in range(1, fine):
        total = total + rows[:, k::fine]
    return total


def _palette(
    patches: Sequence[Patch],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Of each index: colour at row 0 and its change per row; and its depth."""
    rows: list[tuple[float, ...]] = [(0.0,) * 6]
    for patch in patches:
        if not patch.solid:
            rows.append((0.0,) * 6)
            continue
        head, foot = float(patch.outline[:, 1].min()), float(patch.outline[:, 1].max())
        run = max(foot - head, 1.0)
        steps = [(b - a) / run for a, b in zip(patch.top, patch.bottom, strict=True)]
        rows.append((*(a - step * head for a, step in zip(patch.top, steps, strict=True)), *steps))
    depths = np.array([0.0, *(patch.depth for patch in patches)])
    return np.array(rows, np.float32), depths.astype(np.float32)
