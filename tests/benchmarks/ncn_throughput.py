"""How many pictures a second an NCN codes and decodes, on a GPU if there is one.

    python tests/benchmarks/ncn_throughput.py [--size WIDTHxHEIGHT] [--channels N] [--threads N]

The networks share a device, one picture at a time; entropy coding goes on beside them in threads of
the CPU. The weights are random and the pictures noise, so that ŷ costs more than it would: what is
printed is rather too low. Beside it stands its share of what the transforms alone would allow, if
they were as fast as a large matrix product in single precision.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from figures import options_of, print_figures
from ncn_speed import make_ncn, multiply_adds
from numpy.typing import NDArray

from bench.codecs.families.inference import coding_device
from bench.codecs.families.ncn.model import NcnModel
from bench.codecs.families.ncn.portable import PortablePrior
from bench.runtime.cores import available_cores


def pictures_a_second(work: Callable[[int], object], count: int, threads: int) -> float:
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))  # what is made once is there from here on
        began = time.perf_counter()
        list(pool.map(work, range(count)))
    return count / (time.perf_counter() - began)


def matrix_flops(device: torch.device, side: int) -> float:
    """Of a large matrix product, a second."""
    square = torch.rand(side, side, device=device)
    (square @ square).sum().item()
    began = time.perf_counter()
    for _ in range(5):
        square = square @ square / side
    square.sum().item()
    return 5 * 2 * side**3 / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="2048x1024")
    parser.add_argument("--channels", type=int, default=192)
    parser.add_argument("--threads", type=int, default=available_cores())
    parser.add_argument("--pictures", type=int, default=40)
    parser.add_argument("--matrix", type=int, default=4096, help="rows of a large matrix")
    arguments = options_of(parser, size="128x64", channels=8, pictures=2, matrix=256)
    width, height = map(int, arguments.size.split("x"))
    device = coding_device()
    ncn = make_ncn(arguments.channels)
    flops = {name: 2 * count for name, count in multiply_adds(ncn, width, height).items()}
    prior = PortablePrior(ncn, device)
    model = NcnModel(ncn.to(device), None, prior, device)
    random = np.random.default_rng(3)
    pictures = [random.integers(0, 256, (height, width, 3), np.uint8) for _ in range(4)]
    streams = [model.encode(*model.analyse(picture).whole()) for picture in pictures]

    def encode(number: int) -> bytes:
        return model.encode(*model.analyse(pictures[number % 4]).whole())

    def decode(number: int) -> NDArray[np.uint8]:
        y_hat, _ = model.decode(streams[number % 4], width, height)
        return model.synthesise(y_hat, width, height)

    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    size = f"{width}x{height}, N = {arguments.channels}"
    figures = {"coded": f"{size}, on {name} with {arguments.threads} threads"}
    allowed = matrix_flops(device, arguments.matrix)
    for side, transform, work in (("encode", "g_enc", encode), ("decode", "g_dec", decode)):
        speed = pictures_a_second(work, arguments.pictures, arguments.threads)
        share = speed * flops[transform] / allowed
        figures[side] = f"{speed:.2f} pictures a second"
        figures[f"{side}: speed / what its transform allows"] = f"{share:.2f}"
    print_figures(figures, arguments)


if __name__ == "__main__":
    main()
