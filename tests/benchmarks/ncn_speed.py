"""What coding a picture by an NCN costs: its networks, its entropy coding, its portable prior.

    python tests/benchmarks/ncn_speed.py [--size WIDTHxHEIGHT] [--channels N] [--rounds N]

The weights are random, with the last layer of h_dec set so that ŷ costs about 0.05 bit a pixel, and
ŷ and ẑ are drawn from the model's own distributions. Times are CPU seconds on one thread, medians
over the rounds. The published procedure is given by its times at 2048x1024 (its own code, torch
2.13, one thread of a Xeon with AVX-512): 35.9 s of entropy coding in an encoder (24.5 for whole-map
passes of ẑ's prior, 1.7 for the rest of ẑ, 9.7 for ŷ) and 56.7 s in a decoder (26.5 and 30.2).
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from figures import options_of, print_figures
from torch import Tensor

from bench.codecs.families.ncn import rate
from bench.codecs.families.ncn.entropy import as_latent, decode_latents, encode_latents
from bench.codecs.families.ncn.model import NcnModel
from bench.codecs.families.ncn.network import NCN
from bench.codecs.families.ncn.portable import PortablePrior

PUBLISHED = {"encode": 35.9, "decode": 56.7}
CPU = torch.device("cpu")


def make_ncn(channels: int) -> NCN:
    torch.manual_seed(1)
    ncn = NCN(channels).eval().requires_grad_(False).to(memory_format=torch.channels_last)
    last = ncn.h_dec[4]
    assert isinstance(last.bias, Tensor)
    last.bias[channels:] += 4.2
    return ncn


def draw(mu: Tensor, raw: Tensor, generator: torch.Generator) -> Tensor:
    """Whole numbers from the Laplace distributions that a prior gives."""
    even = torch.rand(mu.shape, generator=generator) - 0.5
    sigma = torch.nn.functional.softplus(-raw)
    return torch.round(mu - sigma * even.sign() * torch.log1p(-2 * even.abs()))


def cpu(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def multiply_adds(ncn: NCN, width: int, height: int) -> dict[str, float]:
    """Of the transforms, by the rule: kernel × inputs × outputs × positions of the coarser side."""
    counts, scale = {"g_enc": 0.0, "g_dec": 0.0}, 1
    for layer in ncn.g_enc:
        if isinstance(layer, torch.nn.Conv2d):
            scale *= layer.stride[0]
            counts["g_enc"] += layer.weight.numel() * (width // scale) * (height // scale)
    for layer in ncn.g_dec:
        if isinstance(layer, torch.nn.ConvTranspose2d):
            counts["g_dec"] += layer.weight.numel() * (width // scale) * (height // scale)
            scale //= 2
    return counts


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="2048x1024")
    parser.add_argument("--channels", type=int, default=192)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--matrix", type=int, default=2048, help="rows of a large matrix")
    arguments = options_of(parser, size="128x64", channels=8, rounds=1, matrix=256)
    width, height = map(int, arguments.size.split("x"))
    torch.set_num_threads(1)
    ncn = make_ncn(arguments.channels)
    prior = PortablePrior(ncn, CPU)
    model = NcnModel(ncn, None, prior, CPU)
    generator = torch.Generator().manual_seed(2)
    z_hat = torch.zeros(1, ncn.channels // 2, height // 64, width // 64)
    z_hat = draw(*ncn.z_prior(z_hat), generator)
    y_hat = draw(*ncn.y_distribution(z_hat), generator)
    y, z = as_latent(y_hat[0].numpy()), as_latent(z_hat[0].numpy())
    pixels = np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8)

    stream = encode_latents(y, z, prior)
    known = prior.y_parameters(z)
    without_network = copy.copy(prior)
    without_network.y_parameters = lambda z_hat: known  # type: ignore[method-assign]
    mu, raw = ncn.y_distribution(z_hat)
    z_mu, z_raw = ncn.z_prior(z_hat)
    estimate = sum(
        float(rate.bits(values, its_mu, rate.sigma(its_raw)).sum()) / 8
        for values, its_mu, its_raw in ((y_hat, mu, raw), (z_hat, z_mu, z_raw))
    )
    works: dict[str, Callable[[], object]] = {
        "portable prior": lambda: prior.y_parameters(z),
        "float prior": lambda: ncn.y_distribution(z_hat),
        "g_enc, h_enc": lambda: model.analyse(pixels),
        "g_dec": lambda: model.synthesise(y, width, height),
        "encode": lambda: encode_latents(y, z, without_network),
        "decode": lambda: decode_latents(stream, without_network, ncn.channels, width, height),
    }
    square = torch.rand(arguments.matrix, arguments.matrix)
    works["matrix product"] = lambda: square @ square
    times: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        work()
    for _ in range(arguments.rounds):
        for name, work in works.items():
            times[name].append(cpu(work))
    took = {name: statistics.median(each) for name, each in times.items()}
    figures = {
        "coded": f"{width}x{height}, N = {ncn.channels}: {len(stream)} bytes",
        "bytes / published estimate": f"{len(stream) / estimate:.4f}",
    }
    figures |= {name: f"{seconds:.3f} CPU s" for name, seconds in took.items()}
    for side, transform in (("encode", "g_enc, h_enc"), ("decode", "g_dec")):
        networks = took[transform] + took["portable prior"]
        faster = PUBLISHED[side] / took[side]
        figures |= {
            f"{side}: published entropy coding at 2048x1024 / ours": f"{faster:.0f}",
            f"{side}: all of it / its networks": f"{1 + took[side] / networks:.3f}",
        }
    peak = 2 * arguments.matrix**3 / took["matrix product"]
    counts = multiply_adds(ncn, width, height)
    for name, transform in (("g_enc", "g_enc, h_enc"), ("g_dec", "g_dec")):
        speed = 2 * counts[name] / took[transform]
        figures[f"{name}: speed"] = f"{speed / 1e9:.0f} GFLOP/s"
        figures[f"{name}: speed / a matrix product's"] = f"{speed / peak:.2f}"
    print_figures(figures, arguments)


if __name__ == "__main__":
    main()
