"""The request of a sweep, as options; and its inputs: the codecs, images and networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path

from bench.codecs.catalog import runnable
from bench.codecs.codec import Codec, Point
from bench.codecs.points import Points, choose_points
from bench.datasets import Data, Dataset, Entry, dataset_kind, open_dataset
from bench.datasets.dataset import Progress
from bench.errors import CardError, DataError
from bench.metrics import metric_fingerprints
from bench.sweep.jobs import ScoreRequest, ScorerReference
from bench.tasks.scorer import PSEUDO, Scorer, make_scorers
from bench.tasks.task import Task, open_tasks

TRUTH_SCORE = 0.5  # the minimum score of a detection in the pseudo ground truth


@dataclass(frozen=True)
class Request:
    """What to code, at which points, and what to measure: the options of ``bench run``."""

    codecs: Sequence[str | Codec]
    _: KW_ONLY
    data: Data = "toyscapes"
    root: Path | None = None
    limit: int | None = None
    points: Points = ()
    metrics: Sequence[str] | None = None
    tasks: Sequence[str | Task] | None = None
    engine: str = "bench"
    truth: str = "labels"
    truth_score: float = TRUTH_SCORE
    classes: Mapping[str, str] = field(default_factory=dict)  # a network's by the data set's name
    shard: str | None = None
    save_decoded: Path | None = None
    jobs: int | None = None  # as many as there are cores
    keep_going: bool = False


@dataclass(frozen=True)
class Inputs:
    """What a request names, opened and ready to run."""

    request: Request
    points: Mapping[Codec, tuple[Point, ...]]
    metrics: Mapping[str, str]  # with their fingerprints
    dataset: Dataset
    scorers: tuple[Scorer, ...]
    shard: tuple[int, int]
    remark: str

    def score_requests_of(self, entry: Entry) -> tuple[ScoreRequest, ...]:
        """Each network, with the ground truth of an image."""
        return tuple(
            ScoreRequest(
                ScorerReference.of(scorer),
                PSEUDO
                if scorer.pseudo is not None
                else self.dataset.truths(scorer.measure.labels)[entry.name],
            )
            for scorer in self.scorers
        )

    @property
    def names(self) -> list[str]:
        return [codec.name for codec in self.points]

    @property
    def named_points(self) -> dict[str, tuple[Point, ...]]:
        return {codec.name: points for codec, points in self.points.items()}


def open_inputs(request: Request, progress: Progress | None = None) -> Inputs:
    """Open what a request names; whatever is invalid or missing is an error here."""
    shard = parse_shard(request.shard)
    metrics = metric_fingerprints(request.metrics)
    kind = dataset_kind(request.data)
    codecs = _open_codecs(request.codecs, kind)
    points = choose_points(codecs, kind, request.points)
    dataset = open_dataset(request.data, root=request.root, limit=request.limit, progress=progress)
    _check_side_information(codecs, dataset)
    tasks, remark = open_tasks(request.tasks or (), dataset.kind, request.engine)
    scorers = make_scorers(
        *(tasks, request.engine, dataset),
        *(request.truth, request.truth_score, request.classes),
    )
    remarks = [remark, *(scorer.remark(dataset.name) for scorer in scorers)]
    remark = "; ".join(filter(None, remarks))
    return Inputs(request, points, metrics, dataset, scorers, shard, remark)


def _open_codecs(given: Sequence[str | Codec], kind: str) -> list[Codec]:
    """Each codec once: a card may be named twice, by its name and by its path."""
    opened: dict[object, Codec] = {}
    for each in given:
        codec = runnable(each, kind)
        by_card = codec.card.path.resolve(), codec.name
        opened[by_card if isinstance(each, str) else id(each)] = codec
    return list(opened.values())


def _check_side_information(codecs: Sequence[Codec], dataset: Dataset) -> None:
    for codec in codecs:
        for entry in dataset.entries:
            if lacking := entry.lacking(codec.side_information):
                raise DataError(
                    f"{codec.name} needs the {lacking} of each image; {dataset.name} has none "
                    f"of {entry.name}"
                )


def parse_shard(text: str | None) -> tuple[int, int]:
    """``3/50`` as the third of fifty."""
    if text is None:
        return 1, 1
    part, _, whole = text.partition("/")
    if not (part.isdecimal() and whole.isdecimal() and 1 <= int(part) <= int(whole)):
        raise CardError(f"--shard {text}: expected I/N, such as 3/50")
    return int(part), int(whole)
