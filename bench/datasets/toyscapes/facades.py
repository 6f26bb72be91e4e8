"""House fronts: pages of storeys and bays, tinted when they are seen."""

from __future__ import annotations

from functools import cache

import numpy as np

from bench.datasets.toyscapes.noise import Bytes, Floats32, Texture, layered, ripmap, to_bytes
from bench.datasets.toyscapes.stream import RandomStream

STYLES = 8
CELL = 128  # texels of a storey's height and of a bay's width
BAYS = 4
STOREY = 3.2  # metres
ROOF, GROUND_FLOOR, UPPER = 0, 1, 2  # rows of cells on a page; two of upper storeys
PER_METRE = CELL / STOREY

_Region = tuple[slice, slice]


class _Sheet:
    """A page while it is drawn: how much of the wall's own colour shows, and other colours."""

    def __init__(self, style: int, brick: bool) -> None:
        size = CELL * BAYS
        soft = layered(size, {512: 0.11, 128: 0.09, 32: 0.07, 8: 0.08, 2: 0.05}, "wall", style)
        self.tint: Floats32 = np.float32(0.82) + soft
        if brick:
            down = np.arange(size)[:, None]
            across = np.arange(size)[None, :] + (down // 4 % 2) * 6
            mortar = (down % 4 == 0) | (across % 12 == 0)
            tone = layered(size, {128: 0.30}, "brick", style)
            self.tint = np.where(mortar, np.float32(0.95), self.tint * np.float32(0.85) + tone)
        self.own = np.zeros((size, size, 3), np.float32)

    def paint(self, where: _Region, colour: tuple[float, float, float]) -> None:
        self.tint[where] = 0
        self.own[where] = colour

    def shade(self, where: _Region, by: float) -> None:
        self.tint[where] *= np.float32(by)
        self.own[where] *= np.float32(by)


def _box(top: float, left: float, bottom: float, right: float) -> _Region:
    return slice(int(top), int(bottom)), slice(int(left), int(right))


def _window(sheet: _Sheet, stream: RandomStream, y: int, x: int, high: int, wide: int) -> None:
    frame = stream.pick(((0.62, 0.62, 0.60), (0.5, 0.5, 0.48), (0.16, 0.12, 0.09)))
    sheet.paint(_box(y - 3, x - 3, y + high + 3, x + wide + 3), frame)
    glass = stream.uniform(0.012, 0.15)
    for k in range(0, high, 4):  # what a pane mirrors is brighter towards its top
        tone = glass * (1.5 - 0.9 * k / high)
        sheet.paint(
            _box(y + k, x, min(y + k + 4, y + high), x + wide), (tone, tone * 1.05, tone * 1.12)
        )
    if stream.chance(0.45):  # curtains or a blind
        light = stream.uniform(0.12, 0.42)
        drop = int(high * stream.uniform(0.15, 1.0))
        sheet.paint(_box(y, x, y + drop, x + wide), (light, light * 0.97, light * 0.9))
    if stream.chance(0.7):
        sheet.paint(_box(y, x + wide // 2 - 1, y + high, x + wide // 2 + 2), frame)
    if stream.chance(0.6):
        cross = y + int(high * 0.3)
        sheet.paint(_box(cross, x, cross + 3, x + wide), frame)
    sheet.shade(_box(y, x, y + 4, x + wide), 0.5)
    sheet.paint(_box(y + high + 3, x - 6, y + high + 7, x + wide + 6), (0.38, 0.37, 0.35))
    sheet.shade(_box(y + high + 7, x - 6, y + high + 11, x + wide + 6), 0.7)


def _balcony(sheet: _Sheet, stream: RandomStream, y: int, x: int) -> None:
    tone = stream.uniform(0.08, 0.4)
    sheet.paint(_box(y + 84, x + 14, y + 118, x + 114), (tone, tone, tone * 0.97))
    for k in range(x + 16, x + 114, 6):
        sheet.shade(_box(y + 86, k, y + 116, k + 3), 0.55)
    sheet.shade(_box(y + 118, x + 14, y + 127, x + 114), 0.45)


def _shop(sheet: _Sheet, stream: RandomStream, y: int, x: int) -> None:
    sign = stream.pick(
        (
            (0.30, 0.05, 0.04),
            (0.04, 0.08, 0.2),
            (0.05, 0.14, 0.08),
            (0.45, 0.43, 0.38),
            (0.06, 0.06, 0.06),
            (0.4, 0.26, 0.05),
        )
    )
    sheet.paint(_box(y + 18, x + 2, y + 36, x + 126), sign)
    for k in range(x + 20, x + 100, 7):  # letters
        if stream.chance(0.7):
            sheet.paint(_box(y + 23, k, y + 31, k + 4), (0.5, 0.5, 0.46))
    dark = stream.uniform(0.02, 0.05)
    sheet.paint(_box(y + 40, x + 8, y + 116, x + 120), (dark, dark, dark * 1.1))
    for _ in range(10):  # wares and mirrored street
        left, high = stream.integer(x + 10, x + 104), stream.integer(8, 50)
        tone = stream.uniform(0.02, 0.22)
        warm = stream.uniform(0.8, 1.25)
        sheet.paint(
            _box(y + 112 - high, left, y + 112, left + stream.integer(4, 14)),
            (tone * warm, tone, tone / warm),
        )
    if stream.chance(0.5):
        sheet.paint(_box(y + 40, x + 62, y + 116, x + 66), (0.3, 0.3, 0.3))
    if stream.chance(0.35):  # an awning
        for k in range(x + 2, x + 126, 10):
            stripe = (0.5, 0.48, 0.44) if (k // 10) % 2 else sign
            sheet.paint(_box(y + 36, k, y + 54, min(k + 10, x + 126)), stripe)
        sheet.shade(_box(y + 54, x + 2, y + 66, x + 126), 0.5)


def _door(sheet: _Sheet, stream: RandomStream, y: int, x: int) -> None:
    tone = stream.uniform(0.03, 0.2)
    sheet.paint(_box(y + 26, x + 40, y + 128, x + 88), (0.4, 0.39, 0.37))
    sheet.paint(_box(y + 32, x + 44, y + 128, x + 84), (tone * 1.3, tone, tone * 0.7))
    sheet.paint(_box(y + 36, x + 50, y + 66, x + 78), (0.04, 0.045, 0.05))


def _draw(style: int) -> Bytes:
    stream = RandomStream("façade", style)
    sheet = _Sheet(style, brick=style % 3 == 2)
    high, wide = stream.integer(56, 84), stream.integer(40, 74)
    if style == 5:  # an office: bands of glass
        high, wide = 74, 118
    twin = style == 3
    for storey in (2, 3):
        for bay in range(BAYS):
            y, x = storey * CELL, bay * CELL
            top = y + (118 - high) // 2 + 6
            if twin:
                for left in (12, 70):
                    _window(sheet, stream, top, x + left, high, 44)
            else:
                _window(sheet, stream, top, x + (CELL - wide) // 2, high, wide)
            if style in (1, 6) and bay % 2 == 0:
                _balcony(sheet, stream, y, x)
        if style in (0, 3, 4):  # a string course
            sheet.paint(_box(storey * CELL, 0, storey * CELL + 5, BAYS * CELL), (0.4, 0.39, 0.36))
            sheet.shade(_box(storey * CELL + 5, 0, storey * CELL + 9, BAYS * CELL), 0.6)
    for bay in range(BAYS):
        y, x = CELL, bay * CELL
        if style in (0, 2, 4, 5) and bay != 3:
            _shop(sheet, stream, y, x)
        elif bay == 3 or (style == 7 and bay == 1):
            _door(sheet, stream, y, x)
        else:
            _window(sheet, stream, y + 34, x + (CELL - wide) // 2, 62, wide)
    sheet.shade(_box(2 * CELL - 12, 0, 2 * CELL, BAYS * CELL), 0.55)  # the splashed foot
    tiles = np.arange(CELL)[:, None] % 8 + np.arange(BAYS * CELL)[None, :] * 0
    roof = np.float32(0.62) - np.float32(0.05) * (tiles < 2)
    sheet.tint[0:CELL] = (
        roof + layered(BAYS * CELL, {256: 0.10, 64: 0.06, 8: 0.08}, "roof", style)[:CELL]
    )
    for bay in range(BAYS):  # dormers or skylights
        if stream.chance(0.6):
            _window(sheet, stream, 50, bay * CELL + 44, 44, 40)
    sheet.paint(_box(CELL - 8, 0, CELL, BAYS * CELL), (0.2, 0.2, 0.19))  # the gutter
    page = np.zeros((CELL * BAYS, CELL * BAYS, 4), np.uint8)
    page[..., 0] = to_bytes(sheet.tint)
    page[..., 1:] = to_bytes(sheet.own)
    return page


@cache
def facades() -> Texture:
    return ripmap([_draw(style) for style in range(STYLES)], PER_METRE)
