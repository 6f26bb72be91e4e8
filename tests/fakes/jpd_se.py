"""Generators of JPD-SE whose weights are random: they draw something of the right size."""

from __future__ import annotations

from pathlib import Path

import torch
from torch.random import fork_rng

from bench.codecs.catalog import card_paths, read_card
from bench.codecs.families.jpd_se.generator import Generator, save_generator

CARDS = tuple(name for name in card_paths() if read_card(name).family == "jpd-se")


def random_generator(
    seed: int = 0, width: int = 4, halvings: int = 2, blocks: int = 1
) -> Generator:
    with fork_rng([]):
        torch.manual_seed(seed)
        return Generator(width, halvings, blocks).eval()


def write_weights(folder: Path, *names: str) -> None:
    """Some weights for shipped cards, by default all, in a folder for BENCH_WEIGHTS."""
    for card in map(read_card, names or CARDS):
        for weight_set in card.sets.values():
            its = folder / card.name / weight_set.name
            its.mkdir(parents=True, exist_ok=True)
            for number in [""] if weight_set.expected.points else ["42", "36"]:
                file = weight_set.expected.files.replace("*", "").replace("{point}", number)
                save_generator(random_generator(CARDS.index(card.name)), its / file)
