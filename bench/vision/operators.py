"""Pooling and suppression for detectors, in plain torch.

Both are torchvision's ``roi_align`` (aligned, adaptive sampling) and greedy ``nms``, to rounding:
its compiled operators would tie every installation to one pair of torch and torchvision builds.
"""

from __future__ import annotations

import torch
from torch import Tensor

# Pooled windows held at once: a large picture's would not fit in memory together.
_WINDOW_ELEMENTS = 2**24


def pairwise_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """Intersection over union of every box (…, n, 4) with every other (…, m, 4)."""
    low = torch.maximum(boxes[..., :, None, :2], others[..., None, :, :2])
    high = torch.minimum(boxes[..., :, None, 2:], others[..., None, :, 2:])
    sides = (high - low).clamp(min=0)
    common = sides[..., 0] * sides[..., 1]
    union = _area(boxes)[..., :, None] + _area(others)[..., None, :] - common
    return torch.where(common > 0, common / union, torch.zeros_like(common))


def _area(boxes: Tensor) -> Tensor:
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def suppress(boxes: Tensor, threshold: float) -> Tensor:
    """Which boxes (…, n, 4), by falling score, greedy suppression keeps.

    A box falls if a better one that is kept overlaps it by more than the threshold. That rule is
    applied to all boxes at once until nothing changes, which takes as many rounds as the longest
    chain of boxes that suppress each other: a handful.
    """
    beats = (pairwise_iou(boxes, boxes) > threshold).triu(diagonal=1).to(boxes.dtype)
    kept = torch.ones(boxes.shape[:-1], dtype=boxes.dtype, device=boxes.device)
    while True:
        falls = torch.matmul(kept[..., None, :], beats)[..., 0, :] > 0
        survivors = (~falls).to(boxes.dtype)
        if torch.equal(survivors, kept):
            return ~falls
        kept = survivors


def roi_align(features: Tensor, boxes: Tensor, image: Tensor, scale: float, size: int) -> Tensor:
    """The mean of bilinear samples in each of ``size`` × ``size`` bins of each box.

    Bilinear interpolation and the mean are products of one factor along y and one along x, so
    a box is two small matrices around the window of features that it touches. Boxes with windows
    of similar size are pooled together. ``image`` says in which image of the batch each box lies.
    """
    count, channels, height, width = features.shape
    cells = features.permute(0, 2, 3, 1).reshape(count * height * width, channels)
    start, length = boxes[:, :2] * scale - 0.5, (boxes[:, 2:] - boxes[:, :2]) * scale
    extent = torch.tensor([width, height], device=boxes.device)
    first = start.floor().clamp(min=0).minimum(extent - 1)
    last = ((start + length).floor() + 1).clamp(min=0).minimum(extent - 1)
    sides = (last - first + 1).amax(dim=1).nan_to_num(1)
    pooled, places = [], []
    for groups in _by_window(sides, max(height, width), channels):
        windows = [_windows(first[these], side, (height, width)) for side, these in groups]
        index = [
            ((image[these, None] * height + row)[:, :, None] * width + column[:, None, :]).flatten()
            for (_, these), (column, row) in zip(groups, windows, strict=True)
        ]
        # One look-up for all of them: each would have a gradient as large as the features.
        values = cells.index_select(0, torch.cat(index)).to(boxes.dtype)
        parts = torch.split(values, [len(i) for i in index])
        for (_, these), (column, row), part in zip(groups, windows, parts, strict=True):
            across = _bin_weights(start[these, 0], length[these, 0], column, width, size)
            down = _bin_weights(start[these, 1], length[these, 1], row, height, size)
            window = part.reshape(len(these), row.shape[1], column.shape[1], channels)
            along_x = torch.einsum("rqx,ryxc->ryqc", across, window)
            pooled.append(torch.einsum("rpy,ryqc->rcpq", down, along_x))
            places.append(these)
    if not pooled:
        return cells.new_zeros(0, channels, size, size, dtype=boxes.dtype)
    return torch.cat(pooled)[torch.cat(places).argsort()]


def _by_window(sides: Tensor, longest: int, channels: int) -> list[list[tuple[int, Tensor]]]:
    """Batches of boxes that fit into memory, grouped by the side of a square around the window."""
    batches: list[list[tuple[int, Tensor]]] = []
    room, below, side = 0, 0, 4
    while below < longest:
        side = min(side, longest)
        elements = side * side * channels
        these = torch.nonzero((sides > below) & (sides <= side))[:, 0]
        for some in torch.split(these, max(1, _WINDOW_ELEMENTS // elements)) if len(these) else ():
            if room < len(some) * elements:
                batches.append([])
                room = _WINDOW_ELEMENTS
            batches[-1].append((side, some))
            room -= len(some) * elements
        below, side = side, max(side + 2, side * 3 // 2)
    return batches


def _windows(first: Tensor, side: int, shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """The columns and the rows of each window; one at an edge starts earlier, not later."""
    height, width = shape
    cells = []
    for axis, limit in ((0, width), (1, height)):
        length = min(side, limit)
        origin = first[:, axis].long().clamp(max=limit - length)
        cells.append(origin[:, None] + torch.arange(length, device=first.device))
    return cells[0], cells[1]


def _bin_weights(start: Tensor, length: Tensor, cell: Tensor, limit: int, size: int) -> Tensor:
    """The weight of each cell of the window (r, n) in each bin (r, size) along one axis."""
    bin_length = length / size
    samples = torch.ceil(bin_length).clamp(min=0)
    most = max(1, int(samples.max())) if len(samples) else 1
    step = torch.arange(most, device=start.device)
    bins = torch.arange(size, device=start.device)
    within = (step + 0.5) * (bin_length / samples.clamp(min=1))[:, None]
    at = (start[:, None] + bins * bin_length[:, None])[:, :, None] + within[:, None, :]
    counts = (step < samples[:, None])[:, None, :] & (at >= -1) & (at <= limit)
    at = at.clamp(0, limit - 1)
    near = (1 - (at[..., None] - cell[:, None, None, :]).abs()).clamp(min=0)
    total = (near * counts[..., None]).sum(dim=2)
    return total / samples.clamp(min=1)[:, None, None]
