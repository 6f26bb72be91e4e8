"""Single pictures of a report, original or decoded, with a network's detections.

Nothing is coded: stored bitstreams are decoded, and the network runs on the pictures, as in the
sweep.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.codecs.catalog import runnable
from bench.codecs.codec import Codec, Point, what_changed
from bench.datasets import Entry, open_dataset
from bench.errors import DataError, StoreError, UnavailableError
from bench.images.colour import Pixels
from bench.images.image import Image, pixel_digest
from bench.instances.detections import Detections
from bench.instances.objects import Objects
from bench.instances.pseudo_truth import Truth
from bench.metrics.instance_matching import SMALLEST
from bench.metrics.matches import Matches
from bench.store import CodecResults, Results, Store, TaskResults
from bench.tasks.classes import meet
from bench.tasks.scorer import Scorer
from bench.tasks.task import open_task

MIN_SCORE = 0.5  # of a detection that is drawn and counted


@dataclass(frozen=True, eq=False)
class ScoredPicture:
    """A picture, and what a task network detects in it."""

    point: Point | None  # None for an uncompressed picture
    pixels: Pixels
    bpp: float | None
    psnr: float | None  # of R, G and B, in dB
    detections: Detections
    matches: Matches

    @property
    def counts(self) -> tuple[int, int, int]:
        """True positives, false positives and false negatives at an overlap of one half."""
        return self.matches.counts(MIN_SCORE)


class PictureSource:
    """Pictures of a store's results, original and decoded."""

    def __init__(self, store: Store, results: Results, root: Path | None = None) -> None:
        self._store, self._results = store, results
        self._dataset = open_dataset(results.data, root=root)
        self._digests = dict(zip(results.images, results.digests, strict=True))
        self._opened = cache(runnable)

    def pixels(self, image: str) -> Pixels:
        """The pixels of an original image."""
        return self._image(image).pixels

    def decoded_pixels(self, image: str, codec: str, point: Point) -> Pixels:
        """The pixels that a codec decodes of an image at one of its points."""
        results, place = self._place(image, codec, point)
        if not results.done[place]:
            raise StoreError(f"{codec}: has not coded {image} at {results.unit} {point}")
        stream, *_ = results.provenance[place]
        return self._codec(results).decode(self._store.read_stream(stream))

    def _place(self, image: str, codec: str, point: Point) -> tuple[CodecResults, tuple[int, int]]:
        results = self._results.codec(codec)
        return results, (self._results.images.index(image), results.points.index(point))

    def _image(self, name: str) -> Image:
        """An image of the data set, which must be that of the results."""
        entry = self._entry(name)
        image = entry.load()
        if pixel_digest(image.pixels) != self._digests.get(name):
            raise DataError(f"{entry.path}: not the image that was coded; it has changed")
        return image

    def _entry(self, name: str) -> Entry:
        for entry in self._dataset.entries:
            if entry.name == name:
                return entry
        raise DataError(f"{self._results.dataset}: has no image '{name}' any more")

    def _codec(self, results: CodecResults) -> Codec:
        codec = self._opened(results.card)
        if codec.fingerprint != results.fingerprint:
            changes = what_changed(self._store.inputs(results.fingerprint), codec.inputs())
            raise UnavailableError(
                f"{codec.name}: has changed since its results were made ({changes}), so its "
                "bitstreams are not decoded; 'bench run' codes them again"
            )
        return codec


class ScoredPictureSource(PictureSource):
    """Pictures with the detections of one of the task networks."""

    def __init__(
        self, store: Store, results: Results, task: TaskResults, root: Path | None = None
    ) -> None:
        super().__init__(store, results, root)
        self._scorer = _scorer(task)
        self._truths = dict(zip(results.images, results.truths, strict=True))
        self.original = cache(self._original)
        self.truth = cache(self._truth)

    def decoded(self, image: str, codec: str, point: Point) -> ScoredPicture:
        """An image as a codec decodes it at one of its points."""
        pixels = self.decoded_pixels(image, codec, point)
        results, place = self._place(image, codec, point)
        psnr = float(results.values["psnr_rgb"][place]) if "psnr_rgb" in results.values else None
        bpp = float(results.bpp[place])
        return ScoredPicture(point, pixels, bpp, psnr, *self._detect(image, pixels))

    def mask(self, image: str, codec: str, point: Point) -> NDArray[np.float32]:
        """α of a codec's LSMnet averaged over its channels, an element for 16 by 16 pixels."""
        found = self._codec(self._results.codec(codec)).inspect(self._image(image), point)
        if "alpha" not in found:
            raise DataError(f"{codec}: has no LSMnet, whose α could be shown")
        alpha: NDArray[np.float32] = found["alpha"][0].mean(axis=0)
        return alpha

    def _original(self, image: str) -> ScoredPicture:
        """An original image."""
        pixels = self.pixels(image)
        return ScoredPicture(None, pixels, None, None, *self._detect(image, pixels))

    def _truth(self, image: str) -> Truth | Objects:
        """The truth of an image, which must be what it was scored against."""
        truth: Truth | Objects = self._scorer.truth_of(self._entry(image), self.pixels(image))
        if self._scorer.pseudo is None and truth.digest != self._truths.get(image):
            raise DataError(f"{image}: its labels are not those that results were scored against")
        return truth

    def detect(self, pixels: Pixels) -> Detections:
        found = self._scorer.predict(pixels)
        assert isinstance(found, Detections)  # of a network that is drawn
        return found

    def _detect(self, image: str, pixels: Pixels) -> tuple[Detections, Matches]:
        found = self.detect(pixels)
        record = self._scorer.judge(found, self.truth(image))
        assert isinstance(record, Matches)
        return found, record


def has_counts(task: TaskResults) -> bool:
    """Whether what a network finds in a picture is drawn, and counted as right or wrong."""
    return any(isinstance(record, Matches) for record in task.originals)


def true_instances(truth: Truth | Objects, names: Sequence[str]) -> Detections:
    """The instances of the truth, as a perfect network would detect them."""
    instances = (truth.classes >= 0) & ~truth.crowd
    places = np.flatnonzero(instances & (truth.areas >= SMALLEST))
    return Detections(
        (truth.height, truth.width),
        truth.classes[places],
        np.ones(len(places)),
        truth.boxes[places].astype(np.float64),
        tuple(truth.mask(int(place)) for place in places) if truth.has_masks else None,
        names=tuple(names),
    )


def _scorer(task: TaskResults) -> Scorer:
    network = open_task(task.name.partition(":")[0])
    meeting = None if task.pseudo is not None else meet(network.classes, task.classes, {})
    scorer = Scorer(network, task.measure, task.pseudo, meeting)
    if scorer.fingerprint != task.fingerprint:
        raise UnavailableError(
            f"{task.name}: the results are of other weights than those that it has here"
        )
    return scorer
