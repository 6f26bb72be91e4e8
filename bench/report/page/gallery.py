"""The gallery of a page: a few images as each codec decodes them, with a network's detections.

Stored bitstreams are decoded, nothing is coded. A codec that cannot decode here is left out, and
the page says why.
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
from bench.instances.drawing import colour_of
from bench.metrics.matches import Matches
from bench.metrics.measure import Record
from bench.report import formatting
from bench.report.compare import Report
from bench.report.page.levels import (
    choose_levels,
    columns_at,
    harmonic_mean,
    images_by_difference,
)
from bench.report.page.picture_cache import PictureCache, Shapes, shapes
from bench.report.pictures import (
    MIN_SCORE,
    PictureSource,
    ScoredPictureSource,
    has_counts,
    true_instances,
)
from bench.store import CodecResults, Store

MAX_IMAGES = 8
# Of all pictures together; in the page, they take a third more.
USUAL_BYTES, MAX_BYTES = 4_300_000, 15_000_000
# A lossless street scene takes 0.43 to 0.72, or 1.3 as a neural codec leaves it; a lossy one 0.46.
BYTES_A_PIXEL = 0.75
LOSSY_BYTES_A_PIXEL = 0.46
FEW_IMAGES = 3


@dataclass(eq=False)
class Gallery:
    """The data of a gallery for the page, and the pictures that it refers to."""

    figures: dict[str, Any]
    files: list[bytes] = field(default_factory=list)


def make_gallery(
    store: Store, report: Report, root: Path | None, folder: Path, progress: Progress
) -> Gallery:
    """Pictures of the images on which codecs differ most; or why there are none."""
    try:
        return GalleryBuilder(store, report, root, folder).build(progress)
    except BenchError as error:
        return Gallery({"reason": str(error)})


class GalleryBuilder:
    """Chooses the pictures, and makes those that are not in the cache."""

    def __init__(self, store: Store, report: Report, root: Path | None, folder: Path) -> None:
        self.store, self.report, self.results, self.root = store, report, report.results, root
        self.task = next(filter(has_counts, self.results.tasks), None)
        self.task_fingerprint = self.task.fingerprint if self.task else ""
        self.levels = choose_levels(report)
        self.left_out: dict[str, str] = {}
        self.files: list[bytes] = []
        most_pixels = max((width * height for width, height in self.results.sizes), default=0)
        each = max(most_pixels, 1) * (1 + len(self.results.codecs) * len(self.levels))
        wanted = min(MAX_IMAGES, len(self.results.images))
        lossless = wanted * each * BYTES_A_PIXEL <= USUAL_BYTES
        few = min(FEW_IMAGES, wanted) * each * LOSSY_BYTES_A_PIXEL <= USUAL_BYTES
        self.most_bytes = USUAL_BYTES if lossless or few else MAX_BYTES
        fit = int(self.most_bytes / (each * LOSSY_BYTES_A_PIXEL))
        self.count = min(max(fit, 1), wanted)
        self.cache = PictureCache(folder, lossless=lossless)

    @cached_property
    def pictures(self) -> PictureSource:
        """Opened only if a picture has to be made."""
        if self.task is None:
            return PictureSource(self.store, self.results, self.root)
        return ScoredPictureSource(self.store, self.results, self.task, self.root)

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
            "of": len(self.results.images),
            "least_score": MIN_SCORE,
            "lossless": self.cache.lossless,
            "type": self.cache.media_type,
            "colours": {
                name: "rgb({} {} {})".format(*colour_of(index))
                for index, name in enumerate(self.task.classes if self.task else ())
            },
            "left_out": [f"{codec}: {reason}" for codec, reason in self.left_out.items()],
        }
        return Gallery(figures, self.files)

    def _image(self, row: int) -> dict[str, Any]:
        results = self.results
        name, (width, height) = results.images[row], results.sizes[row]
        original = self._picture((results.digests[row],), name, None)
        matches = self.task.originals[row] if self.task else None
        return {
            "name": name,
            "width": width,
            "height": height,
            "truth": self._truth(row) if self.task else [],
            "original": original | self._counts(matches),
            "codecs": [self._by(codec, row) for codec in self.results.codecs],
        }

    def _truth(self, row: int) -> Shapes:
        def make() -> Shapes:
            assert isinstance(self.pictures, ScoredPictureSource)
            assert self.task is not None
            truth = self.pictures.truth(self.results.images[row])
            instances = true_instances(truth, self.task.classes)
            return [shape | {"score": None} for shape in shapes(instances, 0)]

        key = self.results.digests[row], str(self.results.truths[row]), self.task_fingerprint
        return self.cache.shapes(key, make)

    def _by(self, codec: CodecResults, row: int) -> list[dict[str, Any] | None]:
        """The image as a codec decodes it at each level; two levels may have the same point."""
        columns = [int(columns_at(level, codec)[row]) for level in self.levels]
        decoded = {
            column: self._decoded(codec, row, column)
            for column in dict.fromkeys(columns)
            if column >= 0
        }
        return [decoded.get(column) for column in columns]

    def _decoded(self, codec: CodecResults, row: int, column: int) -> dict[str, Any] | None:
        if codec.name in self.left_out:
            return None
        point = codec.points[column]
        stream, *_ = codec.provenance[row, column]
        name = self.results.images[row]
        try:
            picture = self._picture((stream, codec.fingerprint), name, (codec.name, point))
        except BenchError as error:
            self.left_out[codec.name] = str(error)
            return None
        matches = codec.matches.get(self.task.name) if self.task else None
        values = {
            metric: float(codec.values[metric][row, column]) if metric in codec.values else math.nan
            for metric in self.report.image_metrics
        }
        first = next(iter(values.values()), math.nan)
        return {
            **picture,
            **self._counts(None if matches is None else matches[row, column]),
            "point": f"{codec.unit} {point}",
            "bits": f"{8 * int(codec.bytes[row, column]):,}".replace(
                ",", "\N{NARROW NO-BREAK SPACE}"
            ),
            "rate_text": formatting.mean("bpp", float(codec.bpp[row, column])),
            "qualities": [
                [formatting.short_title(metric), formatting.with_unit(metric, value)]
                for metric, value in values.items()
            ],
            "quality": first if math.isfinite(first) else None,
        }

    def _counts(self, record: Record | None) -> dict[str, Any]:
        counts = record.counts(MIN_SCORE) if isinstance(record, Matches) else None
        return {"counts": counts, "merit": None if counts is None else harmonic_mean(counts)}

    def _picture(
        self, key: tuple[str, ...], name: str, coded: tuple[str, Point] | None
    ) -> dict[str, Any]:
        """An image, original or decoded at a point, with the network's detections."""

        def make() -> tuple[Pixels, Shapes]:
            source = self.pictures
            pixels = source.decoded_pixels(name, *coded) if coded else source.pixels(name)
            if isinstance(source, ScoredPictureSource):
                return pixels, shapes(source.detect(pixels), MIN_SCORE)
            return pixels, []

        file, found = self.cache.picture((*key, self.task_fingerprint), make)
        self.files.append(file)
        return {"picture": len(self.files) - 1, "found": found}
