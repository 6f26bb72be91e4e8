"""What the store holds of task networks: how what they found fared, picture by picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.metrics.matches import Matches
from bench.metrics.task_sample import SetScore
from bench.store.store import Store
from bench.tasks.scorer import PSEUDO

MatchArray = NDArray[np.object_]
Seen = dict[str, dict[tuple[str, str], Matches]]
"""By scorer, then by image digest and point key."""


@dataclass(frozen=True, eq=False)
class TaskResults:
    """A task network that was shown pictures, and what it made of the uncompressed ones."""

    name: str
    title: str
    masks: bool
    pseudo: float | None  # its own detections of at least that score are the truth
    fingerprint: str
    originals: tuple[Matches | None, ...]  # of each image

    @cached_property
    def ceiling(self) -> SetScore | None:
        """Its score on the uncompressed images, once it has seen them all."""
        seen = [matches for matches in self.originals if matches is not None]
        whole = len(seen) == len(self.originals) > 0
        return SetScore(seen, masks=self.masks) if whole else None

    def only(self, images: NDArray[np.bool_]) -> TaskResults:
        """On some of the images."""
        return replace(self, originals=tuple(self.originals[i] for i in np.flatnonzero(images)))


def load_task_results(
    store: Store, dataset: int, rows: Mapping[str, list[int]]
) -> tuple[tuple[TaskResults, ...], dict[int, Seen]]:
    """The newest of each name that has seen images of a data set, and what it saw, by codec.

    ``rows`` are the places of each image in the data set. What was held to other labels than
    those of the last run does not count.
    """
    truths: dict[str, str | None] = dict(
        store.rows("SELECT digest, truth FROM members WHERE dataset = ?", (dataset,))  # type: ignore[arg-type]
    )
    known: list[Any] = store.rows(
        "SELECT DISTINCT scorers.id, scorers.fingerprint, name, title, masks, pseudo, used "
        "FROM originals JOIN scorers ON scorers.id = scorer JOIN images ON images.id = image "
        "WHERE images.digest IN (SELECT digest FROM members WHERE dataset = ?) "
        "AND used IS NOT NULL ORDER BY used",
        (dataset,),
    )
    newest = {row[2]: row for row in known}
    tasks, by_codec = [], dict[int, Seen]()
    places = sum(map(len, rows.values()))
    for number, fingerprint, name, title, masks, pseudo, _ in newest.values():
        originals: list[Matches | None] = [None] * places
        seen: list[Any] = store.rows(
            "SELECT images.digest, truth, matches FROM originals "
            "JOIN images ON images.id = image WHERE scorer = ?",
            (number,),
        )
        for image, truth, matches in seen:
            if image in rows and truth == (truths[image] if pseudo is None else PSEUDO):
                for row in rows[image]:
                    originals[row] = Matches.from_bytes(matches)
        tasks.append(TaskResults(name, title, bool(masks), pseudo, fingerprint, tuple(originals)))
        scored: list[Any] = store.rows(
            "SELECT codec, images.digest, point, truth, matches FROM scored "
            "JOIN streams ON streams.id = stream JOIN images ON images.id = image "
            "WHERE scorer = ?",
            (number,),
        )
        for codec, image, point, truth, matches in scored:
            if image in rows and truth == (truths[image] if pseudo is None else PSEUDO):
                its_own = by_codec.setdefault(codec, {}).setdefault(name, {})
                its_own[image, point] = Matches.from_bytes(matches)
    return tuple(tasks), by_codec


def match_array(
    seen: Mapping[tuple[str, str], Matches],
    rows: Mapping[str, list[int]],
    column: Mapping[str, int],
) -> MatchArray:
    """An image a row, a point a column; None where the picture was not looked at."""
    table = np.full((sum(map(len, rows.values())), len(column)), None, dtype=object)
    for (image, point), matches in seen.items():
        if point in column:
            table[rows[image], column[point]] = matches
    return table


def looked_at(matches: MatchArray) -> NDArray[np.bool_]:
    """Which pictures were."""
    seen = [one is not None for one in matches.flat]
    return np.array(seen, dtype=bool).reshape(matches.shape)
