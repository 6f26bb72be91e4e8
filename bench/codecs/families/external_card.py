"""What the card of an external codec says, read and checked."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bench.codecs.catalog import check_keys
from bench.codecs.codec import Card
from bench.codecs.families.commands import Words, parse_command
from bench.codecs.families.tools import RequiredTools
from bench.errors import CardError
from bench.images.image import MAX_MULTIPLE

# Bytes a sample of the raw pictures that decoders write; the other outputs are image files.
RAW = {"yuv420p": 1, "yuv420p10le": 2}
_OUTPUTS = (*RAW, "png", "ppm")
_INPUTS = ("yuv420p", "png")

_NAMES = (list, "a list of names, of which the first found is used")
_COMMAND = (str, "a command line")
_A_YEAR = 365 * 24 * 60  # minutes, which no time limit can be
_KEYS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "folder": (str, "an environment variable, such as BENCH_VTM"),
    "encoder": _NAMES,
    "decoder": _NAMES,
    "cfg": (str, "the name of a file"),
    "get": (str, "how to get the programs, in a few words"),
    "version": (str, "the version expected"),
    "version_command": _COMMAND,
    "version_pattern": (str, "a regular expression with one group, the version"),
    "input": (str, f"one of {', '.join(_INPUTS)}"),
    "output": (str, f"one of {', '.join(_OUTPUTS)}"),
    "size_from": (str, "'header', or the ffmpeg demuxer that can tell a stream's size"),
    "multiple": (int, f"a number from 1 to {MAX_MULTIPLE}"),
    "encode": _COMMAND,
    "decode": _COMMAND,
    "minutes_per_2_megapixels": ((int, float), "a number above 0"),
}
# A script of one's own has neither a version nor a place where others get it.
_OPTIONAL = (
    *("cfg", "size_from", "folder", "get", "minutes_per_2_megapixels"),
    *("version", "version_command", "version_pattern"),
)
_USUAL_MINUTES = 30  # for 2 megapixels, in which VTM is done


@dataclass(frozen=True)
class External:
    """The ``[external]`` table of a card."""

    wanted: RequiredTools
    version: str | None
    version_command: Words | None
    version_pattern: re.Pattern[str] | None
    input: str
    output: str
    size_from: str | None
    multiple: int
    encode: Words
    decode: Words
    seconds_per_pixel: float

    @property
    def reconstructs(self) -> bool:
        """Whether the encoder writes its own reconstruction, to be checked."""
        return any("{reconstruction}" in word for word in self.encode)


def read_external(card: Card) -> External:
    """The table, or one line about the first thing wrong in it."""
    where, table = card.path, card.options
    required = tuple(key for key in _KEYS if key not in _OPTIONAL)
    check_keys(where, table, _KEYS, required=required, prefix="external.")

    def demand(key: str, fine: bool) -> None:
        if not fine:
            raise CardError(f"{where}: 'external.{key}' must be {_KEYS[key][1]}")

    demand("input", table["input"] in _INPUTS)
    demand("output", table["output"] in _OUTPUTS)
    demand("multiple", 1 <= table["multiple"] <= MAX_MULTIPLE)
    minutes = table.get("minutes_per_2_megapixels", _USUAL_MINUTES)
    demand("minutes_per_2_megapixels", 0 < minutes < _A_YEAR)
    for key in ("encoder", "decoder"):
        demand(key, bool(table[key]) and all(isinstance(name, str) for name in table[key]))
    demand("version_command", bool(table.get("version_command", "-").strip()))
    pattern = _version_pattern(card)
    demand("version_pattern", pattern is None or pattern.groups == 1)
    raw = table["output"] in RAW
    if raw != ("size_from" in table):
        problem = "is missing: a raw picture has no size" if raw else "is only for raw outputs"
        raise CardError(f"{where}: 'external.size_from' {problem}")

    def command(key: str, allowed: list[str], needed: list[str]) -> Words:
        tools = ["encoder", "decoder", *(["cfg"] if "cfg" in table else [])]
        return parse_command(
            where, f"external.{key}", table[key], allowed=[*tools, *allowed], required=needed
        )

    size = ["width", "height"]
    return External(
        wanted=RequiredTools(
            table.get("folder"),
            where.absolute().parent,
            tuple(table["encoder"]),
            tuple(table["decoder"]),
            table.get("cfg"),
            table.get("get"),
        ),
        version=table.get("version"),
        version_command=command("version_command", [], []) if pattern else None,
        version_pattern=pattern,
        input=table["input"],
        output=table["output"],
        size_from=table.get("size_from"),
        multiple=table["multiple"],
        encode=command(
            "encode",
            ["input", "stream", "reconstruction", "point", *size],
            ["encoder", "input", "stream", "point"],
        ),
        decode=command(
            "decode",
            ["stream", "output", *(size if raw else [])],
            ["decoder", "stream", "output"],
        ),
        seconds_per_pixel=minutes * 60 / 2e6,
    )


def _version_pattern(card: Card) -> re.Pattern[str] | None:
    """What finds the version in what the program prints; None if the card does not ask for it."""
    table = card.options
    if not {"version", "version_command", "version_pattern"} & table.keys():
        return None
    for key in ("version_command", "version_pattern"):
        if key not in table:
            raise CardError(f"{card.path}: 'external.{key}' is missing: it tells the version")
    try:
        return re.compile(table["version_pattern"])
    except re.error as error:
        raise CardError(f"{card.path}: 'external.version_pattern': {error}") from error
