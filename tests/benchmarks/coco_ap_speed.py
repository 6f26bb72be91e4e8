"""What COCO's AP costs: COCO's own tool against ours, on the same sets.

    python tests/benchmarks/coco_ap_speed.py [--images N] [--rounds N]

Made-up images of 640x480 with 7 objects of COCO's 80 classes and a hundred detections each, 40 of
them near an object. Both start from labels and results in memory. The tool's time is of evaluate,
accumulate and summarize; ours of matching, of the records as bytes and back, and of all figures.
They take turns, so that both meet the same machine.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import statistics
import time
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from figures import options_of, print_figures, spread
from numpy.typing import NDArray
from pycocotools import coco
from pycocotools.cocoeval import COCOeval

from bench.instances.detections import Detections
from bench.instances.objects import Objects
from bench.instances.run_lengths import RunLengths, encode, mask_areas
from bench.metrics.coco_ap import CocoAP, coco_ap
from bench.metrics.coco_matching import CocoMatches, match
from bench.vision.coco_classes import COCO

SIZE = HEIGHT, WIDTH = 480, 640
SHARES = 1 / np.arange(1, len(COCO) + 1)
Boxes = NDArray[np.float64]
Pair = tuple[Objects, Detections]


def boxes_anywhere(rng: np.random.Generator, count: int, scale: float) -> Boxes:
    sides = np.exp(rng.normal(scale, 1, (count, 2))).clip(4, [WIDTH - 1, HEIGHT - 1])
    corner = rng.uniform(0, 1, (count, 2)) * ([WIDTH, HEIGHT] - sides)
    return np.round(np.concatenate([corner, corner + sides], axis=1), 2)


def make_image(rng: np.random.Generator, masks: bool) -> Pair:
    """A few classes of objects; half of what is found strays."""
    those = rng.choice(len(COCO), 3, p=SHARES / SHARES.sum())
    count = rng.poisson(7.3)
    classes, boxes = rng.choice(those, count), boxes_anywhere(rng, count, 4)
    near = rng.integers(0, count, 40) if count else np.zeros(0, np.int64)
    sides = np.tile(boxes[near, 2:] - boxes[near, :2], 2)
    moved = boxes[near] + rng.normal(0, 0.08, (len(near), 4)) * sides
    strayed = boxes_anywhere(rng, 100 - len(near), 3.7)
    found = np.concatenate([moved, strayed])
    found[:, 2:] = np.maximum(found[:, 2:], found[:, :2])
    others = rng.choice([*those, *those, *rng.integers(0, len(COCO), 6)], len(strayed))
    scores = np.concatenate([rng.beta(2, 2, len(near)), rng.beta(1, 6, len(strayed))])
    drawn = tuple(map(ellipse, boxes)) if masks else None
    seen = tuple(map(ellipse, found)) if masks else None
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    crowd = rng.random(count) < 0.01
    truth = Objects(
        *SIZE, classes, crowd, mask_areas(drawn) * 1.0 if drawn else areas, boxes, drawn
    )
    scores = scores.astype(np.float32).astype(np.float64)
    of_found = np.concatenate([classes[near], others])
    return truth, Detections(SIZE, of_found, scores, found, seen, names=COCO)


def ellipse(box: Boxes) -> RunLengths:
    mask = np.zeros(SIZE, np.bool_)
    x0, y0, x1, y1 = box
    left, top = max(0, int(x0)), max(0, int(y0))
    down, right = np.ogrid[top : min(HEIGHT, int(y1) + 1), left : min(WIDTH, int(x1) + 1)]
    across = (2 * right - x0 - x1) / max(x1 - x0, 1)
    along = (2 * down - y0 - y1) / max(y1 - y0, 1)
    mask[top : top + len(down), left : left + right.shape[1]] = across**2 + along**2 < 1
    return encode(mask)


def for_the_tool(pairs: list[Pair], masks: bool) -> tuple[Any, Any]:
    """Labels and results, read by the tool."""
    labels, results = [], []
    for index, (truth, found) in enumerate(pairs):
        for row in range(len(truth)):
            one = one_of(index, truth.classes[row], truth.boxes[row], truth.masks, row)
            one |= {"id": 1 + len(labels), "area": float(truth.areas[row])}
            labels.append(one | {"iscrowd": int(truth.crowd[row])})
        for row in range(len(found)):
            one = one_of(index, found.classes[row], found.boxes[row], found.masks, row)
            if masks:
                del one["bbox"]
            results.append(one | {"score": float(found.scores[row])})
    tool = coco.COCO()
    tool.dataset = {
        "images": [{"id": index, "height": HEIGHT, "width": WIDTH} for index in range(len(pairs))],
        "categories": [{"id": 1 + index} for index in range(len(COCO))],
        "annotations": labels,
    }
    tool.createIndex()
    return tool, tool.loadRes(results)


def one_of(
    image: int, which: int, box: Boxes, masks: tuple[RunLengths, ...] | None, row: int
) -> dict[str, Any]:
    x0, y0, x1, y1 = box.tolist()
    one = {"image_id": image, "category_id": 1 + int(which), "bbox": [x0, y0, x1 - x0, y1 - y0]}
    return one if masks is None else one | {"segmentation": masks[row].to_coco()}


def ours(pairs: list[Pair], masks: bool) -> CocoAP:
    kept = [match(*pair, masks=masks).to_bytes() for pair in pairs]
    return coco_ap([CocoMatches.from_bytes(data) for data in kept], len(COCO))


def theirs(truth: Any, found: Any, kind: Literal["bbox", "segm"]) -> Any:
    tool = COCOeval(truth, found, kind)
    tool.evaluate()
    tool.accumulate()
    tool.summarize()
    return tool.stats


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    started = time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        result = call()
    return time.process_time() - started, result


def compare(kind: Literal["bbox", "segm"], images: int, rounds: int) -> dict[str, str]:
    masks, rng = kind == "segm", np.random.default_rng(0)
    pairs = [make_image(rng, masks) for _ in range(images)]
    with contextlib.redirect_stdout(io.StringIO()):
        read = for_the_tool(pairs, masks)
    seconds: dict[str, list[float]] = {"ours": [], "theirs": []}
    for _ in range(rounds):
        spent, found = timed(lambda: ours(pairs, masks))
        seconds["ours"].append(spent)
        spent, stats = timed(lambda: theirs(*read, kind))
        seconds["theirs"].append(spent)
    own, other = (statistics.median(seconds[side]) for side in ("ours", "theirs"))
    ratios = [b / a for a, b in zip(seconds["ours"], seconds["theirs"], strict=True)]
    figures = [found.ap, found.ap50, found.ap75, found.small, found.medium, found.large]
    size = sum(len(match(*pair, masks=masks).to_bytes()) for pair in pairs[:100]) / len(pairs[:100])
    name = "masks" if masks else "boxes"
    return {
        f"{name}, ours": f"{own:.2f} CPU s, {1000 * own / images:.2f} ms an image",
        f"{name}, COCO's tool": f"{other:.2f} CPU s, {1000 * other / images:.2f} ms an image",
        f"{name}, COCO's tool / ours": spread(ratios),
        f"{name}, mAP": f"{found.ap:.4f}",
        f"{name}, figures differ by": f"{np.abs(np.subtract(figures, stats[:6])).max():.1e}",
        f"{name}, kept": f"{size:.0f} bytes an image",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    options = options_of(parser, images=5, rounds=1)
    figures = {"images": f"{options.images} of {WIDTH}x{HEIGHT}, in {options.rounds} rounds"}
    for kind in ("bbox", "segm"):
        figures |= compare(kind, options.images, options.rounds)  # type: ignore[arg-type]
    print_figures(figures, options)


if __name__ == "__main__":
    main()
