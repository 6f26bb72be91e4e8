"""What a step of each training takes: seconds of CPU on one thread, or of a GPU where there is one.

    python tests/benchmarks/training_step.py

Batches of four crops of 256x256 from Toyscapes, N = 40, in turns, so that a busy machine is as busy
for all. On a CPU in single precision and in bfloat16.
"""

from __future__ import annotations

import argparse
import statistics
import time
from functools import partial

import torch
from figures import options_of, print_figures

from bench.codecs.families.ncn.masking import new_lsm
from bench.codecs.families.ncn.network import NCN
from bench.datasets import open_dataset
from bench.tasks.task import task_network
from bench.training.coding import Coding
from bench.training.crops import Cutting, crops
from bench.training.distortions import feature, hvs, task

CHANNELS, ENLARGEMENT = 40, 1.5


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--side", type=int, default=256, help="of a crop")
    options = options_of(parser, rounds=1, side=192)
    torch.set_num_threads(1)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = task_network("mask-rcnn-toy").to(device).train()
    judges = {
        "L_HVS": (hvs, False),
        "L_F": (partial(feature, network, ENLARGEMENT), False),
        "L_TASK": (partial(task, network, ENLARGEMENT), False),
        "L_TASK with an LSMnet": (partial(task, network, ENLARGEMENT), True),
    }
    codings = {name: _coding(device, lsm) for name, (_, lsm) in judges.items()}
    dataset, cutting = (
        open_dataset("toyscapes:dev", limit=8),
        Cutting(options.side, options.side, True, ENLARGEMENT),
    )
    taken: dict[tuple[str, bool], list[float]] = {}
    for step in range(options.rounds):
        batch = crops(dataset, cutting, range(4), 0, step).to(device)
        for name, (judge, _) in judges.items():
            for short in (False, True):
                coding, optimiser = codings[name]
                began = _now(device)
                with torch.autocast(device.type, torch.bfloat16, enabled=short):
                    x_hat, rate = coding(batch.pictures)
                parts = judge(batch.pictures, x_hat, batch.truth)
                optimiser.zero_grad()
                (torch.stack(list(parts.values())).sum() + rate).backward()
                optimiser.step()
                taken.setdefault((name, short), []).append(_now(device) - began)
    figures = {}
    for (name, short), values in taken.items():
        what = f"{name}, {'bfloat16' if short else 'float32'}"
        figures[what] = f"{statistics.median(values):.3f} s a step on {device.type}"
    print_figures(figures, options)


def _coding(device: torch.device, with_lsm: bool) -> tuple[Coding, torch.optim.Optimizer]:
    torch.manual_seed(0)
    lsm = new_lsm("mask-rcnn-toy", CHANNELS, ENLARGEMENT) if with_lsm else None
    coding = Coding(NCN(CHANNELS), lsm).to(device)
    if lsm is not None:
        lsm.features.requires_grad_(False)
    learning = [parameter for parameter in coding.parameters() if parameter.requires_grad]
    return coding, torch.optim.AdamW(learning, lr=1e-4, foreach=True)


def _now(device: torch.device) -> float:
    if device.type == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.monotonic()


if __name__ == "__main__":
    main()
