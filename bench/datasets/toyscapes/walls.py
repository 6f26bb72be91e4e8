"""Upright planes over a line on the ground: façades, hedges, fences, rows of trees.

With a level camera each column of the picture meets such a plane at one depth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bench.datasets.toyscapes import facades, textures
from bench.datasets.toyscapes.camera import Camera
from bench.datasets.toyscapes.light import Light
from bench.datasets.toyscapes.noise import halvings
from bench.datasets.toyscapes.raster import Colour, Frame

Array = npt.NDArray[np.float64]
Array32 = npt.NDArray[np.float32]
Surface = tuple[Array32, Array32 | None]
BUILDING, FENCE, GREEN, MASONRY = "building", "fence", "green", "masonry"


@dataclass(frozen=True)
class Wall:
    kind: str
    start: tuple[float, float]  # x and z
    end: tuple[float, float]
    eaves: float  # metres
    roof: float  # metres of roof above the eaves
    style: int
    tint: Colour
    roof_tint: Colour
    label: int
    key: int
    gable: bool = False  # the roof's triangle is seen from its end
    shade: float = -1e3  # metres up to which the houses opposite take the sun
    shift: float = 0.0

    def length(self) -> float:
        x, z = self.end[0] - self.start[0], self.end[1] - self.start[1]
        return math.sqrt(x * x + z * z)

    def bounds(self) -> tuple[float, float, float, float]:
        (x, z), (x2, z2) = self.start, self.end
        return min(x, x2), max(x, x2), min(z, z2), max(z, z2)


def _hashed(numbers: npt.NDArray[np.int64], key: int) -> npt.NDArray[np.int64]:
    mixed = (numbers + key) * 0x9E3779B1 & 0xFFFFFFFF
    return (mixed >> 13) ^ (mixed >> 7)


class Span(NamedTuple):
    """Where a wall stands in the picture, column by column."""

    columns: slice
    z: Array
    share: Array  # of the wall's length
    size: Array  # metres in a pixel, upright
    skew: Array  # metres in a pixel, along the wall
    height: Array
    head: Array
    foot: Array


def _stand(wall: Wall, camera: Camera) -> Span | None:
    (x0, z0), (x1, z1) = wall.start, wall.end
    run_x, run_z = x1 - x0, z1 - z0
    slopes = camera.slopes()
    below = run_x - slopes * run_z
    below = np.where(np.abs(below) < 1e-9, 1e-9, below)
    share = (slopes * z0 - x0) / below
    depth = z0 + share * run_z
    hits = np.flatnonzero((share >= 0) & (share < 1) & (depth > 0.8))
    if hits.size == 0:
        return None
    columns = slice(int(hits[0]), int(hits[-1]) + 1)
    z, share = np.maximum(depth[columns], 0.8), np.clip(share[columns], 0, 1)
    # Along the wall a pixel spans more, the more the wall runs away from the eye.
    skew = np.abs(wall.length() * z / below[columns]) / camera.focal
    height = np.full(z.shape, wall.eaves + wall.roof)
    if wall.kind == GREEN:
        height = height * _ragged(share * wall.length(), wall)
    elif wall.gable:
        height = wall.eaves + wall.roof * (1 - np.abs(2 * share - 1))
    elif wall.roof:
        height = height + _chimneys(share * wall.length(), wall)
    head = camera.horizon + (camera.eye - height) * camera.focal / z
    foot = camera.horizon + camera.eye * camera.focal / z
    return Span(columns, z, share, z / camera.focal, skew, height, head, foot)


class Skyline(NamedTuple):
    """The highest houses of each column: the row of their tops, and how far they are."""

    top: Array
    depth: Array

    def hides(self, camera: Camera, bounds: tuple[float, float, float, float], high: float) -> bool:
        """Whether all of a box on the ground is behind houses."""
        x, x2, z, z2 = bounds
        slopes = (x / z, x / z2, x2 / z, x2 / z2)
        first = max(0, math.floor(camera.centre + camera.focal * min(slopes)))
        last = min(camera.width, math.ceil(camera.centre + camera.focal * max(slopes)))
        head = camera.horizon + (camera.eye - high) * camera.focal / (
            z if high > camera.eye else z2
        )
        part = slice(first, last)
        return first < last and bool(((self.top[part] < head) & (self.depth[part] < z)).all())


def in_sight(walls: list[Wall], camera: Camera) -> tuple[list[Wall], Skyline]:
    """Those that nearer houses do not hide wholly."""
    top = np.full(camera.width, np.inf)
    depth = np.full(camera.width, np.inf)
    seen = []
    for wall in sorted(walls, key=lambda w: w.bounds()[2]):
        span = _stand(wall, camera)
        if span is None:
            continue
        over, near = top[span.columns], depth[span.columns]
        if ((over <= span.head) & (near < span.z)).all():
            continue
        seen.append(wall)
        if wall.kind == BUILDING:
            higher = span.head < over
            np.copyto(near, span.z, where=higher)
            np.copyto(over, span.head, where=higher)
    return seen, Skyline(top, depth)


def raise_wall(frame: Frame, camera: Camera, wall: Wall, light: Light) -> None:
    """Paints a wall over what is there."""
    span = _stand(wall, camera)
    if span is None:
        return
    columns, z, head, foot = span.columns, span.z, span.head, span.foot
    along = span.share * wall.length() + wall.shift
    top = max(0, int(np.floor(head.min())))
    bottom = min(camera.height, int(np.ceil(foot.max())))
    if top >= bottom:
        return
    rows = np.arange(top, bottom, dtype=np.float64)[:, None]
    above = (camera.eye + (camera.horizon - rows - 0.5) * span.size).astype(np.float32)
    cover = (np.clip(rows + 1 - head, 0, 1) * np.clip(foot - rows, 0, 1)).astype(np.float32)
    colour, solid = _SURFACES[wall.kind](wall, light, above, along, span)
    if solid is not None:
        cover = cover * solid
    veil = light.veils(z).astype(np.float32)[None, :, None]
    colour += (np.array(light.haze, np.float32) - colour) * veil
    share_of = cover.astype(np.float32)[..., None]
    target = frame.colour[top:bottom, columns]
    target += (colour - target) * share_of
    mask = (cover >= 0.5) & (rows < foot)
    deep = np.broadcast_to(z.astype(np.float32), mask.shape)
    np.copyto(frame.depth[top:bottom, columns], deep, where=mask)
    np.copyto(frame.labels[top:bottom, columns], np.uint8(wall.label), where=mask)
    np.copyto(frame.ids[top:bottom, columns], np.int32(wall.label), where=mask)


def _light_on(wall: Wall, light: Light, lit: float = 1.0) -> Colour:
    """Walls face the street: the side of the plane that the camera, at the origin, sees."""
    (x0, z0), (x1, z1) = wall.start, wall.end
    nx, nz = z1 - z0, x0 - x1
    norm = float(np.sqrt(nx * nx + nz * nz)) or 1.0
    if nx * x0 + nz * z0 > 0:
        norm = -norm
    return light.on((nx / norm, 0.0, nz / norm), lit)


def _building(wall: Wall, light: Light, above: Array32, along: Array, span: Span) -> Surface:
    texture = facades.facades()
    cell = facades.CELL
    bay = np.floor(along / facades.STOREY).astype(np.int64)
    across = ((along / facades.STOREY - bay) * cell).astype(np.int32)
    bay_kind = _hashed(bay, wall.key) % facades.BAYS
    across = across + (bay_kind * cell).astype(np.int32)
    storeys = np.floor(above / facades.STOREY)
    within = ((1 - (above / facades.STOREY - storeys)) * cell).astype(np.int32)
    storey = storeys.astype(np.int64)
    which = 2 + (_hashed(storey * 7 + bay[None, :] * 3, wall.key) & 1)
    which = np.where(storey == 0, facades.GROUND_FLOOR, which)
    down = which.astype(np.int32) * cell + within
    if wall.roof > 0:
        up = (1 - (above - wall.eaves) / wall.roof) * cell
        down = np.where(above >= wall.eaves, np.clip(up, 0, cell - 1).astype(np.int32), down)
    texel = texture.sample(
        np.int32(wall.style),  # type: ignore[arg-type]
        np.clip(down, 0, 4 * cell - 1),
        across[None, :],
        halvings(span.size * facades.PER_METRE)[None, :],
        halvings(span.skew * facades.PER_METRE)[None, :],
    ).astype(np.float32)
    tint = np.array(wall.tint, np.float32)
    tints = np.where((above >= wall.eaves)[..., None], np.array(wall.roof_tint, np.float32), tint)
    colour = texel[..., :1] * tints + texel[..., 1:]
    # The foot of a canyon sees less sky than its rim.
    open_sky = np.float32(0.0028) + np.clip(above * np.float32(1e-4), 0, np.float32(0.0012))
    dark, bright = (np.array(_light_on(wall, light, lit), np.float32) for lit in (0.0, 1.0))
    if wall.shade > -1e2:
        sunny = np.clip((above - np.float32(wall.shade)) * np.float32(3), 0, 1)[..., None]
        colour *= dark + (bright - dark) * sunny
    else:
        colour *= bright
    colour *= open_sky[..., None]
    return colour, None


def _chimneys(along: Array, wall: Wall) -> Array:
    """Here and there something stands on the ridge."""
    pitch = 4.7 + wall.key % 5
    phase = along / pitch
    whole = np.floor(phase)
    there = (_hashed(whole.astype(np.int64), wall.key) & 3) == 0
    inside = np.abs(phase - whole - 0.5) * pitch < 0.45
    return np.where(there & inside, 1.1, 0.0)


def _green(wall: Wall, light: Light, above: Array32, along: Array, span: Span) -> Surface:
    texture = textures.leaves()
    texel = texture.sample(
        np.int32(wall.style),  # type: ignore[arg-type]
        np.floor(above * -texture.per_metre).astype(np.int32),
        np.floor(along * texture.per_metre).astype(np.int32)[None, :],
        halvings(span.size * texture.per_metre)[None, :],
        halvings(span.skew * texture.per_metre)[None, :],
    )
    lightness = texel[..., 0].astype(np.float32) * np.float32(1 / 255)
    lump = texel[..., 2].astype(np.float32) * np.float32(1 / 255)
    high = np.clip(above / span.height, 0, 1).astype(np.float32)
    lightness = lightness * (np.float32(0.35) + np.float32(0.8) * high) * (np.float32(0.3) + lump)
    colour = lightness[..., None] * np.array(wall.tint, np.float32)
    colour *= np.array(_light_on(wall, light), np.float32)
    soft = np.maximum(0.12 * span.height, 0.15).astype(np.float32)
    edge = (span.height.astype(np.float32) - above) / soft
    edge = edge + texel[..., 1] * np.float32(1 / 255) - np.float32(0.6)
    return colour, np.clip(edge * np.float32(3), 0, 1)


def _fence(wall: Wall, light: Light, above: Array32, along: Array, span: Span) -> Surface:
    pitch = 0.14 if wall.style == 0 else 2.2
    phase = along / pitch - np.floor(along / pitch)
    picket = np.clip((0.35 - np.abs(phase - 0.5)) * pitch / span.skew + 0.5, 0, 1)
    picket = picket + (0.7 - picket) * np.clip(span.skew / pitch - 0.3, 0, 1)
    rail = (np.abs(above - 0.9 * span.height) < 0.05) | (np.abs(above - 0.3) < 0.05)
    solid = np.maximum(np.broadcast_to(picket, above.shape), rail)
    colour = np.empty((*above.shape, 3), np.float32)
    fallen = _light_on(wall, light)
    colour[:] = [wall.tint[c] * fallen[c] for c in range(3)]
    return colour, solid.astype(np.float32)


def _masonry(wall: Wall, light: Light, above: Array32, along: Array, span: Span) -> Surface:
    """A low wall of stones, with a coping."""
    texture = textures.ground()
    texel = texture.sample(
        np.int32(wall.style),  # type: ignore[arg-type]
        np.floor(above * np.float32(-texture.per_metre)).astype(np.int32),
        np.floor(along * texture.per_metre).astype(np.int32)[None, :],
        halvings(span.size * texture.per_metre)[None, :],
        halvings(span.skew * texture.per_metre)[None, :],
    )
    lightness = texel[..., 0].astype(np.float32) * np.float32(1 / 255)
    coping = np.clip((above - span.height.astype(np.float32)) * np.float32(12) + 2, 0, 1)
    lightness += (np.float32(1.15) - lightness) * coping
    colour = lightness[..., None] * np.array(wall.tint, np.float32)
    colour *= np.array(_light_on(wall, light), np.float32)
    return colour, None


_SURFACES = {BUILDING: _building, GREEN: _green, FENCE: _fence, MASONRY: _masonry}


def _ragged(along: Array, wall: Wall) -> Array:
    """Heights of a row of bushes: humps of changing size."""
    total = np.ones(along.shape)
    for period, depth in ((0.9, 0.06), (2.3, 0.14), (5.1, 0.22)):
        phase = along / (period * (1 + wall.eaves / 6)) + wall.key % 97 * 0.37
        whole = np.floor(phase)
        first = (_hashed(whole.astype(np.int64), wall.key) & 255) / 255.0
        second = (_hashed(whole.astype(np.int64) + 1, wall.key) & 255) / 255.0
        part = phase - whole
        part = part * part * (3 - 2 * part)
        total -= depth * (first + (second - first) * part)
    return total
