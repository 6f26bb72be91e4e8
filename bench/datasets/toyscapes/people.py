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
    cos, sin = turn(yaw)
    fallen = light.on((-cos * 0.2, 0.35, -0.8), lit)

    def at(right: float, up: float, ahead: float) -> Point:
        return (
            foot[0] + right * cos + ahead * sin,
            foot[1] + up,
            foot[2] - right * sin + ahead * cos,
        )

    def seen(colour: Colour, by: float = 1.0) -> Colour:
        return colour[0] * fallen[0] * by, colour[1] * fallen[1] * by, colour[2] * fallen[2] * by

    coat = stream.weighted(CLOTH)
    legs = stream.weighted(TROUSERS)
    skin, hair = stream.weighted(SKIN), stream.weighted(HAIR)
    stout = stream.uniform(0.85, 1.25) * tall / 1.75
    bare_arms = stream.chance(0.3)
    skirt = seat == 0 and stream.chance(0.16)
    long_coat = seat == 0 and stream.chance(0.25)
    hip_height = seat + 0.06 if seat else tall * 0.51
    shoulder_height = hip_height + tall * 0.31
    lean = 0.22 if seat else stream.uniform(-0.02, 0.05)
    shoulder, hip = 0.17 * stout, 0.09 * stout
    patches: list[Patch] = []

    def add_leg(side: float, step: float) -> None:
        top = at(side * hip, hip_height, 0)
        if seat:
            knee_up = hip_height - (0.12 if step > 0 else 0.34)
            knee = at(side * hip * 1.3, knee_up, 0.36 if step > 0 else 0.24)
            ankle = at(side * hip, 0.55 if step > 0 else 0.2, 0.18 if step > 0 else 0.12)
        else:
            knee = at(side * hip, hip_height * 0.53, step * 0.45 + abs(step) * 0.2)
            ankle = at(side * hip, 0.07 + max(-step, 0) * 0.2, step)
        cloth = skin if skirt else legs
        dark = 0.8 if side * cos > 0 else 1.0
        patches.append(
            limb(camera, knee, ankle, 0.060 * stout, 0.045 * stout, seen(cloth, 0.9 * dark))
        )
        patches.append(limb(camera, top, knee, 0.085 * stout, 0.065 * stout, seen(cloth, dark)))
        toe = (ankle[0] + 0.16 * sin, ankle[1] - 0.03, ankle[2] + 0.16 * cos)
        patches.append(limb(camera, ankle, toe, 0.05, 0.04, seen((0.03, 0.028, 0.026))))

    def add_arm(side: float, swing: float) -> None:
        top = at(side * shoulder, shoulder_height - 0.04, lean)
        if seat:
            elbow = at(side * shoulder * 1.3, shoulder_height - 0.25, lean + 0.18)
            hand = at(side * 0.24, seat + 0.18, lean + 0.42)
        else:
            elbow = at(side * shoulder * 1.25, shoulder_height - tall * 0.16, lean + swing * 0.3)
            hand = at(side * shoulder * 1.2, shoulder_height - tall * 0.30, lean + swing * 0.9)
        sleeve = skin if bare_arms else coat
        patches.append(limb(camera, top, elbow, 0.055 * stout, 0.045 * stout, seen(coat, 0.9)))
        patches.append(limb(camera, elbow, hand, 0.045 * stout, 0.038 * stout, seen(sleeve, 0.85)))
        patches.append(ball(camera, hand, 0.045, 0.05, seen(skin)))

    far = 1.0 if sin > 0 else -1.0  # whichever side is farther from the camera comes first
    add_arm(far, -stride)
    add_leg(far, stride)
    add_leg(-far, -stride)
    top, low = seen(coat, 1.1), seen(coat, 0.8)
    waist = at(0, hip_height, 0)
    chest = at(0, shoulder_height - 0.08, lean)
    if skirt or long_coat:
        hem = at(0, hip_height * 0.55, 0)
        cloth = seen(legs if skirt else coat, 0.85)
        patches.append(
            limb(camera, waist, hem, 0.13 * stout, 0.17 * stout, cloth, scaled(cloth, 0.7))
        )
    for side in (far, -far):
        patches.append(
            limb(
                camera,
                at(side * shoulder * 0.72, shoulder_height - 0.06, lean),
                at(side * hip * 0.9, hip_height, 0),
                0.085 * stout,
                0.10 * stout,
                top,
                low,
            )
        )
    patches.append(limb(camera, chest, waist, 0.11 * stout, 0.12 * stout, top, low))
    if seat == 0 and stream.chance(0.3):  # a bag or a rucksack
        bag = seen(stream.weighted(CLOTH))
        side = stream.pick((-1, 0, 1))
        place = at(side * 0.28, hip_height + 0.25 - abs(side) * 0.2, -0.18 * (1 - abs(side)))
        patches.append(ball(camera, place, 0.12, 0.18, bag, scaled(bag, 0.7)))
    add_arm(-far, stride)
    head_height = shoulder_height + tall * 0.115
    middle = at(0, head_height, lean + 0.03)
    patches.append(
        limb(camera, at(0, shoulder_height - 0.02, lean), middle, 0.05, 0.05, seen(skin, 0.8))
    )
    patches.append(
        ball(camera, middle, 0.085 * tall / 1.75, 0.115 * tall / 1.75, seen(skin), seen(skin, 0.8))
    )
    crown = at(0, head_height + 0.045, lean - 0.01)
    back = at(0, head_height + 0.01, lean - 0.03)
    helmet = seat > 0.6 and stream.chance(0.6)
    top_colour = (
        seen(stream.pick(((0.5, 0.5, 0.5), (0.03, 0.03, 0.03), (0.3, 0.05, 0.04))))
        if helmet
        else seen(hair)
    )
    if cos > 0.25:  # seen from behind
        patches.append(ball(camera, back, 0.09, 0.115, top_colour))
        if not helmet and stream.chance(0.35):
            patches.append(
                limb(camera, back, at(0, shoulder_height, lean - 0.05), 0.085, 0.07, top_colour)
            )
    else:
        patches.append(ball(camera, crown, 0.092, 0.085, top_colour))
        patches.append(
            ball(camera, at(0, head_height - 0.035, lean + 0.05), 0.062, 0.075, seen(skin))
        )
    return patches


def heading(stream: RandomStream) -> float:
    """Most people walk along the street."""
    along = stream.pick((0.0, math.pi))
    return (
        along + stream.uniform(-0.5, 0.5) if stream.chance(0.7) else stream.uniform(0, 2 * math.pi)
    )
