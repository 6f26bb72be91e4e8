"""A report as a page of GitHub-flavoured Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.metrics import describe
from bench.report import formatting
from bench.report.compare import Report
from bench.report.conclusions import conclusions
from bench.report.curves import drawn_metrics
from bench.report.markdown import bullets, plain, table
from bench.report.notes import notes
from bench.report.provenance import provenance
from bench.runtime.text import counted
from bench.store import TaskResults

FAILURES = 100
BD_HEADINGS = (
    *("codec", "metric", "BD-rate", "95 %", "over qualities", "overlap"),
    *("BD-quality", "95 %", "mean of the images' BD-rates", "95 %"),
)


def markdown(report: Report) -> str:
    """Everything a report says, with the curves beside it."""
    results = report.results
    count = counted(len(results.images), "image")
    parts = [f"# {plain(results.dataset)}, {count}"]
    if drawn_metrics(report):
        parts.append("![Rate–quality curves](curves.png)")
    parts += ["## Means", table(_mean_rows(report)), formatting.means(report)]
    if any(codec.missing for codec in results.codecs):
        parts.append(plain(formatting.PARTIAL))
    for task in results.tasks:
        parts += [
            f"## wAP, {plain(task.name)}",
            plain(task.title),
            table(_score_rows(report, task)),
            formatting.SCORES,
        ]
    if formatting.compared(report):
        parts += ["## Bjøntegaard deltas", *_deltas(report)]
    elif report.anchor is None:
        parts.append(formatting.NO_ANCHOR)
    if told := notes(report):
        parts += ["## Notes", bullets(told)]
    if failures := formatting.failures(report, FAILURES):
        parts += ["## Failures", bullets(failures)]
    parts += ["## Provenance", bullets(provenance(results)), table(_codec_rows(report))]
    return "\n\n".join(parts) + "\n"


def summary(report: Report) -> str:
    """What a notebook shows of a report: what it comes to, and why not more."""
    title = f"**{plain(report.results.dataset)}, {counted(len(report.results.images), 'image')}**"
    parts = [
        title,
        *(_deltas(report) if formatting.compared(report) else [table(_mean_rows(report))]),
    ]
    if told := notes(report):
        parts.append(bullets(told))
    return "\n\n".join(parts) + "\n"


def _deltas(report: Report) -> Iterator[str]:
    """What they come to, and a row for each comparison that has a figure."""
    if told := [found.text for found in conclusions(report)]:
        yield bullets(told)
    rows = list(_delta_rows(report))
    if len(rows) > 1:
        yield table(rows)
    yield plain(
        f"{formatting.against(report)} BD-rate and BD-quality are those of the set's mean curve; "
        "beside them is the mean of the images' own BD-rates. Intervals hold 95 %, by resampling "
        "the images."
    )


def _mean_rows(report: Report) -> Iterator[Sequence[str]]:
    columns = formatting.mean_columns(report)
    yield "codec", "point", *map(formatting.heading, columns)
    for row in report.results.mean_rows:
        point = f"{row['unit']} {row['point']}{'' if row['complete'] else ' *'}"
        means = (formatting.mean(name, row.get(name, float("nan"))) for name in columns)
        yield row["codec"], point, *means


def _score_rows(report: Report, task: TaskResults) -> Iterator[Sequence[str]]:
    yield "codec", "point", "bpp", "wAP", "95 %", "AP", "AP50"
    for row in formatting.score_rows(report, task):
        yield row.codec.name if row.codec else "", row.point, *row.cells()


def _delta_rows(report: Report) -> Iterator[Sequence[str]]:
    yield BD_HEADINGS
    for comparison in formatting.compared(report):
        if not comparison.defined:
            continue
        rate, quality, images = comparison.rate, comparison.quality, comparison.per_image
        yield (
            comparison.codec,
            describe(comparison.metric).title,
            formatting.signed(rate.value, "%"),
            formatting.interval(rate.interval),
            formatting.span(rate.range),
            formatting.percent(rate.overlap),
            formatting.gain(comparison.metric, quality.value),
            formatting.interval(quality.interval),
            formatting.signed(images.value, "%") if images else formatting.NOTHING,
            formatting.interval(images.interval if images else None),
        )


def _codec_rows(report: Report) -> Iterator[Sequence[str]]:
    yield "codec", "what it is", "version", "fingerprint"
    for codec in report.results.codecs:
        traits = formatting.traits(codec, report)
        told = f"{codec.title} ({traits})" if traits else codec.title
        yield codec.name, told, codec.version or formatting.NOTHING, codec.fingerprint[:12]
