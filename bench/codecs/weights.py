"""Weight sets: the files that a learned codec has for a data set, one for each operating point.

A card names its sets, and says how their files are called and where they come from; which points
there are is told by the files that are there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import platformdirs
from pydantic import Field, field_validator

from bench.errors import CardError
from bench.runtime.file_model import FileModel, quoted
from bench.runtime.settings import user_path

VARIABLE = "BENCH_WEIGHTS"
_POINT = "{point}"
_NUMBER = r"(\d+(?:[._]\d+)?)"
_STARTS_HERE = r"(?<!\d)(?<!\d[._])"  # and not in the middle of a number


@dataclass(frozen=True)
class WeightSet:
    """A card's weights for one data set."""

    name: str
    folder: Path
    files: str  # how they are called, with the point in its place
    count: int | None = None
    published: str = ""  # what they are called where they come from
    page: str = ""  # which links them
    training: str = ""  # what makes some, where the card has a recipe
    # Those found, in order of rising rate.
    paths: Mapping[int | float | str, Path] = field(default_factory=dict)

    def missing(self) -> str | None:
        """What is not there, where it is looked for, and how to get it."""
        if self.paths:
            return None
        pattern = self.files.replace(_POINT, "<number>")
        if not self.published:
            told = f"no weights in {self.folder}, called {pattern}"
        else:
            what = f"the {self.count} files" if self.count else "files"
            what += f" of {self.published}, which {self.page} links,"
            told = f"no weights; put {what} into {self.folder}, called {pattern}"
        return f"{told}; 'bench train {self.training}' makes some" if self.training else told

    def remark(self) -> str | None:
        """Whether there are fewer than there could be."""
        if self.count is None or len(self.paths) >= self.count:
            return None
        return f"{len(self.paths)} of {self.count} files of weights are there, in {self.folder}"

    def description(self) -> str:
        """What there is, or else what is missing."""
        return self.missing() or self.remark() or f"{len(self.paths)} files in {self.folder}"


class WeightFiles(FileModel):
    """What a card says of a set: how its files are called and where they come from."""

    files: str = Field(
        description=f"a pattern of file names with one {_POINT}, such as '*lambda_{_POINT}.*'"
    )
    folder: str | None = Field(None, description="a folder, as seen from the card")
    count: int | None = Field(None, description="how many files there are")
    published: str = Field("", description="what they are called where they come from")
    page: str = Field("", description="the page that links them")

    @field_validator("files")
    @classmethod
    def _one_point(cls, files: str) -> str:
        if files.count(_POINT) != 1:
            raise ValueError(f"expected one {_POINT} in {quoted(files)}")
        return files


def find_weights(
    card: Path, name: str, said: WeightFiles, *, falling: bool, training: str = ""
) -> WeightSet:
    """A set as a card has it, with the files that are there."""
    of_card = Path(card.stem) / name
    folder = weights_folder() / of_card if said.folder is None else card.parent / said.folder
    given = WeightSet(
        name, folder, said.files, said.count, said.published, said.page, training=training
    )
    paths = _found(given, falling=falling)
    shipped = card.parent / "weights" / of_card
    if not paths and shipped.is_dir():  # a user's own go before them
        given = replace(given, folder=shipped)
        paths = _found(given, falling=falling)
    return replace(given, paths=paths)


def own_weights(path: Path, files: str) -> WeightSet:
    """A user's own file as a set; its point is in its name or, where that says none, its name."""
    number = _number(path.name, files)
    point = path.stem if number is None else number
    return WeightSet("own", path.parent, files, paths={point: path})


def weights_folder() -> Path:
    """Where weights of the user's are; BENCH_WEIGHTS overrides the system's place for them."""
    return user_path(VARIABLE) or Path(platformdirs.user_data_dir("bench")) / "weights"


def _found(given: WeightSet, *, falling: bool) -> dict[int | float | str, Path]:
    found: dict[int | float | str, Path] = {}
    for path in sorted(given.folder.iterdir()) if given.folder.is_dir() else ():
        number = _number(path.name, given.files)
        if number is None or not path.is_file():
            continue
        if number in found:
            raise CardError(f"{found[number]} and {path} are both of point {number}; remove one")
        found[number] = path
    return dict(sorted(found.items(), reverse=falling))


def _number(name: str, files: str) -> int | float | None:
    """The point that a file's name says, where 0_02 is 0.02."""
    before, after = files.split(_POINT)
    starts_here = _STARTS_HERE if before.endswith("*") else ""
    match = re.fullmatch(_glob(before) + starts_here + _NUMBER + _glob(after), name)
    if match is None:
        return None
    number = float(match[1].replace("_", "."))
    return int(number) if number.is_integer() else number


def _glob(pattern: str) -> str:
    """A regular expression for a pattern with stars, in which only the last star backtracks.

    The other stars take as little as they can and never more: with many stars, trying all the
    ways to share a name among them would take minutes.
    """
    first, *others = (re.escape(part) for part in pattern.split("*"))
    if not others:
        return first
    return first + "".join(f"(?>.*?{part})" for part in others[:-1]) + ".*" + others[-1]
