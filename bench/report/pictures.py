"""Single pictures of a report: what a codec left of an image, and what a network finds in that.

Nothing is coded: kept bitstreams are decoded, and the pictures looked at, as the sweep did.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.codecs.catalog import runnable
from bench.codecs.codec import Codec, Point, what_changed
from bench.datasets import open_dataset
from bench.errors import DataError, StoreError, UnavailableError
from bench.images.colour import Pixels
from bench.images.image import Image, pixel_digest
from bench.instances.detections import Detections
from bench.instances.ground_truth import Truth
from bench.instances.labels import EVALUATED
from bench.metrics.instance_matching import SMALLEST
from bench.metrics.matches import Matches
from bench.store import CodecResults, Results, Store, TaskResults
from bench.tasks.scorer import Scorer
from bench.tasks.task import open_task

MIN_SCORE = 0.5  # of a detection that is drawn and counted


@dataclass(frozen=True, eq=False)
class ScoredPicture:
    """A picture, and what a task network finds in it."""

    image: str
    codec: str | None  # None: as it was, uncompressed
    point: Point | None
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
    """Pictures of a store's results, as they were and as codecs left them."""

    def __init__(self, store: Store, results: Results, root: Path | None = None) -> None:
        self._store, self._results = store, results
        self._dataset = open_dataset(results.data, root=root)
        self._digests = dict(zip(results.images, results.digests, strict=True))
        self._opened = cache(runnable)

    def pixels(self, image: str) -> Pixels:
        """Of an image as it was."""
        return self._image(image).pixels

    def decoded_pixels(self, image: str, codec: str, point: Point) -> Pixels:
        """What a codec left of an image at one of its points."""
        its_results = self._results.codec(codec)
        row, column = self._results.images.index(image), its_results.points.index(point)
        if not its_results.done[row, column]:
            raise StoreError(f"{codec}: has not coded {image} at {its_results.unit} {point}")
        stream, *_ = its_results.provenance[row, column]
        return self._codec(its_results).decode(self._store.read_stream(stream))

    def _image(self, name: str) -> Image:
        """An image of the data set, which has to be that of the results."""
        for entry in self._dataset.entries:
            if entry.name == name:
                image = entry.load()
                if pixel_digest(image.pixels) != self._digests.get(name):
                    raise DataError(f"{entry.path}: not the image that was coded; it has changed")
                return image
        raise DataError(f"{self._results.dataset}: has no image '{name}' any more")

    def _codec(self, its_results: CodecResults) -> Codec:
        codec = self._opened(its_results.card)
        if codec.fingerprint != its_results.fingerprint:
            changes = what_changed(self._store.inputs(its_results.fingerprint), codec.inputs())
            raise UnavailableError(
                f"{codec.name}: has changed since its results were made ({changes}), so its "
                "bitstreams are not decoded; 'bench run' codes them again"
            )
        return codec


class ScoredPictureSource(PictureSource):
    """Pictures as one of the task networks sees them."""

    def __init__(
        self, store: Store, results: Results, task: TaskResults, root: Path | None = None
    ) -> None:
        super().__init__(store, results, root)
        self._scorer = _scorer(task)
        self._truths = dict(zip(results.images, results.truths, strict=True))
        self.original = cache(self._original)
        self.truth = cache(self._truth)

    def decoded(self, image: str, codec: str, point: Point) -> ScoredPicture:
        """What a codec left of an image at one of its points."""
        pixels = self.decoded_pixels(image, codec, point)
        its_results = self._results.codec(codec)
        row, column = self._results.images.index(image), its_results.points.index(point)
        psnr = its_results.values.get("psnr_rgb")
        return ScoredPicture(
            image,
            codec,
            point,
            pixels,
            float(its_results.bpp[row, column]),
            None if psnr is None else float(psnr[row, column]),
            *self._detect(image, pixels),
        )

    def mask(self, image: str, codec: str, point: Point) -> NDArray[np.float32]:
        """α of a codec's LSMnet averaged over its channels, an element for 16 by 16 pixels."""
        found = self._codec(self._results.codec(codec)).inspect(self._image(image), point)
        if "alpha" not in found:
            raise DataError(f"{codec}: has no LSMnet, whose α could be shown")
        alpha: NDArray[np.float32] = found["alpha"][0].mean(axis=0)
        return alpha

    def _original(self, image: str) -> ScoredPicture:
        """An image as it was."""
        pixels = self.pixels(image)
        return ScoredPicture(image, None, None, pixels, None, None, *self._detect(image, pixels))

    def _truth(self, image: str) -> Truth:
        """What is truly in an image, which has to be what it was scored against."""
        truth = self._scorer.truth_of(self._image(image))
        if self._scorer.pseudo is None and truth.digest != self._truths.get(image):
            raise DataError(f"{image}: its labels are not those that results were scored against")
        return truth

    def detect(self, pixels: Pixels) -> Detections:
        return self._scorer.task.detect(pixels)

    def _detect(self, image: str, pixels: Pixels) -> tuple[Detections, Matches]:
        found = self.detect(pixels)
        return found, self._scorer.judge(found, self.truth(image))


def true_instances(truth: Truth) -> Detections:
    """The instances that are to be found, as a network that is always right would find them."""
    labels = {label.id: place for place, label in enumerate(EVALUATED)}
    instances = (truth.ids >= 1000) & np.isin(truth.label_ids, list(labels))
    places = np.flatnonzero(instances & (truth.areas >= SMALLEST))
    return Detections(
        (truth.height, truth.width),
        np.array([labels[int(label)] for label in truth.label_ids[places]], np.int64),
        np.ones(len(places)),
        truth.boxes[places].astype(np.float64),
        tuple(truth.mask(int(place)) for place in places),
    )


def _scorer(task: TaskResults) -> Scorer:
    scorer = Scorer(open_task(task.name.partition(":")[0]), task.pseudo)
    if scorer.fingerprint != task.fingerprint:
        raise UnavailableError(
            f"{task.name}: the results are of other weights than those that it has here"
        )
    return scorer
