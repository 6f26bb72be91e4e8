"""Mutated bitstreams, by every codec that can run here: a picture of its size, or one error."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from adversary.attack import Answer, Figures, Victim, mutated
from fakes import rnn, zoo
from support.pictures import picture, write_depth

from bench.codecs.catalog import card_paths, load_codec, read_card
from bench.codecs.families.neural_stream import NcnStream, RnnStream
from bench.images.image import Image

pytestmark = pytest.mark.slow

SIZE = (64, 48)
MAX_MB = 700  # more than for a whole stream; what a small stream may claim is bounded
ALL = [
    f"{name}:{weights}" if weights else name
    for name in sorted(card_paths())
    for weights in list(read_card(name).sets) or [""]
]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CompressAI's networks do not come along: some that were set by hand, where it can run."""
    folder = tmp_path_factory.mktemp("weights")
    zoo.write_weights(folder)
    rnn.write_weights(folder)
    return folder


@pytest.fixture(scope="module")
def victim(weights: Path) -> Iterator[Victim]:
    victim = Victim(weights, BENCH_WEIGHTS=str(weights))
    yield victim
    victim.end()


def sealed_ncn(stream: bytes, chance: random.Random) -> bytes:
    """An NCN's stream that is mutated behind its checksum: what comes after it has to bear it."""
    its = NcnStream.from_bytes(stream)
    size = {side: chance.choice((1, 63, 500, 2000)) for side in ("width", "height")}
    changes: list[dict[str, Any]] = [
        {"body": mutated(its.body, chance)},
        {"body": chance.randbytes(chance.randrange(200))},
        {"latents": chance.randbytes(3)},
        {"body": its.body[: chance.randrange(len(its.body))]},
        size,
    ]
    return replace(its, **chance.choice(changes)).to_bytes()


def sealed_rnn(stream: bytes, chance: random.Random) -> bytes:
    """A recurrent codec's stream, mutated behind the checksums of its iterations."""
    its = RnnStream.from_bytes(stream)
    changed = list(its.parts)
    place = chance.randrange(len(changed))
    changed[place] = mutated(changed[place], chance)
    size = {side: chance.choice((1, 63, 500, 1000)) for side in ("width", "height")}
    changes: list[dict[str, Any]] = [
        {"parts": tuple(changed)},
        {"parts": tuple(chance.randbytes(chance.randrange(50)) for _ in its.parts)},
        {"parts": its.parts[::-1]},
        {"parts": its.parts * chance.randrange(1, 9)},
        size,
    ]
    return replace(its, **chance.choice(changes)).to_bytes()


SEALED = {"ncn": sealed_ncn, "rnn": sealed_rnn}


@pytest.mark.parametrize("name", ALL)
def test_mutated_streams(
    name: str,
    weights: Path,
    victim: Victim,
    figures: Figures,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BENCH_WEIGHTS", str(weights))
    codec = load_codec(name)
    if missing := codec.missing():
        pytest.skip(f"{name}: {missing.partition(';')[0]}")
    image = Image("i", picture(1, *SIZE), depth=write_depth(tmp_path, *SIZE))
    points = codec.card.points_for("toyscapes")
    whole, other = (codec.encode(image, point) for point in (points[-1], points[0]))
    request = {"decode": name, "stream": str(tmp_path / "stream"), "size": SIZE}
    (tmp_path / "stream").write_bytes(whole)
    victim.warm_up(**request)
    answers: list[Answer] = []
    try:
        for number, chance in enumerate(figures.chances(name)):
            seal = SEALED.get(codec.card.family) if chance.random() < 0.7 else None
            hostile = seal(whole, chance) if seal else mutated(whole, chance, other)
            (tmp_path / "stream").write_bytes(hostile)
            answers.append(found := victim.ask(**request))
            what = f"{name}, mutation {number}: {found}"
            # A header may come to name another size, which a sweep refuses.
            assert found.outcome in ("picture", "StreamError", "another size"), what
            assert found.message.count("\n") == (found.outcome == "StreamError"), what
            assert found.peak < MAX_MB, what
    finally:
        figures.record(f"streams of {name}", answers)
