"""Pictures a second of a sweep with ncn-lsm and Mask R-CNN R50-FPN, against a plain loop.

The weights are random: the network finds as much as it may in each picture.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from fakes.network import TINY, write_network
from findings import Findings, Options, utilisation
from ncn_speed import make_ncn
from PIL import Image as PillowImage

from bench import api
from bench.codecs.catalog import load_codec
from bench.codecs.families.inference import to_tensor
from bench.codecs.families.ncn.checkpoint import save_ncn
from bench.codecs.families.ncn.masking import resnet_lsm
from bench.codecs.families.ncn.network import NCN
from bench.datasets import Dataset, open_dataset
from bench.datasets.cityscapes_truth import read_instance_ids
from bench.images.colour import Pixels
from bench.images.image import read_pixels
from bench.sweep.outcome import Outcome
from bench.tasks.task import open_task
from bench.vision.architecture import Architecture

_CODEC = "ncn-lsm:cityscapes"
_MOST_SECONDS = 40  # of the plain loop
_NOT_ZERO = 1e-3
# Its random layers enlarge what they get: by so much that without this no box is a number.
_R50 = replace(Architecture(), pixel_std=(2000.0, 2000.0, 2000.0))


def throughput(options: Options, found: Findings) -> None:
    """A sweep as ``bench run`` does it, and the same work one picture after the other."""
    root = _write_pictures(options)
    dataset = open_dataset("cityscapes:val", root=root)
    _write_weights(options, read_pixels(dataset.entries[0].path))
    size = "128x64, N = 8" if options.smallest else "2048x1024, N = 192"
    found.figures["pictures"] = f"{len(dataset.entries)} of {size}"
    with utilisation(found, "plain loop"):
        plain = _plain_loop(dataset, options, found)
    with utilisation(found, "sweep"):
        swept = _sweep(root, options, found)
    found.figures |= {
        "plain loop": f"{plain:.3g} pictures a second",
        "sweep": f"{swept:.3g} pictures a second",
        "sweep / plain loop": f"{swept / plain:.2f}",
    }


def _plain_loop(dataset: Dataset, options: Options, found: Findings) -> float:
    codec, task = load_codec(_CODEC), open_task("mask-rcnn")
    (point,) = codec.card.points["default"]
    file, sizes, seen = options.folder / "stream.bin", [], []
    began = 0.0
    for index, entry in enumerate(dataset.entries):
        if index == 1:  # the first one loads the networks
            began = time.monotonic()
        image = entry.load()
        file.write_bytes(codec.encode(image, point))
        sizes.append(file.stat().st_size)
        seen.append(len(task.predict(codec.decode(file.read_bytes()))))
        if index and time.monotonic() - began > _MOST_SECONDS:
            break
    seconds = time.monotonic() - began
    found.figures["each picture, on average"] = (
        f"{np.mean(sizes):.0f} bytes, {np.mean(seen):.0f} detections"
    )
    return (len(sizes) - 1) / seconds


def _sweep(root: Path, options: Options, found: Findings) -> float:
    """Of all pictures but the first few that end, which wait for the networks to be loaded."""
    ended: list[float] = []

    def progressed(outcome: Outcome) -> None:
        ended.extend([time.monotonic()] * (outcome.done.total() - len(ended)))

    began = time.monotonic()
    run = api.run(
        [_CODEC],
        data="cityscapes:val",
        root=root,
        metrics=["bpp"],
        tasks=["mask-rcnn"],
        results=options.folder / "results",
        trace=options.out / "sweep-trace.json",
        watcher=api.Watcher(progressed=progressed),
    )
    found.expect(not run.outcome.failures, f"failed: {run.outcome.failures[:1]}")
    found.figures["sweep, all of it"] = f"{time.monotonic() - began:.1f} s"
    first = min(len(ended) // 4, len(ended) - 2)
    return (len(ended) - 1 - first) / max(ended[-1] - ended[first], 1e-3)


def _write_pictures(options: Options) -> Path:
    """Pictures of Toyscapes in Cityscapes' layout and size."""
    root, count = options.folder / "cityscapes", options.size(24, 3)
    size = (128, 64) if options.smallest else (2048, 1024)
    entries = options.entries(count)
    for index in range(count):
        entry = entries[index % len(entries)]
        assert entry.instances is not None
        pixels = PillowImage.fromarray(np.roll(read_pixels(entry.path), 32 * index, axis=1))
        ids = np.roll(read_instance_ids(entry.instances.path), 32 * index, axis=1).astype(np.uint16)
        for kind, picture, filtered in (
            ("leftImg8bit", pixels, PillowImage.Resampling.BICUBIC),
            ("gtFine_instanceIds", PillowImage.fromarray(ids), PillowImage.Resampling.NEAREST),
        ):
            folder = root / kind.partition("_")[0] / "val" / "a"
            folder.mkdir(parents=True, exist_ok=True)
            file = folder / f"a_{index:06d}_000019_{kind}.png"
            picture.resize(size, filtered).save(file, compress_level=1)
    return root


def _write_weights(options: Options, pixels: Pixels) -> None:
    """Random ones, where this process looks for a user's own from here on."""
    folder = options.folder / "weights"
    of_codec = folder / "ncn-lsm" / "cityscapes"
    of_codec.mkdir(parents=True)
    ncn = make_ncn(options.size(192, 8))
    _let_some_through(ncn, pixels)
    lsm = resnet_lsm(8, 8, 16, (1, 1, 1)) if options.smallest else resnet_lsm(192)
    save_ncn(ncn, lsm, of_codec / "lambda_1.safetensors")
    network = write_network(
        folder / "mask-rcnn.safetensors", architecture=TINY if options.smallest else _R50
    )
    os.environ |= {"BENCH_WEIGHTS": str(folder), "BENCH_MASK_RCNN": str(network)}


@torch.inference_mode()
def _let_some_through(ncn: NCN, pixels: Pixels) -> None:
    """Scale y so that one element of ŷ in a thousand is not zero: a low rate, but not none."""
    y = ncn.g_enc(to_tensor(pixels[:256, :256], torch.device("cpu")))
    scale = 0.5 / float(y.abs().quantile(1 - _NOT_ZERO))
    last = ncn.g_enc[-1]
    last.weight *= scale
    last.bias *= scale
