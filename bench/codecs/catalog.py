"""Cards to codecs: finds, reads, checks and explains a card."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Union

from pydantic import Field, create_model

from bench.codecs.card_file import CardFile, card_model
from bench.codecs.codec import Card, Codec
from bench.codecs.weights import find_weights, own_weights
from bench.errors import CardError, UnavailableError
from bench.runtime.content import content_folder
from bench.runtime.file_model import FileModel, check_model, one_of_types
from bench.runtime.files import read_toml
from bench.runtime.registry import Registry
from bench.runtime.sources import source_digest
from bench.runtime.text import did_you_mean

FAMILIES: Registry[type[Codec]] = Registry(
    "family",
    {
        "compressai": "bench.codecs.families.compressai.codec:CompressAICodec",
        "ffmpeg": "bench.codecs.families.ffmpeg:FfmpegCodec",
        "external": "bench.codecs.families.external:ExternalCodec",
        "ncn": "bench.codecs.families.ncn.codec:NcnCodec",
        "pillow": "bench.codecs.families.pillow:PillowCodec",
    },
    "bench.families",
    "a subclass of bench.codecs.codec.Codec",
    lambda name, family: isinstance(family, type) and issubclass(family, Codec),
)


def card_paths() -> dict[str, Path]:
    """Every shipped card by name, anchors first."""
    folders = [content_folder("anchors"), content_folder("codecs")]
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.toml"))}


def card_name(name_or_path: str) -> str:
    """What a codec is called, by whatever it is named."""
    card, its_set = _split(name_or_path)
    name = Path(card).stem if card.endswith(".toml") else card
    return f"{name}:{its_set}" if its_set else name


def full_name(said: str, known: Iterable[str]) -> str:
    """Which of some codecs is meant: by its full name or, if no other is called so, without set."""
    meant = [name for name in known if said in (name, name.partition(":")[0])]
    return meant[0] if len(meant) == 1 else said


def short_name(name: str, known: Iterable[str]) -> str:
    """A codec's name without its weight set, if no other is called so."""
    short = name.partition(":")[0]
    return short if full_name(short, known) == name else name


def _split(name_or_path: str) -> tuple[str, str]:
    """A card and the weight set behind its colon, if any."""
    card, colon, its_set = name_or_path.rpartition(":")
    in_a_path = "/" in its_set or its_set.endswith(".toml")
    return (name_or_path, "") if not colon or in_a_path else (card, its_set)


def read_card(name_or_path: str, data: str | None = None, own: Path | None = None) -> Card:
    """A shipped card by its name, or a user's own by its path.

    Which weight set it comes with is said behind a colon; else it is that of the kind of ``data``.
    ``own`` is a file of weights instead of any set.
    """
    name, its_set = _split(name_or_path)
    if name.endswith(".toml"):
        path = Path(name)
    else:
        shipped = card_paths()
        if name not in shipped:
            hint = did_you_mean(name, shipped, "'bench list' shows them all")
            if Path(f"{name}.toml").is_file():
                hint = f"did you mean './{name}.toml'?"
            raise CardError(f"unknown codec '{name}'; {hint}")
        path = shipped[name]
    content = read_toml(path, "card", CardError)
    card = _card(path, content)
    if not card.sets:
        if its_set or own:
            raise CardError(f"{path.stem}: it has no weights to choose from")
        return card
    if own is not None:
        weights, name = own_weights(own, next(iter(card.sets.values())).files), card.name
    elif its_set or data in card.sets:
        its_set = its_set or str(data)
        if its_set not in card.sets:
            there = ", ".join(card.sets)
            raise CardError(f"{card.name}: no weights '{its_set}'; there are {there}")
        weights, name = card.sets[its_set], f"{card.name}:{its_set}"
    else:
        return card
    return replace(card, name=name, weights=weights, points={"default": tuple(weights.paths)})


def _card(path: Path, content: dict[str, Any]) -> Card:
    """What a card says, before one of its weight sets is chosen."""
    said = _checked(path, content)
    shipped = card_paths().get(path.stem) == path
    named = path.stem if shipped else str(path)
    sets = {
        name: find_weights(
            path,
            name,
            files,
            falling=said.points.falling,
            training=f"{named}:{name}" if name in said.training else "",
        )
        for name, files in said.weights.items()
    }
    limits = said.points.limits
    return Card(
        name=path.stem,
        title=said.title,
        family=said.family,
        unit=said.points.unit,
        limits=None if limits is None else (limits[0], limits[1]),
        whole=said.points.whole,
        points=said.points.by_data(),
        options=content[said.family],
        anchor=path.parent.resolve() == content_folder("anchors").resolve(),
        oracle=said.oracle,
        detects_damage=said.detects_damage,
        about=said.about,
        counted=said.counted,
        source=said.source,
        path=path,
        shipped=shipped,
        sets=sets,
        training=said.training,
    )


def _checked(path: Path, content: dict[str, Any]) -> CardFile:
    family, model = content.get("family"), CardFile
    if isinstance(family, str) and family in FAMILIES:
        model = card_model(family, FAMILIES[family].Options or dict[str, Any])
    else:  # whichever it should be, its table is no fault
        content = {key: value for key, value in content.items() if key not in FAMILIES}
    weights = bool(content.get("weights"))
    return check_model(model, content, path, CardError, families=FAMILIES, weights=weights)


def check_keys(
    where: Path | str,
    table: Mapping[str, Any],
    allowed: Mapping[str, tuple[type | tuple[type, ...], str]],
    required: Iterable[str] = (),
    prefix: str = "",
) -> None:
    """What families of bench 0.1 check their options by, instead of declaring a model of them."""
    warnings.warn("check_keys: declare Options instead", DeprecationWarning, stacklevel=2)
    fields: dict[str, Any] = {
        f"option_{place}": (
            Annotated[Union[kind], one_of_types(words)],  # noqa: UP007  # of types in a tuple
            Field(... if key in required else None, alias=key, description=words),
        )
        for place, (key, (kind, words)) in enumerate(allowed.items())
    }
    model = create_model("Options", __base__=FileModel, **fields)
    check_model(model, table, where, CardError, tuple(filter(None, prefix.split("."))))


def load_codec(name_or_path: str, data: str | None = None, own: Path | None = None) -> Codec:
    """The codec that a card describes, ready to run if nothing it needs is missing.

    ``data`` and ``own`` are as of ``read_card``.
    """
    card = read_card(name_or_path, data, own)
    family = FAMILIES[card.family]
    source_digest(family)  # as it is loaded
    with FAMILIES.called(card.family):
        return family(card)


def recognise(stream: bytes, weights: Path | None = None) -> str | None:
    """The card that decodes a stream; None if no family knows its format.

    That of a learned codec is told by the weights that coded it, unless the user brings some.
    """
    for name in FAMILIES:
        with FAMILIES.called(name):
            if card := FAMILIES[name].recognise(stream, weights):
                return card
    return None


def runnable(name: str, data: str | None = None, own: Path | None = None) -> Codec:
    """The codec of a card, as ``load_codec`` has it; an error if something that it needs lacks."""
    codec = load_codec(name, data, own)
    if missing := codec.missing():
        raise UnavailableError(f"{codec.name}: {missing}")
    return codec
