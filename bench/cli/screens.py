"""The output of commands other than reports, readable at 40 columns and at 120, in colour or not.

Everything is a ``Text``: ``[paths]`` in a plain string would be read as markup. Commands and paths
are never broken, so that they can be copied: print a screen with ``crop=False``.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bench.cli.columns import Columns, Row, Stacked, TextLine
from bench.codecs.codec import Card, Point
from bench.commands.inventory import CodecStatus, DatasetStatus, Status, TaskStatus
from bench.commands.predict import Prediction, Predictions
from bench.commands.score import Score
from bench.commands.show import CodecDescription, Description
from bench.metrics import Metric
from bench.runtime.text import counted, duration

if TYPE_CHECKING:
    from bench.report.paper.spec_report import SpecReport
    from bench.training.zoo import Trained

YES, NO = Text("✓", "green"), Text("✗", "bold red")
ABSENT, BUT, _ASKED = Text("–", "dim"), Text("!", "bold yellow"), Text("·", "dim")
_LEGEND = {
    "✓": "ready; a metric: measured by default",
    "·": "measured if --metric names it",
    "!": "ready, with a remark; see 'bench show'",
    "–": "not ready",
    "✗": "invalid card",
}


def list_screen(
    codecs: Sequence[CodecStatus],
    datasets: Sequence[DatasetStatus],
    tasks: Sequence[TaskStatus],
    measures: Sequence[Status],
    metrics: Sequence[Metric],
) -> RenderableType:
    """One table, so that the columns are the same from top to bottom."""
    table = Table.grid(padding=(0, 1, 0, 0))  # more, and titles would be broken at 80 columns
    table.add_column(width=2)
    table.add_column(no_wrap=True)
    table.add_column()
    table.add_column(no_wrap=True)
    # Units have the same width in each row, so that what follows is aligned, too.
    width = max(len(unit) for unit in [*(c.unit for c in codecs), *(m.unit for m in metrics)])
    sections: dict[tuple[str, str], list[Sequence[Text]]] = {
        ("Anchors", "points on Toyscapes"): [_codec_row(c, width) for c in codecs if c.anchor],
        ("Codecs", "points on Toyscapes"): [_codec_row(c, width) for c in codecs if not c.anchor],
        ("Datasets", "variants"): [_row(d, d.title, " ".join(d.variants)) for d in datasets],
        ("Tasks", "weights"): [_row(task, task.title, task.weights) for task in tasks],
        ("Measures of tasks", ""): [_row(m, m.title, "") for m in measures],
        ("Metrics", "unit, and what is better"): [_metric_row(m, width) for m in metrics],
    }
    for (title, last), rows in sections.items():
        if not rows:
            continue
        if table.row_count:
            table.add_row()
        table.add_row(Text(), Text(title, "bold"), Text(), Text(last, "dim"))
        for row in rows:
            table.add_row(*row)
    marks = {str(cell) for cell in table.columns[0].cells}
    legend = [
        TextLine(Text(f"{mark}  ", "dim"), text, "dim")
        for mark, text in _LEGEND.items()
        if mark in marks
    ]
    where = "'bench show NAME' describes one, and how to get it if it is missing."
    more = TextLine(Text(), where, "dim")
    entries: list[Status] = [*codecs, *datasets, *tasks, *measures]
    lacking = [_lacking(entry) for entry in entries if entry.missing]
    return Group(Stacked(table, lead=2), Text(), *legend, Text(), *lacking, Text(), more)


def _lacking(entry: Status) -> RenderableType:
    """What is missing, without the advice, which 'bench doctor' gives."""
    return TextLine(Text(f"–  {entry.name}: ", "dim"), (entry.missing or "").split("; ")[0], "dim")


def _codec_row(codec: CodecStatus, width: int) -> Sequence[Text]:
    if not codec.title:
        return NO, Text(codec.name), Text(codec.missing or "", "red"), Text()
    points = codec.points.get("toyscapes", codec.points["default"])
    title = f"{codec.title} (oracle)" if codec.oracle else codec.title
    return _row(codec, title, f"{codec.unit:<{width}}  {_spaced(points)}")


def _row(entry: Status, title: str, last: str) -> Sequence[Text]:
    mark = ABSENT if not entry.available else BUT if entry.remark else YES
    return mark, *_cells("" if entry.available else "dim", entry.name, title, last)


def _cells(style: str, *words: str) -> Iterable[Text]:
    return (Text(each, style) for each in words)


def _metric_row(metric: Metric, width: int) -> Sequence[Text]:
    mark, style = (YES, "") if metric.default else (_ASKED, "dim")
    unit = f"{metric.unit:<{width}}  {'more' if metric.higher_is_better else 'less'}"
    return mark, *_cells(style, metric.name, metric.title, unit)


def show_screen(shown: CodecDescription | Description) -> RenderableType:
    """The description of a codec, metric, task or data set, as a page."""
    if isinstance(shown, CodecDescription):
        return _codec_page(shown)
    lines = [("kind", shown.kind), *shown.facts.items()]
    return Group(*_page(shown, lines))


def _codec_page(codec: CodecDescription) -> RenderableType:
    """A codec's card, then its commands."""
    lines = _card_lines(codec.card)
    if codec.fingerprint:
        inputs = (f"{what} {_short(value)}" for what, value in codec.depends_on.items())
        lines += [("fingerprint", codec.fingerprint), ("", f"of {', '.join(inputs)}")]
    page = _page(codec, lines, codec.card.about)
    encode, decode = codec.commands
    at = "" if codec.point is None else f" at {codec.card.unit} {codec.point}"
    commands = {f"Encode{at}": encode, "Decode": decode}
    if codec.conversion:
        commands = {"Picture, the same for all codecs": codec.conversion, **commands}
    for title, command in commands.items():
        page += [Text(), Text(title, "bold"), Text(command, no_wrap=True, overflow="ignore")]
    return Group(*page)


def _page(
    shown: CodecDescription | Description, lines: Sequence[tuple[str, str]], about: str = ""
) -> list[RenderableType]:
    """A heading, and labelled lines below it; empty ones are left out."""
    asking = [("missing", shown.missing or ""), ("remark", shown.remark or "")]
    lines = [(label, words) for label, words in [*lines, *asking] if words]
    width = 2 + max(len(label) for label, _ in lines)
    page: list[RenderableType] = [Text.assemble((shown.name, "bold"), "  ", shown.title), Text()]
    if about:
        page += [TextLine(Text(), about), Text()]
    for label, words in lines:
        style = "yellow" if label in ("missing", "remark") else "" if label else "dim"
        page.append(TextLine(Text(f"{label:<{width}}", "dim"), words, style))
    return page


def _card_lines(card: Card) -> list[tuple[str, str]]:
    """The values of a card, labelled; some may be empty."""
    limits = "" if card.limits is None else f", {card.limits[0]:g} to {card.limits[1]:g}"
    damage = "" if card.detects_damage else "may be undetected and decode to a wrong picture"
    return [
        ("kind", "anchor" if card.anchor else "codec"),
        ("oracle", "the encoder uses the ground truth" if card.oracle else ""),
        ("unit", card.unit + limits),
        ("points", _spaced(card.points["default"])),
        *((f"on {data}", _spaced(p)) for data, p in card.points.items() if data != "default"),
        *(("weights", f"{name}: {each.description()}") for name, each in card.sets.items()),
        ("counted", card.counted),
        ("damage", damage),
        ("source", card.source),
        ("family", card.family),
        ("card", str(card.path)),
    ]


def _short(value: str) -> str:
    """The first digits of a digest, or of the digest of any other long value."""
    if len(value) < 64:
        return value
    return (value if value.isalnum() else hashlib.sha256(value.encode()).hexdigest())[:12]


def _spaced(points: Sequence[Point]) -> str:
    return " ".join(str(point) for point in points)


def training_screen(trained: Trained) -> RenderableType:
    """The files of weights, with the steps, time and size of each."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for made in trained.files:
        time = duration(made.seconds)
        size = f"{made.size / 1e6:.2f} MB"
        table.add_row(Text(made.weights.name), counted(made.steps, "step"), time, size)
    state = "Weights:" if trained.whole else "Not finished; run the same command to resume in"
    where = TextLine(Text(), f"{state} {trained.folder}")
    return Group(table, where) if trained.files else where


def spec_report_screen(made: SpecReport) -> RenderableType:
    """Each part, or why it was not made, and its remarks."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    for one in made.parts:
        parts = [Text(f"not made: {one.reason}", "red") if one.reason else Text(one.part.caption)]
        parts += [Text(f"- {remark}", "dim") for remark in one.remarks]
        table.add_row(Text(one.part.name, "bold"), Group(*parts))
    count = counted(len(made.results.images), "image")
    about = TextLine(Text(), f"{made.results.dataset}, {count}", "bold")
    where = TextLine(Text(), f"Figures and tables: {made.folder}")
    if not made.missing_command:
        return Group(about, "", table, "", where)
    command = Text(f"  {made.missing_command}", no_wrap=True, overflow="ignore")
    return Group(about, "", table, "", where, "", "This command runs what is missing:", command)


def score_screen(found: Score) -> RenderableType:
    """A line for each class, then the means; a class without instances has no figure."""
    precision = found.precision
    body: list[Row | RenderableType] = []
    for index, name in enumerate(found.classes):
        figures = precision.by_class[index], precision.matrix[index, 0]
        body.append((name, *map(_fraction, figures), str(int(precision.instances[index]))))
    total = str(int(precision.instances.sum()))
    means = _fraction(precision.ap), _fraction(precision.ap50)
    body += ["", (Text("mean", "bold"), *means, total)]
    table = Columns(("class", "AP", "AP50", "instances"), body)
    bounds = found.interval and found.interval.bounds
    interval = f"   95 % of resamples: {bounds[0]:.3f} to {bounds[1]:.3f}" if bounds else ""
    wap = Text.assemble(("wAP  ", "bold"), _fraction(precision.wap), interval)
    counted = f"{found.predictions} predictions in {found.images} images"
    remarks = [TextLine(Text(), note, "yellow") for note in found.notes]
    return Group(table, Text(), wap, Text(), Text(counted, "dim"), *remarks)


def _fraction(value: float) -> Text:
    return ABSENT if math.isnan(value) else Text(f"{value:.3f}")


def predict_screen(found: Predictions) -> RenderableType:
    """For each image a table of its detections."""
    parts: list[RenderableType] = []
    for image in found.images:
        count = len(image.detections)
        name = (str(image.file), "bold")
        title = Text.assemble(
            name, f"  {counted(count, 'detection')}", no_wrap=True, overflow="ignore"
        )
        parts += [title, *([_detections(image)] if count else []), Text()]
    return Group(*parts[:-1])


def _detections(image: Prediction) -> Columns:
    found = image.detections
    body = [
        (found.names[which], f"{score:.3f}", *(f"{value:.1f}" for value in box))
        for which, score, box in zip(found.classes, found.scores, found.boxes, strict=True)
    ]
    return Columns(("class", "score", "x0", "y0", "x1", "y1"), body)
