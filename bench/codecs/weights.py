"""Weight sets: the files that a learned codec has for a data set, one for each operating point.

A card names its sets, the names of their files and where they come from; the points are those in
the names of the files that are there. Where one file is for all points, the card lists these.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs
from pydantic import Field, ValidationInfo, field_validator

from bench.errors import CardError
from bench.runtime.file_model import FileModel, Listed, Number, quoted
from bench.runtime.settings import user_path
from bench.runtime.text import counted

VARIABLE = "BENCH_WEIGHTS"
_POINT = "{point}"
_NUMBER = r"(\d+(?:[._]\d+)?)"
_STARTS_HERE = r"(?<!\d)(?<!\d[._])"  # and not in the middle of a number


class WeightFiles(FileModel):
    """What a card says of a set: how its files are called and where they come from."""

    points: Listed[Number] = Field((), description="the points of a file for all of them")
    files: str = Field(
        description=f"a pattern of file names with one {_POINT}, such as '*lambda_{_POINT}.*', or "
        "the name of one file for all 'points', which may have stars"
    )
    folder: str | None = Field(None, description="a folder, as seen from the card")
    count: int | None = Field(None, description="how many files there are")
    published: str = Field("", description="what they are called where they come from")
    page: str = Field("", description="the page that links them")
    retired: dict[str, Listed[str]] = Field(
        {}, description="the digests that streams have of weights, by the release that had them"
    )

    def release_of(self, digest: str) -> str | None:
        """The release of bench that had weights of this digest here, if this one has not."""
        return next((name for name, retired in self.retired.items() if digest in retired), None)

    @field_validator("files")
    @classmethod
    def _named(cls, files: str, info: ValidationInfo) -> str:
        wanted = 0 if info.data.get("points") else 1
        if files.count(_POINT) != wanted:
            raise ValueError(f"expected {wanted or 'no'} {_POINT} in {quoted(files)}")
        return files


@dataclass(frozen=True)
class WeightSet:
    """A card's weights for one data set."""

    name: str
    folder: Path
    expected: WeightFiles
    training: str = ""  # the name to train them by, where the card has a recipe
    # Those found, in order of rising rate.
    paths: Mapping[int | float | str, Path] = field(default_factory=dict)

    def missing(self) -> str | None:
        """Why there are no weights: where they are expected, and how to get them."""
        if self.paths:
            return None
        expected = self.expected
        pattern = expected.files.replace(_POINT, "<number>")
        message = f"no weights in {self.folder}, called {pattern}"
        if expected.published:
            what = f"the {expected.count} files" if expected.count else "files"
            what += f" of {expected.published}, which {expected.page} links,"
            message = f"no weights; put {what} into {self.folder}, called {pattern}"
        return f"{message}; 'bench train {self.training}' makes some" if self.training else message

    def remark(self) -> str | None:
        """Whether there are fewer than there could be."""
        count = self.expected.count
        if count is None or len(self.paths) >= count:
            return None
        return f"{len(self.paths)} of {count} files of weights are there, in {self.folder}"

    def description(self) -> str:
        """What there is, or else what is missing."""
        return (
            self.missing()
            or self.remark()
            or f"{counted(len({*self.paths.values()}), 'file')} in {self.folder}"
        )


def find_weights(
    card: Path, name: str, expected: WeightFiles, *, falling: bool, training: str = ""
) -> WeightSet:
    """A card's set, with the files that are there; a user's own come before shipped ones."""
    of_card = Path(card.stem) / name
    own = expected.folder
    folder = weights_folder() / of_card if own is None else card.parent / own
    paths = _found(folder, expected, falling=falling)
    shipped = card.parent / "weights" / of_card
    if not paths and shipped.is_dir():
        folder, paths = shipped, _found(shipped, expected, falling=falling)
    return WeightSet(name, folder, expected, training, paths)


def own_weights(path: Path, expected: WeightFiles) -> WeightSet:
    """A user's own file as a set; its point is the number in its name or, without one, its name."""
    number = _number(path.name, expected.files) if not expected.points else None
    points = expected.points or (path.stem if number is None else number,)
    files = WeightFiles(files=expected.files, points=expected.points)
    return WeightSet("own", path.parent, files, paths=dict.fromkeys(points, path))


def beside(path: Path, codec: str) -> Path:
    """The file of the same name, of another codec's same weight set."""
    weight_set = path.absolute().parent
    return weight_set.parent.parent / codec / weight_set.name / path.name


def weights_folder() -> Path:
    """The folder of the user's weights; BENCH_WEIGHTS overrides the system's default."""
    return user_path(VARIABLE) or Path(platformdirs.user_data_dir("bench")) / "weights"


def _found(folder: Path, expected: WeightFiles, *, falling: bool) -> dict[int | float | str, Path]:
    if expected.points:
        paths = [path for path in sorted(folder.glob(expected.files)) if path.is_file()]
        if len(paths) > 1:
            raise CardError(f"{paths[0]} and {paths[1]} are both for all points; remove one")
        return dict.fromkeys(expected.points, paths[0]) if paths else {}
    found: dict[int | float | str, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        number = _number(path.name, expected.files)
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
