"""The ground: strips along the street, paint upon them, shadows; one look-up per pixel."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from bench.datasets.toyscapes import textures
from bench.datasets.toyscapes.camera import Camera
from bench.datasets.toyscapes.light import Light
from bench.datasets.toyscapes.noise import halvings
from bench.datasets.toyscapes.raster import Colour, Frame, fill

Array = npt.NDArray[np.float32]
Footprint = npt.NDArray[np.float64]  # (N, 2): x and z of a polygon on the ground


@dataclass(frozen=True)
class Course:
    """Where the street goes: x of its middle line at each z."""

    offset: float
    slope: float
    bend: float

    def middle(self, z: float) -> float:
        return self.offset + (self.slope + self.bend * z) * z

    def middles(self, z: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return self.offset + (self.slope + self.bend * z) * z

    def heading(self, z: float) -> float:
        """The street's direction as dx/dz."""
        return self.slope + 2 * self.bend * z


@dataclass(frozen=True)
class Strip:
    """What lies to the right of `left` (metres from the middle line), up to the next strip."""

    left: float
    material: int
    tint: Colour
    label: int


@dataclass(frozen=True)
class RoadMarking:
    """Paint or a kerb along the street, or (`across`) over it; dashes where `period` is not 0."""

    at: float
    width: float
    colour: Colour
    strength: float = 1.0
    period: float = 0.0
    dash: float = 0.0
    span: tuple[float, float] = (0.0, 1e4)  # along the line's own axis
    across: bool = False
    feather: float = 0.0  # metres over which it fades at its edges


@dataclass
class Ground:
    course: Course
    strips: list[Strip]
    lines: list[RoadMarking] = field(default_factory=list)
    crossing: tuple[float, float] | None = None  # z where a side street begins and ends
    road: int = 0  # the strip that the side street continues
    shadows: list[Footprint] = field(default_factory=list)  # from the sun
    dim: list[tuple[Footprint, int]] = field(default_factory=list)  # under things; 1 light … 3 dark


def _strength(line: RoadMarking, s: Array, z: Array, wide: Array, deep: Array) -> Array:
    """The share of each pixel that a line covers."""
    on, by, pixel_on, pixel_by = (z, s, deep, wide) if line.across else (s, z, wide, deep)
    half = np.float32(line.width / 2)
    edge = np.maximum(pixel_on, np.float32(line.feather)) if line.feather else pixel_on
    cover = np.clip((half - np.abs(on - np.float32(line.at))) / edge + np.float32(0.5), 0, 1)
    cover *= np.minimum(2 * half / edge, 1)
    if line.period:
        period = np.float32(line.period)
        phase = by / period
        phase = np.abs(phase - np.floor(phase) - np.float32(0.5)) * period
        dashes = np.clip((np.float32(line.dash / 2) - phase) / pixel_by + np.float32(0.5), 0, 1)
        # Where a pixel holds several dashes it holds their mean.
        mixed = np.clip(pixel_by / period, 0, 1)
        cover = cover * (dashes + (np.float32(line.dash / line.period) - dashes) * mixed)
    cover = cover * ((by >= np.float32(line.span[0])) & (by < np.float32(line.span[1])))
    result: Array = cover * np.float32(line.strength)
    return result


def _paint(
    line: RoadMarking, colour: Array, lightness: Array, s: Array, z: Array, wide: Array, deep: Array
) -> None:
    """Only where the line can be: some rows of one across, a few columns of one along."""
    reach = (line.width + line.feather) / 2
    if line.across:
        spread = np.float32(reach) + deep[:, 0]
        rows = np.flatnonzero(np.abs(z[:, 0] - np.float32(line.at)) < spread)
    else:
        rows = np.flatnonzero(
            (z[:, 0] >= np.float32(line.span[0])) & (z[:, 0] < np.float32(line.span[1]))
        )
    if rows.size == 0:
        return
    if line.across:
        part = slice(int(rows[0]), int(rows[-1]) + 1)
        cover = _strength(line, s[part], z[part], wide[part], deep[part])
        cover *= np.minimum(np.float32(0.45) + np.float32(0.75) * lightness[part], 1)
        colour[part] += (np.array(line.colour, np.float32) - colour[part]) * cover[..., None]
        return
    width = s.shape[1]
    first = (np.float32(line.at - reach) - s[rows, 0]) / wide[rows, 0]
    count = int(np.ceil(np.float32(2 * reach) / wide[rows[-1], 0])) + 4
    columns = (
        np.floor(first).astype(np.int32)[:, None]
        - 1
        + np.arange(min(count, width + 4), dtype=np.int32)
    )
    down, right = np.nonzero((columns >= 0) & (columns < width))
    if down.size == 0:
        return
    columns, down = columns[down, right], rows[down]
    cover = _strength(line, s[down, columns], z[down, 0], wide[down, 0], deep[down, 0])
    cover *= np.minimum(np.float32(0.45) + np.float32(0.75) * lightness[down, columns], 1)
    here = colour[down, columns]
    colour[down, columns] = here + (np.array(line.colour, np.float32) - here) * cover[:, None]


def _darkness(
    camera: Camera, top: int, outlines: list[tuple[Footprint, int]], tones: list[int]
) -> Array:
    """Polygons on the ground, twice as fine as the picture, then as a share of light per pixel."""
    rows = camera.height - top
    samples = np.zeros((rows * 2, camera.width * 2), np.uint8)
    if outlines:
        corners = np.concatenate([outline for outline, _ in outlines])
        scale = camera.focal / np.maximum(corners[:, 1], 1.0)
        flat = (
            np.stack(
                (camera.centre + corners[:, 0] * scale, camera.horizon - top + camera.eye * scale),
                axis=1,
            )
            * 2
        )
        ends = np.cumsum([len(outline) for outline, _ in outlines])[:-1]
        fill(samples, np.split(flat, ends), [tone for _, tone in outlines])
    light = np.array(tones, np.uint8).take(samples, mode="clip").astype(np.uint16)
    light = light[0::2] + light[1::2]
    result: Array = (light[:, 0::2] + light[:, 1::2]).astype(np.float32) * np.float32(1 / 800)
    return result


def lay(frame: Frame, camera: Camera, ground: Ground, light: Light) -> None:
    """Paints everything below the horizon."""
    top = int(camera.horizon) + 1
    rows = np.arange(top, camera.height, dtype=np.float64) + 0.5
    z64 = camera.focal * camera.eye / (rows - camera.horizon)
    z64 = np.minimum(z64, 2000.0)
    z = z64.astype(np.float32)[:, None]
    wide = (z64 / camera.focal).astype(np.float32)[:, None]
    deep = (z64 * z64 / (camera.focal * camera.eye)).astype(np.float32)[:, None]
    x = camera.slopes().astype(np.float32)[None, :] * z
    s = x - ground.course.middles(z64).astype(np.float32)[:, None]

    zone = np.zeros(s.shape, np.int32)
    for strip in ground.strips[1:]:
        zone += s >= np.float32(strip.left)
    if ground.crossing:
        begin, end = ground.crossing
        zone = np.where((z >= begin) & (z < end), np.int32(ground.road), zone)
    pages = np.array([strip.material for strip in ground.strips], np.int32)
    tints = np.array([strip.tint for strip in ground.strips], np.float32)
    texture = textures.ground()
    down = np.floor(z * np.float32(texture.per_metre)).astype(np.int32)
    across = np.floor(s * np.float32(texture.per_metre)).astype(np.int32)
    texel = texture.sample(
        pages[zone],
        down,
        across,
        halvings(deep.astype(np.float64) * texture.per_metre),
        halvings(wide.astype(np.float64) * texture.per_metre),
    )
    lightness = texel[..., 0].astype(np.float32) * np.float32(1 / 255)
    colour = tints[zone] * lightness[..., None]
    for line in ground.lines:
        _paint(line, colour, lightness, s, z, wide, deep)

    dim = _darkness(camera, top, sorted(ground.dim, key=lambda d: d[1]), [200, 160, 110, 60])
    sun = _darkness(camera, top, [(area, 1) for area in ground.shadows], [200, 0]) * dim
    up = np.float32(light.toward[1])
    fallen = np.stack(
        [
            np.float32(light.sky[c] * 0.9) * dim + np.float32(light.sun[c]) * up * sun
            for c in range(3)
        ],
        axis=2,
    )
    colour *= fallen
    veil = light.veils(z64).astype(np.float32)[:, None, None]
    colour += (np.array(light.haze, np.float32) - colour) * veil
    frame.colour[top:] = colour
    frame.depth[top:] = z
    labels = np.array([strip.label for strip in ground.strips], np.uint8)
    frame.labels[top:] = labels[zone]
    frame.ids[top:] = frame.labels[top:]
