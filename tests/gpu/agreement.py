"""Whether a GPU gives what a CPU gives: latents, streams, pictures and detections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from findings import Findings, Options
from numpy.typing import NDArray

from bench.codecs.catalog import card_paths, load_codec, read_card
from bench.codecs.codec import Codec
from bench.codecs.families.ncn.checkpoint import load_ncn
from bench.codecs.families.ncn.entropy import Latent
from bench.codecs.families.ncn.model import NcnModel
from bench.codecs.families.ncn.portable import exact_prior
from bench.datasets.cityscapes_labels import CLASSES
from bench.images.colour import Pixels
from bench.images.image import read_pixels
from bench.instances.detections import Detections
from bench.metrics.average_precision import average_precision
from bench.metrics.instance_matching import match
from bench.vision import SHIPPED_WEIGHTS
from bench.vision.architecture import Architecture
from bench.vision.checkpoint import load_network
from bench.vision.detector import detect

CPU = torch.device("cpu")
# Of the elements of a latent, those that floating point may round to another whole number.
_MOST_ROUNDED = 1e-3
_SURE = 0.1  # the score of detections that both must find
_SAME_BOX, _SCORE, _PIXELS, _WAP = 0.9, 0.02, 2.0, 0.01


def streams(options: Options, found: Findings) -> None:
    """Each shipped NCN at each point: coded on both, decoded on the other."""
    pictures = [read_pixels(entry.path) for entry in options.entries(2)]
    if options.smallest:
        pictures = [pictures[0][:64, :128]]
    for codec in _shipped(options.smallest):
        assert codec.card.weights is not None
        paths = list(codec.card.weights.paths.values())
        counts = Counter[str]()
        for path in paths[:1] if options.smallest else paths:
            here, there = _model(path, CPU), _model(path, torch.device(options.device))
            for pixels in pictures:
                counts.update(_coded(here, there, pixels))
                counts["largest"] = max(counts["largest"], counts.pop("difference"))
            counts.update(_in_batches(there, pictures))
        _summarise(codec.name, counts, found)


def _shipped(smallest: bool) -> Iterator[Codec]:
    cards = [read_card(name) for name in card_paths()]
    names = [card.name for card in cards if card.family == "ncn" and "toyscapes" in card.sets]
    for name in ["ncn-hvs", "ncn-lsm"] if smallest else names:
        codec = load_codec(f"{name}:toyscapes")
        if codec.missing() is None:
            yield codec


def _model(path: Path, device: torch.device) -> NcnModel:
    ncn, lsm = load_ncn(path)
    prior = exact_prior(ncn, path, device)
    return NcnModel(ncn.to(device), lsm and lsm.to(device), prior, device)


def _coded(here: NcnModel, there: NcnModel, pixels: Pixels) -> dict[str, int]:
    """A picture coded on the CPU and on the device: how much of it is the same."""
    height, width, _ = pixels.shape
    latents, others = here.analyse(pixels).whole(), there.analyse(pixels).whole()
    stream, other = here.encode(*latents), there.encode(*others)
    decoded = (model.synthesise(latents[0], width, height) for model in (here, there))
    first, second = (picture.astype(np.int16) for picture in decoded)
    difference = np.abs(first - second)
    return {
        "pictures": 1,
        "elements": sum(part.size for part in latents),
        "rounded": sum(int((a != b).sum()) for a, b in zip(latents, others, strict=True)),
        "equal": int(stream == other),
        "recoded": int(there.encode(*latents) == stream),
        "decoded": int(
            _same(there.decode(stream, width, height), latents)
            and _same(here.decode(other, width, height), others)
        ),
        "difference": int(difference.max()),
        "samples": difference.size,
        "different": int((difference > 0).sum()),
    }


def _in_batches(model: NcnModel, pictures: list[Pixels]) -> dict[str, int]:
    """The latents of pictures that many threads bring at a time, against those of each alone."""
    alone = [model.analyse(pixels).whole() for pixels in pictures]
    with ThreadPoolExecutor(8) as pool:
        batched = [each.whole() for each in pool.map(model.analyse, pictures * 4)]
    pairs = [
        (one, other)
        for single, many in zip(alone * 4, batched, strict=True)
        for one, other in zip(single, many, strict=True)
    ]
    return {
        "batched": sum(one.size for one, _ in pairs),
        "rounded in batches": sum(int((one != other).sum()) for one, other in pairs),
    }


def _same(some: tuple[Latent, Latent], others: tuple[Latent, Latent]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(some, others, strict=True))


def _summarise(name: str, counts: Counter[str], found: Findings) -> None:
    pictures = counts["pictures"]
    rounded = counts["rounded"] / counts["elements"]
    found.details[name] = dict(counts)
    found.figures[name] = (
        f"{counts['recoded']} of {pictures} streams of the same latents equal, "
        f"{counts['decoded']} of {pictures} decoded by the other, "
        f"{counts['equal']} of {pictures} streams of the same picture equal; "
        f"{counts['rounded']} of {counts['elements']} elements differ; decoded pictures by at most "
        f"{counts['largest']}, in {100 * counts['different'] / counts['samples']:.3f} % of samples"
        f"; in batches, {counts['rounded in batches']} of {counts['batched']} elements differ"
    )
    batched = counts["rounded in batches"] / counts["batched"]
    found.expect(
        batched <= _MOST_ROUNDED, f"{name}: {batched:.2g} of the latents in batches differ"
    )
    found.expect(counts["recoded"] == pictures, f"{name}: other streams of the same latents")
    found.expect(counts["decoded"] == pictures, f"{name}: streams decoded to other latents")
    found.expect(rounded <= _MOST_ROUNDED, f"{name}: {rounded:.2g} of the latents differ")
    found.expect(counts["largest"] <= 1, f"{name}: pictures differ by {counts['largest']}")


def detections(options: Options, found: Findings) -> None:
    """mask-rcnn-toy in the same pictures: scores, boxes, masks and wAP."""
    weights = SHIPPED_WEIGHTS / "mask-rcnn-toy.safetensors"
    here, there = (
        load_network(weights, Architecture(), device)
        for device in (CPU, torch.device(options.device))
    )
    matches: tuple[list, list] = [], []
    pairs, sure = [], 0
    for entry in options.entries(16):
        pixels = read_pixels(entry.path)
        both = detect(here, pixels, CLASSES), detect(there, pixels, CLASSES)
        for some, others in (both, both[::-1]):
            pairs += _pairs(some, others)
            sure += int((some.scores >= _SURE).sum())
        assert entry.instances is not None
        truth = entry.instances.read()
        for those, each in zip(matches, both, strict=True):
            those.append(match(truth, each))
    wap, other_wap = (average_precision(each).wap for each in matches)
    score, pixel, mask = np.array(pairs).reshape(-1, 3).T
    found.figures |= {
        f"found by both, scoring {_SURE} or more": f"{len(pairs)} of {sure}",
        "largest difference of scores": f"{score.max(initial=0):.2g}",
        "largest difference of boxes": f"{pixel.max(initial=0):.2g} pixels",
        "smallest IoU of masks": f"{mask.min(initial=1):.4f}",
        "wAP on the CPU, on the device": f"{100 * wap:.2f}, {100 * other_wap:.2f}",
    }
    found.expect(sure > 0, "nothing was found")
    found.expect(len(pairs) >= 0.99 * sure, "detections without a counterpart")
    found.expect(score.max(initial=0) <= _SCORE, f"scores differ by more than {_SCORE}")
    found.expect(pixel.max(initial=0) <= _PIXELS, f"boxes differ by more than {_PIXELS} pixels")
    found.expect(abs(wap - other_wap) <= _WAP, f"wAP differs by more than {_WAP}")


def _pairs(some: Detections, others: Detections) -> Iterator[tuple[float, float, float]]:
    """Of each sure detection and its counterpart: differences of score and box, IoU of masks."""
    assert some.masks is not None
    assert others.masks is not None
    for index in np.flatnonzero(some.scores >= _SURE):
        overlaps = _overlaps(some.boxes[index], others.boxes)
        overlaps[others.classes != some.classes[index]] = 0
        nearest = int(overlaps.argmax()) if len(overlaps) else -1
        if nearest < 0 or overlaps[nearest] < _SAME_BOX:
            continue
        one, other = some.masks[index].decode(), others.masks[nearest].decode()
        union = (one | other).sum()
        yield (
            float(abs(some.scores[index] - others.scores[nearest])),
            float(np.abs(some.boxes[index] - others.boxes[nearest]).max()),
            float((one & other).sum() / union) if union else 1.0,
        )


def _overlaps(box: NDArray[np.float64], boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The intersection over union of one box with each of others."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    shared = (high - low).clip(0).prod(axis=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) + (box[2:] - box[:2]).prod()
    return np.asarray(shared / np.maximum(areas - shared, 1e-9))
