"""The editions of the scenes, and what each has of its own; a published one never changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Edition:
    """How scenes are seen and filled."""

    version: str
    zoom: float  # N shows a window into a picture N times as fine
    reach: float  # how far away vehicles are, as a share of the first edition's
    stroll: float  # how far away people and their cycles are, likewise
    crowd: float  # how many people and vehicles there are, likewise
    cycles: float  # and cycles
    walls: bool  # whether some gardens have low walls
    crossing: float  # the share of people who cross the street
    pixels: Mapping[str, str]  # a digest of each split's first scenes
    labels: Mapping[str, str]  # and of their labels

    def driven(self, near: float, far: float) -> tuple[float, float]:
        """A range of depths, for vehicles."""
        return max(near * self.reach, min(near, 18.0)), far * self.reach

    def walked(self, near: float, far: float) -> tuple[float, float]:
        """A range of depths, for people and their cycles."""
        return max(near * self.stroll, min(near, 9.0)), far * self.stroll

    @property
    def key(self) -> str:
        """Where its random numbers begin."""
        return "toyscapes" if self.version == "1" else f"toyscapes {self.version}"


FIRST = Edition(
    "1",
    zoom=1,
    reach=1.0,
    stroll=1.0,
    crowd=1.0,
    cycles=1.0,
    walls=False,
    crossing=0.14,
    pixels={
        "train": "d1022dfbfa9a84279c023d49bd444e1fcffe067dfc8be61f8aaceb0cd42cbb57",
        "dev": "eae4c98fc0ab472b59c7f95ff95d0e8cafbd9c61b3e371ca5117b376e0704192",
        "val": "389b1756fe13001826b175d9c029fe67968c8c2a78a365bff72573c7d556a24b",
    },
    labels={
        "train": "1568c8f7264900f55b40c029f12adbf7f1c48175360eaf1c69961042978eddce",
        "dev": "b14a247d05dd8a66ef5fc141320b6d9bde008e65054e2539e974b7c6b7971f3e",
        "val": "033994fe081662803902ae393c691e792657ab4204957439732deb1069f3458b",
    },
)
# Seen through a longer lens: objects have Cityscapes' size in pixels, and so in latents.
SECOND = Edition(
    "2",
    zoom=2,
    reach=0.6,
    stroll=0.42,
    crowd=1.3,
    cycles=2.6,
    walls=True,
    crossing=0.3,
    pixels={
        "train": "78a9a369d1cdc5428783c694c1bddf3e8466417191304fa174b9b956b7052d63",
        "dev": "1b823fefbf407062b3d7f35fd6b938b3e71f17e434ceba61ce36c622ef6884b8",
        "val": "4c1368464f4c04654d3d37eefbd23bd174a5dfd8a1e7d85f30fa6f67857fe0f5",
    },
    labels={
        "train": "c0812ba9cf0ec9f3565230a95ef8a3b7b1b0ab2cfdfb9fdd48ad25c29bbde316",
        "dev": "f26a86f1d137c75744b0d2b14c2a8433d55b5227e126d7d8b554fe5b47ad943b",
        "val": "22dffeb0933ecf5b9de3c19aa8f984c83325c37493f0a39b37efe98f4fb26376",
    },
)
EDITIONS = {edition.version: edition for edition in (FIRST, SECOND)}
