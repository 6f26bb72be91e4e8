"""A pinhole camera over a flat ground: x to the right, y up from the ground, z ahead, metres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Point = tuple[float, float, float]


def dot(a: Point, b: Point) -> float:
    """Written out: Python's `sum` of floats rounds otherwise from 3.12 on."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@dataclass(frozen=True)
class Camera:
    width: int
    height: int
    focal: float  # pixels
    centre: float  # column of the principal point
    horizon: float  # row of the horizon
    eye: float  # metres above the ground

    def project(self, points: Floats) -> Floats:
        """Columns and rows, continuous, of N points (N, 3)."""
        scale = self.focal / points[:, 2]
        columns = self.centre + points[:, 0] * scale
        rows = self.horizon + (self.eye - points[:, 1]) * scale
        return np.stack((columns, rows), axis=1)

    def place(self, point: Point) -> tuple[float, float, float]:
        """Column, row and pixels per metre of one point."""
        scale = self.focal / point[2]
        return (
            self.centre + point[0] * scale,
            self.horizon + (self.eye - point[1]) * scale,
            scale,
        )

    def slopes(self) -> Floats:
        """Of each column, the x that goes with z = 1."""
        return (np.arange(self.width, dtype=np.float64) + 0.5 - self.centre) / self.focal
