"""A report as a page of GitHub-flavoured Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.metrics import describe
from bench.report import tables
from bench.report.compare import Report
from bench.report.conclusions import conclusions
from bench.report.curves import drawn_metrics
from bench.report.formatting import NOTHING, heading
from bench.report.markdown import bullets, plain, table
from bench.report.notes import failure_lines, notes
from bench.report.provenance import provenance
from bench.store import TaskResults

BD_HEADINGS = (
    *("codec", "metric", "BD-rate", "95 %", "over qualities", "overlap"),
    *("BD-quality", "95 %", "mean of the images' BD-rates", "95 %"),
)


def markdown(report: Report) -> str:
    """The whole report, with the picture of its curves."""
    results = report.results
    parts = [f"# {plain(report.title)}"]
    if drawn_metrics(report):
        parts.append("![Rate–quality curves](curves.png)")
    parts += ["## Means", table(_mean_rows(report)), tables.means(report)]
    if any(codec.missing for codec in results.codecs):
        parts.append(plain(tables.PARTIAL))
    for task in results.tasks:
        parts += [
            f"## {task.measure.figure.title}, {plain(task.name)}",
            plain(task.title),
            table(_score_rows(report, task)),
            tables.scores(task.measure),
        ]
    if report.complete_comparisons:
        parts += ["## Bjøntegaard deltas", *_deltas(report)]
    elif report.anchor is None:
        parts.append(tables.NO_ANCHOR)
    if remarks := notes(report):
        parts += ["## Notes", bullets(remarks)]
    if failures := failure_lines(report):
        parts += ["## Failures", bullets(failures)]
    parts += ["## Provenance", bullets(provenance(results)), table(_codec_rows(report))]
    return "\n\n".join(parts) + "\n"


def summary(report: Report) -> str:
    """What a notebook shows of a report: the comparison, or the means if there is none."""
    shown = _deltas(report) if report.complete_comparisons else [table(_mean_rows(report))]
    parts = [f"**{plain(report.title)}**", *shown]
    if remarks := notes(report):
        parts.append(bullets(remarks))
    return "\n\n".join(parts) + "\n"


def _deltas(report: Report) -> Iterator[str]:
    """The conclusions, and a row for each comparison that has a figure."""
    if sentences := [found.text for found in conclusions(report)]:
        yield bullets(sentences)
    rows = list(_delta_rows(report))
    if len(rows) > 1:
        yield table(rows)
    yield plain(
        f"{tables.against(report)} BD-rate and BD-quality are those of the set's mean curve; "
        "beside them is the mean of the images' own BD-rates. Intervals hold 95 %, by resampling "
        "the images."
    )


def _mean_rows(report: Report) -> Iterator[Sequence[str]]:
    yield "codec", "point", *map(heading, tables.mean_columns(report))
    yield from tables.mean_rows(report)


def _score_rows(report: Report, task: TaskResults) -> Iterator[Sequence[str]]:
    yield "codec", "point", *tables.score_headings(task.measure, "95 %")
    for codec, cells in tables.score_rows(report, task):
        yield codec.name if codec else "", *cells


def _delta_rows(report: Report) -> Iterator[Sequence[str]]:
    yield BD_HEADINGS
    for comparison in report.complete_comparisons:
        if comparison.defined:
            title = describe(comparison.metric).title
            yield comparison.codec, title, *tables.delta_cells(comparison).values()


def _codec_rows(report: Report) -> Iterator[Sequence[str]]:
    yield "codec", "what it is", "version", "fingerprint"
    for codec in report.results.codecs:
        traits = tables.traits(codec, report)
        title = f"{codec.title} ({traits})" if traits else codec.title
        yield codec.name, title, codec.version or NOTHING, codec.fingerprint[:12]
