"""Daylight: the sun, the sky's own light, the haze."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.datasets.toyscapes.camera import dot
from bench.datasets.toyscapes.raster import Colour
from bench.datasets.toyscapes.stream import RandomStream, turn


@dataclass(frozen=True)
class Light:
    toward: tuple[float, float, float]  # unit vector to the sun
    sun: Colour  # light on a surface that faces the sun
    sky: Colour  # light on a surface that sees the whole sky
    haze: Colour
    haze_distance: float  # metres at which a third of what one sees is haze
    cloud: float  # 0 clear, 1 overcast
    exposure: float
    white: Colour

    def on(self, normal: tuple[float, float, float], lit: float = 1.0) -> Colour:
        """What falls on a surface; `lit` is the share of the sun that no building hides."""
        facing = dot(normal, self.toward)
        facing = max(facing, 0.0) * lit
        open_sky = 0.5 + 0.4 * normal[1]
        return (
            self.sky[0] * open_sky + self.sun[0] * facing,
            self.sky[1] * open_sky + self.sun[1] * facing,
            self.sky[2] * open_sky + self.sun[2] * facing,
        )

    def veil(self, distance: float) -> float:
        """The share of haze in what is seen at a distance; the square keeps the near clear."""
        ratio = distance / self.haze_distance
        return ratio * ratio / (1.0 + ratio * ratio + ratio)

    def veils(self, distance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        ratio = distance / self.haze_distance
        return ratio * ratio / (1.0 + ratio * ratio + ratio)


def daylight(stream: RandomStream) -> Light:
    sunny = stream.chance(0.45)
    heading, height = stream.uniform(0, 2 * math.pi), stream.uniform(0.45, 1.05)
    across, along = turn(heading)
    level, up = turn(height)
    cloud = stream.uniform(0.0, 0.55) if sunny else stream.uniform(0.7, 1.0)
    strength = stream.uniform(1.6, 3.4) if sunny else stream.uniform(0.0, 0.2)
    warm = stream.uniform(0.0, 0.12)
    sky = (0.92, 1.0, 1.1) if sunny else (1.0, 1.0, 1.0)
    shine = stream.uniform(0.85, 1.15)
    tint = stream.uniform(-0.05, 0.05)
    return Light(
        toward=(level * across, up, level * along),
        sun=(strength * (1 + warm), strength, strength * (1 - 1.3 * warm)),
        sky=sky,
        haze=(0.80, 0.84, 0.86),
        haze_distance=stream.uniform(150, 600),
        cloud=cloud,
        exposure=shine * (0.66 if sunny else 1.0),
        white=(0.87 + tint, 1.06, 0.91 - tint),
    )
