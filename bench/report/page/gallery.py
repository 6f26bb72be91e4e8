"""The gallery of a page: a few images as each codec leaves them, and what a network finds there.

Only what is kept is shown: bitstreams are decoded, nothing is coded. What cannot be decoded here is
left out, and the page says why.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from bench.codecs.codec import Point
from bench.datasets.dataset import Progress
from bench.errors import BenchError
from bench.images.colour import Pixels
from bench.instances.drawing import COLOURS
from bench.metrics import describe, scorer_of
from bench.metrics.matches import Matches
from bench.report import formatting
from bench.report.compare import Report
from bench.report.page.levels import (
    choose_levels,
    columns_at,
    harmonic_mean,
    images_by_difference,
)
from bench.report.page.picture_cache import PictureCache, Shapes, shapes
from bench.report.pictures import MIN_SCORE, PictureSource, ScoredPictureSource, true_instances
from bench.store import CodecResults, Store, TaskResults

MAX_IMAGES = 8
# Of all pictures together; in the page, they take a third more.
USUAL_BYTES, MAX_BYTES = 4_300_000, 15_000_000
# A lossless street scene takes 0.43 to 0.72, or 1.3 as a neural codec leaves it; a lossy one 0.46.
BYTES_A_PIXEL = 0.75
LOSSY_BYTES_A_PIXEL = 0.46
FEW_IMAGES = 3


@dataclass(eq=False)
class Gallery:
    """What the page is given: figures, and the files that they speak of."""

    figures: dict[str, Any]
    files: list[bytes] = field(default_factory=list)


def make_gallery(
    store: Store, report: Report, root: Path | None, folder: Path, progress: Progress
) -> Gallery:
    """Pictures of the images on which codecs differ most; or why there are none."""
    task = next(iter(report.results.tasks), None)
    try:
        return GalleryBuilder(store, report, task, root, folder).build(progress)
    except BenchError as error:
        return Gallery({"reason": str(error)})


class GalleryBuilder:
    """Choosing the pictures, having them made, and putting them in their places."""

    def __init__(
        self,
        store: Store,
        report: Report,
        task: TaskResults | None,
        root: Path | None,
        folder: Path,
    ) -> None:
        self.store, self.report, self.task, self.root = store, report, task, root
        self.levels = choose_levels(report)
        self.codecs = list(report.results.codecs)
        self.columns = {
            (codec.name, level): columns_at(level, codec)
            for codec in self.codecs
            for level in self.levels
        }
        self.left_out: dict[str, str] = {}
        self.files: list[bytes] = []
        most_pixels = max((width * height for width, height in report.results.sizes), default=0)
        each = max(most_pixels, 1) * (1 + len(self.codecs) * len(self.levels))
        wanted = min(MAX_IMAGES, len(report.results.images))
        lossless = wanted * each * BYTES_A_PIXEL <= USUAL_BYTES
        few = min(FEW_IMAGES, wanted) * each * LOSSY_BYTES_A_PIXEL <= USUAL_BYTES
        self.most_bytes = USUAL_BYTES if lossless or few else MAX_BYTES
        fit = int(self.most_bytes / (each * LOSSY_BYTES_A_PIXEL))
        self.count = min(max(fit, 1), wanted)
        self.cache = PictureCache(folder, lossless=lossless)

    @cached_property
    def pictures(self) -> PictureSource:
        """Opened only if a picture has to be made; without a network, nothing is found in them."""
        if self.task is None:
            return PictureSource(self.store, self.report.results, self.root)
        return ScoredPictureSource(self.store, self.report.results, self.task, self.root)

    @cached_property
    def task_fingerprint(self) -> str:
        return self.task.fingerprint if self.task else ""

    def build(self, progress: Progress) -> Gallery:
        rows = images_by_difference(self.report, self.task, self.levels)[: self.count]
        images: list[dict[str, Any]] = []
        for done, row in enumerate(rows, start=1):
            before = len(self.files)
            image = self._image(row)
            if images and sum(map(len, self.files)) > self.most_bytes:
                del self.files[before:]
                break
            images.append(image)
            progress("pictures for the gallery, image", done, len(rows))
        figures = {
            "images": images,
            "levels": [level.title for level in self.levels],
            "task": self.task and self.task.name,
            "of": len(self.report.results.images),
            "least_score": MIN_SCORE,
            "lossless": self.cache.lossless,
            "type": self.cache.media_type,
            "colours": {name: f"rgb({r} {g} {b})" for name, (r, g, b) in COLOURS.items()},
            "left_out": [f"{codec}: {reason}" for codec, reason in self.left_out.items()],
        }
        return Gallery(figures, self.files)

    def _image(self, row: int) -> dict[str, Any]:
        results = self.report.results
        name, (width, height) = results.images[row], results.sizes[row]
        original = self._picture((results.digests[row],), name, None)
        matches = self.task.originals[row] if self.task else None
        return {
            "name": name,
            "width": width,
            "height": height,
            "truth": self._truth(row) if self.task else [],
            "original": original | self._counts(matches),
            "codecs": [self._by(codec, row) for codec in self.codecs],
        }

    def _truth(self, row: int) -> Shapes:
        def make() -> Shapes:
            assert isinstance(self.pictures, ScoredPictureSource)
            truth = self.pictures.truth(self.report.results.images[row])
            return [shape | {"score": None} for shape in shapes(true_instances(truth), 0)]

        results = self.report.results
        return self.cache.shapes(
            (results.digests[row], str(results.truths[row]), self.task_fingerprint), make
        )

    def _by(self, codec: CodecResults, row: int) -> list[dict[str, Any] | None]:
        """The image as a codec leaves it, at each level; two levels may have the same point."""
        columns = [int(self.columns[codec.name, level][row]) for level in self.levels]
        made = {
            column: self._decoded(codec, row, column)
            for column in dict.fromkeys(columns)
            if column >= 0
        }
        return [made.get(column) for column in columns]

    def _decoded(self, codec: CodecResults, row: int, column: int) -> dict[str, Any] | None:
        if codec.name in self.left_out:
            return None
        point = codec.points[column]
        stream, *_ = codec.provenance[row, column]
        name = self.report.results.images[row]
        try:
            picture = self._picture((stream, codec.fingerprint), name, (codec.name, point))
        except BenchError as error:
            self.left_out[codec.name] = str(error)
            return None
        seen = codec.matches.get(self.task.name) if self.task else None
        size = int(codec.bytes[row, column])
        measured = [name for name in self.report.metrics if scorer_of(name) is None]
        return {
            **picture,
            **self._counts(None if seen is None else seen[row, column]),
            "point": f"{codec.unit} {point}",
            "bits": f"{8 * size:,}".replace(",", "\N{NARROW NO-BREAK SPACE}"),
            "rate_text": formatting.mean("bpp", float(codec.bpp[row, column])),
            "qualities": [
                [formatting.short_title(name), _value(codec, name, row, column)]
                for name in measured
            ],
            "quality": _number(codec, measured[0], row, column) if measured else None,
        }

    def _counts(self, matches: Matches | None) -> dict[str, Any]:
        counts = None if matches is None else matches.counts(MIN_SCORE)
        return {"counts": counts, "merit": None if counts is None else harmonic_mean(counts)}

    def _picture(
        self, key: tuple[str, ...], name: str, coded: tuple[str, Point] | None
    ) -> dict[str, Any]:
        """An image, or what a codec left of it at a point, with what is found there."""

        def make() -> tuple[Pixels, Shapes]:
            source = self.pictures
            pixels = source.decoded_pixels(name, *coded) if coded else source.pixels(name)
            if isinstance(source, ScoredPictureSource):
                return pixels, shapes(source.detect(pixels), MIN_SCORE)
            return pixels, []

        file, found = self.cache.picture((*key, self.task_fingerprint), make)
        self.files.append(file)
        return {"picture": len(self.files) - 1, "found": found}


def _value(codec: CodecResults, metric: str, row: int, column: int) -> str:
    values = codec.values.get(metric)
    if values is None:
        return formatting.NOTHING
    return f"{formatting.mean(metric, float(values[row, column]))} {describe(metric).unit}".rstrip()


def _number(codec: CodecResults, metric: str, row: int, column: int) -> float | None:
    value = float(codec.values[metric][row, column]) if metric in codec.values else math.nan
    return value if math.isfinite(value) else None
