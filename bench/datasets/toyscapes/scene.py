"""One scene: laid out from its key, painted from far to near, photographed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bench.datasets.toyscapes import cycles, furniture, models, people, trees
from bench.datasets.toyscapes.camera import Camera
from bench.datasets.toyscapes.clutter import clutter
from bench.datasets.toyscapes.editions import FIRST, Edition
from bench.datasets.toyscapes.ground import lay
from bench.datasets.toyscapes.houses import line_up
from bench.datasets.toyscapes.light import Light, daylight
from bench.datasets.toyscapes.order import far_to_near
from bench.datasets.toyscapes.photograph import bonnet, expose
from bench.datasets.toyscapes.raster import Frame, Patch, blank, stamp
from bench.datasets.toyscapes.shadows import cast, within
from bench.datasets.toyscapes.sky import sky
from bench.datasets.toyscapes.stream import RandomStream
from bench.datasets.toyscapes.street import WHEELED, Bounds, Street, Thing, plan
from bench.datasets.toyscapes.textures import mottle
from bench.datasets.toyscapes.traffic import BICYCLE, MOTORCYCLE, PERSON, RIDER, model_of, populate
from bench.datasets.toyscapes.walls import Skyline, Wall, in_sight, raise_wall

WIDTH, HEIGHT = 512, 256
_SPLITS = ("train", "dev", "val")
_MIN = 10  # visible pixels, in a picture of 512×256, of anything that counts as an instance


@dataclass(frozen=True)
class Scene:
    pixels: npt.NDArray[np.uint8]  # H×W×3, RGB
    instance_ids: npt.NDArray[np.int32]  # H×W, as in Cityscapes: label·1000 + k, or the label
    label_ids: npt.NDArray[np.uint8]  # H×W
    depth: npt.NDArray[np.float32]  # H×W, metres along the camera's axis; infinite in the sky


def stored_depth(scene: Scene) -> npt.NDArray[np.uint16]:
    """Hundredths of a metre; 0 where there is nothing but sky, and beyond 655 m."""
    known = scene.depth < 655.35
    metres = np.where(known, scene.depth, np.float32(0))
    return np.rint(metres * np.float32(100)).astype(np.uint16)


def render(split: str, index: int, scale: int = 1, edition: Edition = FIRST) -> Scene:
    """The scene of that number, at 512×256 times `scale`: the same pixels everywhere, always."""
    if split not in _SPLITS:
        raise ValueError(f"no split {split!r}; there are {', '.join(_SPLITS)}")
    if scale not in (1, 2, 3, 4):
        raise ValueError(f"scale must be 1, 2, 3 or 4, not {scale}")
    stream = RandomStream(edition.key, split, index)
    fine = scale * edition.zoom
    camera = _camera(stream.child("camera"), scale, edition)
    light = daylight(stream.child("light"))
    street = plan(stream.child("street"), edition)
    line_up(stream.child("houses"), street)
    populate(street, stream.child("traffic"))
    frame = blank(camera.height, camera.width)
    _paint(frame, camera, light, street, stream, fine)
    if edition.zoom == 1:  # closer, the lower edge of the picture is in front of it
        bonnet(frame, stream.child("bonnet"), scale)
    _forget_specks(frame, fine)
    pixels = expose(frame, light, stream.child("film"), fine)
    return Scene(pixels, frame.ids, frame.labels, frame.depth)


def _camera(stream: RandomStream, scale: int, edition: Edition) -> Camera:
    if edition.zoom > 1:
        return _window(stream, scale, edition.zoom)
    return Camera(
        WIDTH * scale,
        HEIGHT * scale,
        565.0 * scale,
        (256.0 + stream.uniform(-8, 8)) * scale,
        (112.0 + stream.uniform(-8, 6)) * scale,
        stream.uniform(1.15, 1.4),
    )


def _window(stream: RandomStream, scale: int, zoom: float) -> Camera:
    """Part of a finer picture: around the end of the street, or beside it."""
    return Camera(
        WIDTH * scale,
        HEIGHT * scale,
        565.0 * zoom * scale,
        (256.0 + stream.uniform(-300, 300)) * scale,
        (105.0 + stream.uniform(-25, 25)) * scale,
        stream.uniform(1.15, 1.4),
    )


def _paint(
    frame: Frame, camera: Camera, light: Light, street: Street, stream: RandomStream, fine: float
) -> None:
    shaded = cast(street, light)
    drift = stream.child("sky")
    sky(frame, camera, light, (drift.integer(0, 511), drift.integer(0, 511)))
    lay(frame, camera, street.ground, light)
    dirt = _dirt(camera, stream.child("dirt"), fine)
    walls, skyline = in_sight(street.walls, camera)
    items: list[tuple[Bounds, Wall | Thing]] = [(wall.bounds(), wall) for wall in walls]
    things = [thing for thing in street.things if _in_picture(thing, camera, skyline)]
    items += [(thing.bounds, thing) for thing in things]
    places = np.array([(thing.x, thing.z) for thing in things]).reshape(-1, 2)
    hits = sum((within(area, places) for area in shaded), np.zeros(len(places), bool))
    dark = {id(thing) for thing, hit in zip(things, hits, strict=True) if hit}
    for item in far_to_near(items):
        if isinstance(item, Wall):
            raise_wall(frame, camera, _in_sunlight(item, street, light), light)
        else:
            _paint_thing(frame, camera, light, item, 0.0 if id(item) in dark else 1.0, dirt)


def _in_picture(thing: Thing, camera: Camera, skyline: Skyline) -> bool:
    """A quick no for what stands beside the field of view or behind houses."""
    left, right, near, far = thing.bounds
    spread = 1.2 + (thing.extra if thing.kind == "tree" else 0.0)
    if near < 0.8 or left - spread > 0.5 * far or -right - spread > 0.5 * far:
        return False
    box = left - spread, right + spread, near, far
    return not skyline.hides(camera, box, thing.height * 1.15 + 0.5)


def _dirt(camera: Camera, stream: RandomStream, fine: float) -> npt.NDArray[np.float32]:
    """Mottling fixed to the picture, as coarse as the picture is fine."""
    texture = mottle()
    size = len(texture)
    rows = (np.arange(camera.height) * 4 // int(2 * fine) + stream.integer(0, size - 1)) % size
    columns = (np.arange(camera.width) * 4 // int(2 * fine) + stream.integer(0, size - 1)) % size
    return texture[rows[:, None], columns[None, :]]


def _in_sunlight(wall: Wall, street: Street, light: Light) -> Wall:
    """Up to where the houses opposite keep the sun from a front along the street."""
    if light.sun[1] < 0.4 or wall.end[1] - wall.start[1] < 2:
        return wall
    sideways = abs(light.toward[0])
    if sideways < 0.05:
        return wall
    return replace(wall, shade=11.0 - 2 * street.houses * light.toward[1] / sideways)


_CLUTTER = {"bin": 4, "cabinet": 4, "column": 4, "parasol": 5, "planter": 21}


def _paint_thing(
    frame: Frame,
    camera: Camera,
    light: Light,
    thing: Thing,
    lit: float,
    dirt: npt.NDArray[np.float32],
) -> None:
    x, z, yaw = thing.x, thing.z, thing.yaw
    stream = RandomStream(thing.key)
    veil = light.veil(z)

    def draw(patches: list[Patch], label: int) -> None:
        stamp(frame, patches, label, thing.ids.get(label, 0), (veil, light.haze), dirt)

    if thing.kind in WHEELED:
        patches = models.seen(model_of(thing), camera, light, x, z, yaw, lit)
        draw(patches, next(iter(thing.ids)))
    elif thing.kind == "person":
        draw(people.figure(camera, light, stream, x, z, yaw, lit), PERSON)
    elif "bicycle" in thing.kind or "motorcycle" in thing.kind:
        bicycle = "bicycle" in thing.kind
        build = cycles.bicycle if bicycle else cycles.motorcycle
        draw(build(camera, light, stream, x, z, yaw, lit), BICYCLE if bicycle else MOTORCYCLE)
        if RIDER in thing.ids:
            seat = cycles.BICYCLE_SADDLE if bicycle else cycles.MOTORCYCLE_SADDLE
            draw(people.seated(camera, light, stream, x, z, yaw, lit, seat), RIDER)
    elif thing.kind == "tree":
        draw(trees.trunk(camera, light, stream, x, z, thing.height, lit), 21)
        trees.crown(frame, camera, light, stream, x, z, thing.height, thing.extra, lit, veil)
    elif thing.kind in _CLUTTER:
        patches = clutter(thing.kind, camera, light, stream, x, z, lit)
        draw(patches, _CLUTTER[thing.kind])
    elif thing.kind == "lamp":
        draw(furniture.lamp(camera, light, x, z, lit), 17)
    elif thing.kind == "bollard":
        draw([furniture.post(camera, light, x, z, 0.9, 0.06, lit, (0.05, 0.05, 0.05))], 17)
    else:
        draw([furniture.post(camera, light, x, z, thing.height + 0.2, 0.045, lit)], 17)
        if thing.kind == "sign":
            draw(furniture.sign(camera, light, stream, x, z, lit), 20)
        else:
            draw(furniture.signal(camera, light, stream, x, z, lit, thing.height), 19)


def _forget_specks(frame: Frame, fine: float) -> None:
    """Instances of which next to nothing is seen become their class's group."""
    counts = np.bincount(frame.ids.reshape(-1), minlength=1000)
    few = np.flatnonzero((counts > 0) & (counts < _MIN * fine * fine))
    few = few[few >= 1000]
    if few.size:
        table = np.arange(len(counts), dtype=np.int32)
        table[few] = few // 1000
        frame.ids[:] = table[frame.ids]
