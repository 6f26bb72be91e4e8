"""What Cityscapes' AP costs: its own script on PNG files against ours on run lengths.

    python tests/benchmarks/average_precision_speed.py [--images N] [--official N]

Made-up street scenes of 2048x1024 with about 18 instances and 25 predictions each. Ours starts from
what a sweep has: predictions as COCO's run lengths in JSON and ground truth as kept before (whose
first reading from PNG is counted separately), and ends with AP and wAP. Each side runs in a process
of its own; the official script may be given fewer images, as its cost is theirs.
"""

from __future__ import annotations

import argparse
import json
import pickle
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from figures import options_of, print_figures
from numpy.typing import NDArray
from PIL import Image

from bench.datasets.cityscapes_labels import CLASSES, EVALUATED
from bench.datasets.cityscapes_truth import read_ground_truth
from bench.instances.detections import Detections
from bench.instances.run_lengths import encode, from_coco
from bench.metrics.average_precision import average_precision, resampled_wap
from bench.metrics.instance_matching import match
from bench.metrics.matches import Matches
from bench.metrics.resampling import resample_weights

HEIGHT, WIDTH = SIZE = (1024, 2048)
SHARES = [0.34, 0.053, 0.46, 0.009, 0.01, 0.002, 0.015, 0.111]  # of the classes, as in Cityscapes
Mask = NDArray[np.bool_]


def background(rng: np.random.Generator) -> NDArray[np.uint16]:
    """Wavy layers from sky to road, poles, the car's own bonnet as void."""
    ids = np.full(SIZE, 23, np.uint16)
    x, rows = np.arange(WIDTH), np.arange(HEIGHT)[:, None]
    for label, level in ((21, 0.2), (11, 0.3), (21, 0.42), (13, 0.47), (8, 0.5), (7, 0.56)):
        waves = [
            rng.uniform(2, 40) * np.sin(x / rng.uniform(10, 300) + rng.uniform(0, 7))
            for _ in range(5)
        ]
        ids[rows > HEIGHT * level + np.sum(waves, axis=0)] = label
    for _ in range(12):
        left, top = rng.integers(0, WIDTH - 12), rng.integers(100, 500)
        ids[top : top + 350, left : left + rng.integers(4, 12)] = 17
    ids[rows > 960 - 60 * np.sin(x * np.pi / WIDTH)] = 1
    ids[:5], ids[-5:], ids[:, :5], ids[:, -5:] = 3, 3, 3, 3
    return ids


def blob(rng: np.random.Generator, x: float, y: float, radius: float) -> Mask:
    """An outline that waves in and out."""
    mask = np.zeros(SIZE, np.bool_)
    reach = int(1.6 * radius) + 2
    top, left = max(0, int(y) - reach), max(0, int(x) - reach)
    down, right = np.ogrid[top : min(HEIGHT, int(y) + reach), left : min(WIDTH, int(x) + reach)]
    angle, distance = np.arctan2(down - y, right - x), np.hypot(down - y, right - x)
    outline = 1 + sum(
        rng.uniform(0, 0.25 / k) * np.cos(k * angle + rng.uniform(0, 7)) for k in range(2, 9)
    )
    mask[top : top + len(down), left : left + right.shape[1]] = distance < radius * outline
    return mask


def make_scene(seed: int) -> tuple[NDArray[np.uint16], Detections]:
    rng = np.random.default_rng(seed)
    ids = background(rng)
    classes, scores, masks = [], [], []
    for index in range(rng.poisson(18)):
        which = int(rng.choice(len(EVALUATED), p=SHARES))
        x, y = rng.uniform(0, WIDTH), rng.uniform(400, 750)
        radius = float(np.clip(rng.lognormal(3.4, 0.8), 4, 300))
        label = EVALUATED[which].id
        group = rng.random() < 0.1
        shape_seed = int(rng.integers(2**31))
        mask = blob(np.random.default_rng(shape_seed), x, y, radius)
        ids[mask] = label if group else 1000 * label + index
        for _ in range(int(rng.choice([0, 1, 2], p=[0.2, 0.5, 0.3]))):
            shift = rng.normal(0, 0.1 * radius, 2)
            size = radius * rng.lognormal(0, 0.08)
            found = blob(np.random.default_rng(shape_seed), x + shift[0], y + shift[1], size)
            classes.append(which)
            scores.append(rng.beta(4, 2))
            masks.append(found)
    for _ in range(rng.poisson(5)):  # seen where nothing is
        classes.append(int(rng.choice(len(EVALUATED), p=SHARES)))
        scores.append(rng.beta(2, 4))
        masks.append(blob(rng, rng.uniform(0, WIDTH), rng.uniform(350, 900), rng.uniform(8, 90)))
    encoded = tuple(encode(mask) for mask in masks)
    return ids, Detections(
        SIZE,
        np.array(classes, np.int64),
        np.float32(scores).astype(np.float64).reshape(-1),
        np.array([mask.box() for mask in encoded], np.float64).reshape(-1, 4),
        encoded,
        names=CLASSES,
    )


def make_files(folder: Path, images: int, official: int) -> None:
    """A folder for each image, and the official files in one folder."""
    sys.path.append(str(Path(__file__).parent.parent))
    from oracles.scenes import write_predictions

    (folder / "results").mkdir()
    for index in range(images):
        name = f"town_{index:06d}_000019"
        ids, found = make_scene(index)
        Image.fromarray(ids).save(folder / f"{name}_gtFine_instanceIds.png", compress_level=1)
        written = {
            "classes": found.classes.tolist(),
            "scores": found.scores.tolist(),
            "masks": [mask.to_coco() for mask in found.masks or ()],
        }
        (folder / f"{name}.json").write_text(json.dumps(written))
        if index < official:
            write_predictions(found, name, folder / "results")


def read_detections(path: Path) -> Detections:
    content = json.loads(path.read_text())
    masks = tuple(map(from_coco, content["masks"]))
    return Detections(
        SIZE,
        np.array(content["classes"], np.int64),
        np.array(content["scores"], np.float64),
        np.zeros((len(masks), 4)),
        masks,
        names=CLASSES,
    )


def report(**figures: Any) -> None:
    unit = 2**20 if sys.platform == "darwin" else 2**10
    figures["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    print(json.dumps(figures))


def truth_part(folder: Path) -> None:
    """The first reading of the ground truth, which is kept."""
    started = time.process_time()
    for path in sorted(folder.glob("*_instanceIds.png")):
        path.with_suffix(".truth").write_bytes(pickle.dumps(read_ground_truth(path)))
    report(seconds=time.process_time() - started)


def our_part(folder: Path) -> None:
    files = sorted(folder.glob("*.truth"))
    kept = []
    started = time.process_time()
    for path in files:
        truth = pickle.loads(path.read_bytes())
        name = path.name.replace("_gtFine_instanceIds.truth", ".json")
        kept.append(match(truth, read_detections(path.with_name(name))).to_bytes())
    matches = [Matches.from_bytes(data) for data in kept]
    found = average_precision(matches)
    seconds = time.process_time() - started
    truths = [pickle.loads(path.read_bytes()) for path in files[:20]]
    detections = [
        read_detections(path.with_name(path.name.replace("_gtFine_instanceIds.truth", ".json")))
        for path in files[:20]
    ]
    before = time.process_time()
    for truth, one in zip(truths, detections, strict=True):
        match(truth, one)
    matching = (time.process_time() - before) / len(truths)
    weights = resample_weights(len(matches), 1000)
    before = time.process_time()
    wap = resampled_wap(matches, weights)
    report(
        seconds=seconds,
        matching=matching,
        resampling=time.process_time() - before,
        predictions=sum(len(one.classes) for one in matches),
        bytes=sum(map(len, kept)) / len(kept),
        ap=found.ap,
        wap=found.wap,
        interval=np.percentile(wap, [2.5, 97.5]).tolist(),
    )


def official_part(folder: Path) -> None:
    sys.path.append(str(Path(__file__).parent.parent))
    from oracles import cityscapes

    texts = sorted((folder / "results").glob("*.txt"))
    names = [path.name.removesuffix("_pred.txt") for path in texts]
    truths = [folder / f"{name}_gtFine_instanceIds.png" for name in names]
    started = time.process_time()
    found = cityscapes.evaluate(truths, texts, folder / "results")
    report(seconds=time.process_time() - started, ap=found["averages"]["allAp"])


PARTS = {"truth": truth_part, "ours": our_part, "official": official_part}


def measured(part: str, folder: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, "--part", part, "--folder", str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--official", type=int, help="images for the official script [all]")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = options_of(parser, images=2, official=1)
    if options.part:
        PARTS[options.part](options.folder)
        return
    official = options.images if options.official is None else options.official
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_files(folder, options.images, official)
        truth, ours = measured("truth", folder), measured("ours", folder)
        each = 1000 * ours["seconds"] / options.images
        low, high = ours["interval"]
        figures = {
            "scored": f"{options.images} images of {WIDTH}x{HEIGHT}",
            "predictions": f"{ours['predictions']}",
            "ground truth, once": f"{truth['seconds']:.2f} CPU s",
            "ours": f"{ours['seconds']:.2f} CPU s, {each:.2f} ms an image",
            "ours, of it matching": f"{1000 * ours['matching']:.2f} ms an image",
            "1,000 resamples": f"{ours['resampling']:.2f} CPU s",
            "AP, wAP": f"{ours['ap']:.4f}, {ours['wap']:.4f} ({low:.4f} to {high:.4f})",
            "kept": f"{ours['bytes']:.0f} bytes an image",
            "peak memory": f"{ours['peak_mb']:.0f} MB",
        }
        if official:
            theirs = measured("official", folder)
            per_image = theirs["seconds"] / official
            figures |= {
                "the official script": f"{per_image:.3f} CPU s an image",
                "the official script / ours": f"{1000 * per_image / each:.0f}",
                "the official script, peak memory": f"{theirs['peak_mb']:.0f} MB",
            }
            if official == options.images:
                figures["AP differs by"] = f"{abs(theirs['ap'] - ours['ap']):.1e}"
    print_figures(figures, options)


if __name__ == "__main__":
    main()
