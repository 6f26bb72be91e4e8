"""Finds and reads cards, and makes codecs of them."""

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
        "jpd-se": "bench.codecs.families.jpd_se.codec:JpdSeCodec",
        "jpeg-depth": "bench.codecs.families.jpeg_depth:JpegDepthCodec",
        "ncn": "bench.codecs.families.ncn.codec:NcnCodec",
        "pillow": "bench.codecs.families.pillow:PillowCodec",
        "rnn": "bench.codecs.families.rnn.codec:RnnCodec",
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
    """A codec's name, given its name or its card's path."""
    card, weight_set = _split(name_or_path)
    name = Path(card).stem if card.endswith(".toml") else card
    return f"{name}:{weight_set}" if weight_set else name


def full_name(given: str, known: Iterable[str]) -> str:
    """The known codec of a full name or, if it is the only one, of a name without weight set."""
    meant = [name for name in known if given in (name, name.partition(":")[0])]
    return meant[0] if len(meant) == 1 else given


def short_name(name: str, known: Iterable[str]) -> str:
    """A codec's name without its weight set, unless another codec shares it."""
    short = name.partition(":")[0]
    return short if full_name(short, known) == name else name


def _split(name_or_path: str) -> tuple[str, str]:
    """A card, and the weight set after its colon, if any."""
    card, colon, weight_set = name_or_path.rpartition(":")
    in_a_path = "/" in weight_set or weight_set.endswith(".toml")
    return (name_or_path, "") if not colon or in_a_path else (card, weight_set)


def read_card(name_or_path: str, data: str | None = None, own: Path | None = None) -> Card:
    """A shipped card by its name, or a user's own by its path.

    A weight set may be named after a colon; the default is that of the kind of ``data``. ``own`` is
    a file of weights to use instead of a set.
    """
    name, weight_set = _split(name_or_path)
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
        if weight_set or own:
            raise CardError(f"{path.stem}: it has no weights to choose from")
        return card
    if own is not None:
        weights, name = own_weights(own, next(iter(card.sets.values())).expected), card.name
    elif weight_set or data in card.sets:
        weight_set = weight_set or str(data)
        if weight_set not in card.sets:
            there = ", ".join(card.sets)
            raise CardError(f"{card.name}: no weights '{weight_set}'; there are {there}")
        weights, name = card.sets[weight_set], f"{card.name}:{weight_set}"
    else:
        return card
    return replace(card, name=name, weights=weights, points={"default": tuple(weights.paths)})


def _card(path: Path, content: dict[str, Any]) -> Card:
    """A card, before one of its weight sets is chosen."""
    file = _checked(path, content)
    shipped = card_paths().get(path.stem) == path
    named = path.stem if shipped else str(path)
    sets = {}
    for name, files in file.weights.items():
        training = f"{named}:{name}" if name in file.training else ""
        falling = file.points.falling
        sets[name] = find_weights(path, name, files, falling=falling, training=training)
    limits = file.points.limits
    return Card(
        name=path.stem,
        title=file.title,
        family=file.family,
        unit=file.points.unit,
        limits=None if limits is None else (limits[0], limits[1]),
        whole=file.points.whole,
        points=file.points.by_data(),
        options=content[file.family],
        anchor=path.parent.resolve() == content_folder("anchors").resolve(),
        oracle=file.oracle,
        detects_damage=file.detects_damage,
        about=file.about,
        counted=file.counted,
        source=file.source,
        path=path,
        shipped=shipped,
        sets=sets,
        training=file.training,
    )


def _checked(path: Path, content: dict[str, Any]) -> CardFile:
    family, model = content.get("family"), CardFile
    if isinstance(family, str) and family in FAMILIES:
        model = card_model(family, FAMILIES[family].Options or dict[str, Any])
    else:  # the family is the fault, and not the table of another
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
    """Check options as families of bench 0.1 do, which do not declare a model of them."""
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

    ``data`` and ``own`` are those of ``read_card``.
    """
    card = read_card(name_or_path, data, own)
    family = FAMILIES[card.family]
    source_digest(family)  # as it is loaded
    with FAMILIES.called(card.family):
        return family(card)


def recognise(stream: bytes, weights: Path | None = None) -> str | None:
    """The card that decodes a stream; None if no family knows its format.

    A learned codec is found by the weights that coded the stream, unless the user names others.
    """
    for name in FAMILIES:
        with FAMILIES.called(name):
            if card := FAMILIES[name].recognise(stream, weights):
                return card
    return None


def runnable(given: str | Codec, data: str | None = None, own: Path | None = None) -> Codec:
    """The codec of ``load_codec``; UnavailableError if something that it needs is missing."""
    if isinstance(given, Codec) and own is not None:
        raise CardError(f"{given.name}: --weights go with the name or the card of a codec")
    codec = given.renewed() if isinstance(given, Codec) else load_codec(given, data, own)
    if missing := codec.missing():
        raise UnavailableError(f"{codec.name}: {missing}")
    return codec
