"""People: a skeleton of limbs under clothes, standing, walking or riding."""

from __future__ import annotations

import math

from bench.datasets.toyscapes.camera import Camera, Point
from bench.datasets.toyscapes.light import Light
from bench.datasets.toyscapes.raster import Colour, Patch
from bench.datasets.toyscapes.shapes import ball, limb, scaled
from bench.datasets.toyscapes.stream import RandomStream, turn

CLOTH: dict[Colour, float] = {
    (0.02, 0.02, 0.025): 5,
    (0.05, 0.05, 0.055): 4,
    (0.03, 0.04, 0.09): 4,
    (0.10, 0.10, 0.10): 3,
    (0.25, 0.25, 0.24): 2,
    (0.50, 0.49, 0.47): 2,
    (0.16, 0.11, 0.07): 2,
    (0.22, 0.18, 0.12): 2,
    (0.20, 0.03, 0.03): 1,
    (0.05, 0.09, 0.05): 1,
    (0.08, 0.12, 0.22): 2,
    (0.30, 0.22, 0.06): 0.4,
    (0.25, 0.10, 0.13): 0.5,
}
TROUSERS: dict[Colour, float] = {
    (0.02, 0.02, 0.025): 5,
    (0.04, 0.05, 0.10): 4,
    (0.08, 0.11, 0.19): 3,
    (0.06, 0.06, 0.06): 2,
    (0.20, 0.17, 0.12): 1.5,
    (0.14, 0.14, 0.14): 1,
    (0.35, 0.33, 0.30): 0.6,
}
SKIN: dict[Colour, float] = {
    (0.45, 0.28, 0.20): 5,
    (0.36, 0.21, 0.14): 3,
    (0.20, 0.11, 0.07): 1,
    (0.09, 0.05, 0.03): 1,
}
HAIR: dict[Colour, float] = {
    (0.015, 0.012, 0.01): 4,
    (0.05, 0.03, 0.018): 3,
    (0.22, 0.15, 0.07): 2,
    (0.25, 0.25, 0.25): 1,
}


def figure(
    camera: Camera, light: Light, stream: RandomStream, x: float, z: float, yaw: float, lit: float
) -> list[Patch]:
    """Someone on foot; `yaw` is where they look, 0 away from the camera."""
    tall = stream.middling(1.5, 1.95) if stream.chance(0.9) else stream.uniform(0.95, 1.45)
    stride = stream.uniform(-0.26, 0.26) if stream.chance(0.75) else 0.03
    return _body(camera, light, stream, (x, 0.0, z), yaw, tall, lit, stride, seat=0.0)


def seated(
    camera: Camera,
    light: Light,
    stream: RandomStream,
    x: float,
    z: float,
    yaw: float,
    lit: float,
    seat: float,
) -> list[Patch]:
    """Someone on a saddle at this height, hands on the bar."""
    return _body(camera, light, stream, (x, 0.0, z), yaw, stream.uniform(1.6, 1.9), lit, 0.0, seat)


def _body(
    camera: Camera,
    light: Light,
    stream: RandomStream,
    foot: Point,
    yaw: float,
    tall: float,
    lit: float,
    stride: float,
    seat: float,
) -> list[Patch]:
    body = _Body(camera, light, stream, foot, yaw, tall, lit, seat)
    far = 1.0 if body.sin > 0 else -1.0  # whichever side is farther from the camera comes first
    return [
        *body.arm(far, -stride),
        *body.leg(far, stride),
        *body.leg(-far, -stride),
        *body.trunk(far),
        *body.bag(stream),
        *body.arm(-far, stride),
        *body.head(stream),
    ]


class _Body:
    """Someone's measures and clothes, and each part of them as patches."""

    def __init__(
        self,
        camera: Camera,
        light: Light,
        stream: RandomStream,
        foot: Point,
        yaw: float,
        tall: float,
        lit: float,
        seat: float,
    ) -> None:
        self.camera, self.foot, self.tall, self.seat = camera, foot, tall, seat
        self.cos, self.sin = turn(yaw)
        self.fallen = light.on((-self.cos * 0.2, 0.35, -0.8), lit)
        self.coat = stream.weighted(CLOTH)
        self.legs = stream.weighted(TROUSERS)
        self.skin, self.hair = stream.weighted(SKIN), stream.weighted(HAIR)
        self.stout = stream.uniform(0.85, 1.25) * tall / 1.75
        self.bare_arms = stream.chance(0.3)
        self.skirt = seat == 0 and stream.chance(0.16)
        self.long_coat = seat == 0 and stream.chance(0.25)
        self.hip_height = seat + 0.06 if seat else tall * 0.51
        self.shoulder_height = self.hip_height + tall * 0.31
        self.lean = 0.22 if seat else stream.uniform(-0.02, 0.05)
        self.shoulder, self.hip = 0.17 * self.stout, 0.09 * self.stout

    def at(self, right: float, up: float, ahead: float) -> Point:
        return (
            self.foot[0] + right * self.cos + ahead * self.sin,
            self.foot[1] + up,
            self.foot[2] - right * self.sin + ahead * self.cos,
        )

    def seen(self, colour: Colour, by: float = 1.0) -> Colour:
        f = self.fallen
        return colour[0] * f[0] * by, colour[1] * f[1] * by, colour[2] * f[2] * by

    def limb(
        self, start: Point, end: Point, radius: float, radius_end: float, *colours: Colour
    ) -> Patch:
        return limb(self.camera, start, end, radius, radius_end, *colours)

    def ball(self, middle: Point, wide: float, high: float, *colours: Colour) -> Patch:
        return ball(self.camera, middle, wide, high, *colours)

    def leg(self, side: float, step: float) -> list[Patch]:
        at, seen, stout, hip = self.at, self.seen, self.stout, self.hip
        top = at(side * hip, self.hip_height, 0)
        if self.seat:
            knee_up = self.hip_height - (0.12 if step > 0 else 0.34)
            knee = at(side * hip * 1.3, knee_up, 0.36 if step > 0 else 0.24)
            ankle = at(side * hip, 0.55 if step > 0 else 0.2, 0.18 if step > 0 else 0.12)
        else:
            knee = at(side * hip, self.hip_height * 0.53, step * 0.45 + abs(step) * 0.2)
            ankle = at(side * hip, 0.07 + max(-step, 0) * 0.2, step)
        cloth = self.skin if self.skirt else self.legs
        dark = 0.8 if side * self.cos > 0 else 1.0
        toe = (ankle[0] + 0.16 * self.sin, ankle[1] - 0.03, ankle[2] + 0.16 * self.cos)
        return [
            self.limb(knee, ankle, 0.060 * stout, 0.045 * stout, seen(cloth, 0.9 * dark)),
            self.limb(top, knee, 0.085 * stout, 0.065 * stout, seen(cloth, dark)),
            self.limb(ankle, toe, 0.05, 0.04, seen((0.03, 0.028, 0.026))),
        ]

    def arm(self, side: float, swing: float) -> list[Patch]:
        at, seen, stout, lean = self.at, self.seen, self.stout, self.lean
        shoulder, shoulder_height = self.shoulder, self.shoulder_height
        top = at(side * shoulder, shoulder_height - 0.04, lean)
        if self.seat:
            elbow = at(side * shoulder * 1.3, shoulder_height - 0.25, lean + 0.18)
            hand = at(side * 0.24, self.seat + 0.18, lean + 0.42)
        else:
            down = self.tall * 0.16, self.tall * 0.30
            elbow = at(side * shoulder * 1.25, shoulder_height - down[0], lean + swing * 0.3)
            hand = at(side * shoulder * 1.2, shoulder_height - down[1], lean + swing * 0.9)
        sleeve = self.skin if self.bare_arms else self.coat
        return [
            self.limb(top, elbow, 0.055 * stout, 0.045 * stout, seen(self.coat, 0.9)),
            self.limb(elbow, hand, 0.045 * stout, 0.038 * stout, seen(sleeve, 0.85)),
            self.ball(hand, 0.045, 0.05, seen(self.skin)),
        ]

    def trunk(self, far: float) -> list[Patch]:
        """A skirt or a coat, if there is one, and what is above."""
        at, stout = self.at, self.stout
        top, low = self.seen(self.coat, 1.1), self.seen(self.coat, 0.8)
        waist = at(0, self.hip_height, 0)
        chest = at(0, self.shoulder_height - 0.08, self.lean)
        patches: list[Patch] = []
        if self.skirt or self.long_coat:
            hem = at(0, self.hip_height * 0.55, 0)
            cloth = self.seen(self.legs if self.skirt else self.coat, 0.85)
            darker = scaled(cloth, 0.7)
            patches.append(self.limb(waist, hem, 0.13 * stout, 0.17 * stout, cloth, darker))
        for side in (far, -far):
            shoulder = at(side * self.shoulder * 0.72, self.shoulder_height - 0.06, self.lean)
            hip = at(side * self.hip * 0.9, self.hip_height, 0)
            patches.append(self.limb(shoulder, hip, 0.085 * stout, 0.10 * stout, top, low))
        return [*patches, self.limb(chest, waist, 0.11 * stout, 0.12 * stout, top, low)]

    def bag(self, stream: RandomStream) -> list[Patch]:
        """A bag or a rucksack, of some who walk."""
        if self.seat or not stream.chance(0.3):
            return []
        bag = self.seen(stream.weighted(CLOTH))
        side = stream.pick((-1, 0, 1))
        up = self.hip_height + 0.25 - abs(side) * 0.2
        place = self.at(side * 0.28, up, -0.18 * (1 - abs(side)))
        return [self.ball(place, 0.12, 0.18, bag, scaled(bag, 0.7))]

    def head(self, stream: RandomStream) -> list[Patch]:
        at, seen, lean = self.at, self.seen, self.lean
        height = self.shoulder_height + self.tall * 0.115
        middle = at(0, height, lean + 0.03)
        neck = at(0, self.shoulder_height - 0.02, lean)
        size = 0.085 * self.tall / 1.75, 0.115 * self.tall / 1.75
        patches = [
            self.limb(neck, middle, 0.05, 0.05, seen(self.skin, 0.8)),
            self.ball(middle, *size, seen(self.skin), seen(self.skin, 0.8)),
        ]
        helmet = self.seat > 0.6 and stream.chance(0.6)
        helmets = ((0.5, 0.5, 0.5), (0.03, 0.03, 0.03), (0.3, 0.05, 0.04))
        top = seen(stream.pick(helmets) if helmet else self.hair)
        if self.cos <= 0.25:
            crown = at(0, height + 0.045, lean - 0.01)
            face = at(0, height - 0.035, lean + 0.05)
            patches.append(self.ball(crown, 0.092, 0.085, top))
            return [*patches, self.ball(face, 0.062, 0.075, seen(self.skin))]
        back = at(0, height + 0.01, lean - 0.03)  # seen from behind
        patches.append(self.ball(back, 0.09, 0.115, top))
        if not helmet and stream.chance(0.35):
            hair = at(0, self.shoulder_height, lean - 0.05)
            patches.append(self.limb(back, hair, 0.085, 0.07, top))
        return patches


def heading(stream: RandomStream) -> float:
    """Most people walk along the street."""
    along = stream.pick((0.0, math.pi))
    return (
        along + stream.uniform(-0.5, 0.5) if stream.chance(0.7) else stream.uniform(0, 2 * math.pi)
    )
