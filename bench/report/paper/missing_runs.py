"""The command that codes and measures what a report by a spec still lacks."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from bench.metrics import METRICS, scorer_of
from bench.report.paper.selection import NOT_RUN, Selection, Shown
from bench.report.paper.spec import PARTS, Part
from bench.store import CodecResults, Store
from bench.tasks.scorer import PSEUDO


def command_for_missing(selection: Selection, store: Store, root: Path | None) -> str:
    """``bench run …`` of all that is missing and can run here; empty if nothing is."""
    metrics = list(dict.fromkeys(_metrics(selection)))
    lacking = {
        shown.codec: shown
        for part in selection.spec.parts
        for shown in _shown(part, selection)
        if shown.lacking == NOT_RUN or (shown.results and _is_partial(shown.results, metrics))
    }
    bend = any(column.bend for part in selection.spec.parts for column in part.columns)
    at_the_bend = selection.lacking_at_the_bend if bend else ()
    if at_the_bend:
        anchor = selection.shown(selection.setting.anchor)
        lacking[anchor.codec] = anchor
    if not lacking:
        return ""
    words = ["bench", "run"]
    for codec in lacking:
        words += ["--codec", codec]
    for codec, shown in lacking.items():
        if shown.results:  # all its points, which may be others than the card's
            more = at_the_bend if shown.key == selection.setting.anchor else ()
            words += ["--points", f"{codec}={','.join(map(str, (*shown.results.points, *more)))}"]
    words += _data(selection, root)
    measured = [name for name in metrics if scorer_of(name) is None]
    if not all(METRICS[name].default for name in measured):
        words += [word for name in measured for word in ("--metric", name)]
    names = [selection.task.name, *filter(None, map(scorer_of, metrics))]
    for task in dict.fromkeys(name.removesuffix(f":{PSEUDO}") for name in names):
        words += ["--task", task]
    if (score := selection.task.pseudo) is not None:
        words += ["--truth", "pseudo", "--truth-score", f"{score:g}"]
    return shlex.join([*words, "--results", str(store.folder)])


def _shown(part: Part, selection: Selection) -> Iterator[Shown]:
    """The codecs of a part, the anchors first."""
    if PARTS[part.kind].compares:
        yield selection.anchor(part)
        yield from (selection.anchor(part, column) for column in part.columns)
    yield from map(selection.shown, part.codecs)


def _metrics(selection: Selection) -> Iterator[str]:
    for part in selection.spec.parts:
        yield from map(selection.metric, part.panels)
        yield from (selection.metric(column.metric) for column in part.columns)
        if PARTS[part.kind].by_every_task:
            yield from (task.metric for task in selection.labelled)


def _is_partial(codec: CodecResults, metrics: list[str]) -> bool:
    """Whether it lacks decoded pictures, a metric, or a score by a task network."""
    unscored = [None]
    return codec.missing > 0 or not all(
        metric in codec.values if scorer is None else all(codec.scores.get(scorer, unscored))
        for metric in metrics
        for scorer in [scorer_of(metric)]
    )


def _data(selection: Selection, root: Path | None) -> list[str]:
    words = ["--data", selection.results.data]
    if root is not None:
        words += ["--root", str(root)]
    _, _, limit = selection.results.dataset.partition("[:")
    return [*words, "--limit", limit.rstrip("]")] if limit else words
