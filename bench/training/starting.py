"""Where the weights are that a training starts from."""

from __future__ import annotations

from pathlib import Path

from bench.codecs.catalog import card_paths, read_card
from bench.codecs.codec import Card
from bench.codecs.weights import beside
from bench.errors import DataError


def codec_to_start_from(card: Card, name: str) -> Card:
    """A codec of the user's beside the card, or a shipped one, with the same weight set."""
    assert card.weights is not None
    own = card.path.with_name(f"{name}.toml")
    is_own = own.is_file() and own not in card_paths().values()
    return read_card(f"{own if is_own else name}:{card.weights.name}")


def weights_to_start_from(card: Card, other: Card, file: Path) -> Path:
    """The other codec's weights in place of a file of this card's, trained here or shipped."""
    assert other.weights is not None
    name = other.name.partition(":")[0]
    here = beside(file, name)
    there = other.weights.folder / file.name
    for path in (here, there):
        if path.is_file():
            return path
    training = other.weights.training or other.name
    raise DataError(
        f"{card.name} starts from {other.name}, which is not trained yet: no {here} and "
        f"no {there}; 'bench train {training} --out {here.parent}' trains it"
    )
