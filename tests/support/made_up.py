"""A finished store of any size in seconds, with figures that are made up and say so.

Its curves have a codec's shape, and images differ from each other in what they cost; there are no
bitstreams. As a program, ``python tests/support/made_up.py FOLDER`` makes one of 12 codecs,
4 points and 500 images.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.datasets.cityscapes_labels import CLASSES
from bench.metrics.matches import FALSE_POSITIVE, OVERLAPS, TRUE_POSITIVE, Matches
from bench.store import StoreWriter, rows

SIZE = (512, 256)
METRICS = ("psnr_y", "ssim_db", "vmaf", "psnr_rgb")
WHEN = "2026-01-05T10:00:00Z"
MACHINE = {"name": "made up", "processor": "made up", "system": "made up", "bench": "made up"}
INSTANCES = np.array([4, 1, 6, 1, 1, 1, 1, 2])
DETECTIONS = 30
SCORER, TRUTH = "made up", "ab" * 32
TRUTHS = json.dumps({"instances": TRUTH})


def fabricate(
    folder: Path,
    *,
    codecs: int = 12,
    points: int = 4,
    images: int = 500,
    datasets: Sequence[str] = ("made up",),
    task: bool = True,
    titles: Sequence[str] = (),
    failure: str | None = None,
    metrics: Sequence[str] = METRICS,
) -> Path:
    """A store whose n-th codec saves about 4 n percent of the first one's rate."""
    with StoreWriter(folder) as store, store.write_transaction():
        store.begin_run("made up: no codec ran", MACHINE)
        store.add_metrics(dict.fromkeys(metrics, "made up"))
        for number in range(1, codecs + 1):
            fingerprint = hashlib.sha256(_name(number).encode()).hexdigest()
            store.put(rows.Codec(number, fingerprint, "{}", "{}", f"{number}.0"))
        if task:
            scorer = rows.Scorer(
                *(1, SCORER, "made-up-network", "made up"),
                *("cityscapes-ap", json.dumps(CLASSES), None, 1),
            )
            store.put(scorer)
        for number, name in enumerate(datasets, start=1):
            _dataset(store, number, name, images)
            for codec in range(1, codecs + 1):
                title = titles[codec - 1] if codec <= len(titles) else f"made up, no. {codec}"
                _codec(store, codec, title, number, images, points, metrics, task)
        if failure:  # of the first picture of all
            store.delete(rows.Stream, id=11_000_000)
            store.put(rows.Failure(1, _digest(1, 0), "22", failure, 1, WHEN))
    return folder


def _digest(dataset: int, image: int) -> str:
    return hashlib.sha256(f"made up {dataset} {image}".encode()).hexdigest()


def _dataset(store: StoreWriter, number: int, name: str, images: int) -> None:
    digests = [_digest(number, image) for image in range(images)]
    first = number * 1_000_000
    digest = hashlib.sha256(f"{number} {name}".encode()).hexdigest()
    store.put(rows.Dataset(number, digest, "folder", name, name, number, None))
    for image, digest in enumerate(digests):
        store.put(rows.Image(first + image, digest, *SIZE))
        store.put(rows.Member(number, image, f"image-{image:03}", digest, TRUTHS))
        matches = _matches(0.8, image).to_bytes()
        store.put(rows.Original(first + image, 1, TRUTH, matches, None))


def _name(codec: int) -> str:
    return f"codec-{codec}"


def _codec(
    store: StoreWriter,
    codec: int,
    title: str,
    dataset: int,
    images: int,
    points: int,
    metrics: Sequence[str],
    task: bool,
) -> None:
    rng = np.random.default_rng([codec, dataset])
    qps = [22 + 5 * point for point in range(points)]
    its_name, keys = _name(codec), json.dumps([str(qp) for qp in qps])
    curve = rows.Planned(
        dataset, codec, its_name, title, "QP", True, False, its_name, keys, used=codec
    )
    store.put(curve)
    cost = np.exp(np.random.default_rng(dataset).normal(0, 0.4, (images, 1)))  # of the image
    bpp = np.geomspace(0.9, 0.06, points) * cost * np.exp(rng.normal(0, 0.02, (images, points)))
    quality = np.log2(bpp / cost) + 0.06 * (codec - 1) + rng.normal(0, 0.02, bpp.shape)
    first = codec * 10_000_000 + dataset * 1_000_000
    streams, measured, scored = [], [], []
    for image, point in np.ndindex(images, points):
        number = first + image * points + point
        size = max(1, round(float(bpp[image, point]) * SIZE[0] * SIZE[1] / 8))
        slow = 0.05 * 1.9 ** (codec - 1) * (2 - point / points)
        costs = (slow, slow, 0.02, 0.02)
        its_image, key = dataset * 1_000_000 + image, str(qps[point])
        streams.append(
            rows.Stream(number, codec, its_image, key, "00" * 32, size, *costs, 1, WHEN, None, None)
        )
        level = float(quality[image, point])
        values = (38 + 3 * level, 17 + 3 * level, 88 + 9 * level, 36 + 3 * level)
        numbered = zip(range(1, len(metrics) + 1), values, strict=False)
        measured += [rows.Measured(number, metric, value) for metric, value in numbered]
        if task:
            good = float(np.clip(0.7 + 0.12 * level, 0.02, 0.95))
            scored.append(rows.Scored(number, 1, TRUTH, _matches(good, number).to_bytes()))
    store.put(*streams)
    store.put(*measured)
    store.put(*scored)


def _matches(good: float, seed: int) -> Matches:
    """What a network finds that finds so great a share, the surest first."""
    rng = np.random.default_rng([seed, 7])
    classes = np.repeat(np.arange(8, dtype=np.uint8), INSTANCES * 2)[:DETECTIONS]
    found = rng.random(len(classes)) < good / 2
    reach = rng.integers(1, OVERLAPS + 1, len(classes))
    right = found[:, None] & (np.arange(OVERLAPS) < reach[:, None])
    states = np.where(right, TRUE_POSITIVE, FALSE_POSITIVE).astype(np.uint8)
    scores = np.where(found, 0.5, 0.1) + 0.4 * rng.random(len(classes))
    return Matches(classes, scores.astype(np.float32).astype(float), states, INSTANCES, INSTANCES)


if __name__ == "__main__":
    print(fabricate(Path(sys.argv[1])))
