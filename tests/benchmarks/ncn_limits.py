"""What bounds an NCN's accuracy and rate: its transform, its rounding, or its mask.

    python tests/benchmarks/ncn_limits.py ncn-lsm ncn-task [--data DATASET] [--limit N]

For each codec and λ: rate and wAP as coded, and wAP without rounding, which only the transform
bounds. With an LSMnet, the mean α of latents on objects and of all others. Without one, rate and
wAP with an oracle's mask, made of the true instances: α is 1 for latents that are neither on an
object nor next to one. Nothing is trained for it, so it shows what a mask could save at least.
Rates are the networks' own estimates.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from figures import options_of, print_figures
from torch import Tensor

from bench.codecs.catalog import read_card
from bench.codecs.families.inference import to_pixels, to_tensor
from bench.codecs.families.ncn.checkpoint import load_ncn
from bench.codecs.families.ncn.masking import masked
from bench.codecs.families.ncn.network import NCN
from bench.codecs.families.ncn.rate import bits, sigma
from bench.datasets import Dataset, dataset_kind, open_dataset
from bench.images.image import read_pixels
from bench.metrics.average_precision import average_precision
from bench.metrics.instance_matching import match
from bench.metrics.matches import Matches
from bench.tasks.task import task_network
from bench.training.labels import Ids, read_instances
from bench.training.mask_start import near_objects
from bench.vision.detector import Detector, detect

Alpha = Callable[[Tensor, Ids], Tensor]
"""α of a picture's tensor and its instance ids."""


def oracle(x: Tensor, ids: Ids) -> Tensor:
    return (~near_objects(ids)).float()[None, None]


def coded(ncn: NCN, x: Tensor, alpha: Tensor | None, *, rounds: bool) -> tuple[Tensor, float]:
    """The decoded picture, and its bits per pixel."""
    y = ncn.g_enc(x)
    z_hat = torch.round(ncn.h_enc(y))
    mu, raw = ncn.y_distribution(z_hat)
    if alpha is not None:
        y = masked(y, mu, alpha)
    y_hat = torch.round(y) if rounds else y
    z_mu, z_raw = ncn.z_prior(z_hat)
    spent = bits(y_hat, mu, sigma(raw)).sum() + bits(z_hat, z_mu, sigma(z_raw)).sum()
    return ncn.g_dec(y_hat), float(spent) / x[0, 0].numel()


def judged(
    dataset: Dataset, network: Detector, ncn: NCN, alpha: Alpha | None, *, rounds: bool = True
) -> tuple[float, float]:
    """Mean rate, and wAP."""
    rates, matches = [], list[Matches]()
    for entry in dataset.entries:
        pixels = read_pixels(entry.path)
        x = to_tensor(pixels, torch.device("cpu"))
        chosen = alpha and alpha(x, read_instances(entry))
        x_hat, rate = coded(ncn, x, chosen, rounds=rounds)
        rates.append(rate)
        height, width, _ = pixels.shape
        found = detect(network, to_pixels(x_hat, width, height), dataset.classes["instances"])
        matches.append(match(entry.instances.read(), found))
    return float(np.mean(rates)), average_precision(matches).wap


def alphas(dataset: Dataset, alpha: Alpha) -> tuple[float, float]:
    """Mean α of latents on objects and of all others."""
    on, away = list[Tensor](), list[Tensor]()
    for entry in dataset.entries:
        ids, x = read_instances(entry), to_tensor(read_pixels(entry.path), torch.device("cpu"))
        found, objects = alpha(x, ids)[0].mean(0), near_objects(ids, reach=0)
        on.append(found[objects])
        away.append(found[~objects])
    return float(torch.cat(on).mean()), float(torch.cat(away).mean())


def limits(path: Path, dataset: Dataset, network: Detector) -> dict[str, str]:
    """The figures of one file of weights."""
    ncn, lsm = load_ncn(path)
    learned = None if lsm is None else (lambda x, ids: lsm(x))
    figures = {"coded": judged(dataset, network, ncn, learned)}
    figures["unrounded"] = judged(dataset, network, ncn, learned, rounds=False)
    if learned is None:
        figures["oracle's mask"] = judged(dataset, network, ncn, oracle)
    shown = {name: f"{rate:.4f} bpp, wAP {wap:.4f}" for name, (rate, wap) in figures.items()}
    shown["unrounded"] = f"wAP {figures['unrounded'][1]:.4f}"
    if learned is not None:
        on, away = alphas(dataset, learned)
        shown["α"] = f"{on:.3f} on objects, {away:.3f} elsewhere"
    return shown


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("codecs", nargs="*", default=["ncn-lsm", "ncn-task"])
    parser.add_argument("--data", default="toyscapes:dev")
    parser.add_argument("--limit", type=int, default=40, help="pictures [%(default)s]")
    parser.add_argument("--task", default="mask-rcnn-toy")
    options = options_of(parser, limit=1, codecs=["ncn-lsm"])
    torch.set_num_threads(1)
    dataset = open_dataset(options.data, limit=options.limit)
    network = task_network(options.task).eval()
    figures = {}
    for name in options.codecs:
        card = read_card(name, dataset_kind(options.data))
        assert card.weights is not None
        for point, path in card.weights.paths.items():
            found = limits(path, dataset, network)
            figures |= {f"{name}, λ {point:g}, {what}": figure for what, figure in found.items()}
    print_figures(figures, options)


if __name__ == "__main__":
    main()
