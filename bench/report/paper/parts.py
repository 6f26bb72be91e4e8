"""Writes the parts of a report: figures, tables and pictures, with a CSV of the figures shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from bench.codecs.codec import Point
from bench.errors import DataError, UnavailableError
from bench.report.curves import (
    CurvePoint,
    Drawing,
    ceilings,
    curve,
    curve_points,
    published_curve,
)
from bench.report.formatting import short_title
from bench.report.paper.selection import Selection, Shown
from bench.report.paper.spec import WIDTHS, Part, PartKind, WrittenPart
from bench.report.paper.table_formats import as_csv, as_markdown, notes, write_table
from bench.report.paper.tables import Table, deltas_table, read_published, transfer_table
from bench.report.pictures import ScoredPictureSource
from bench.runtime.csv_files import csv_text
from bench.runtime.files import write_text
from bench.runtime.text import grouped
from bench.store import CodecResults, Store

FORMATS = (".pdf", ".svg", ".png")


@dataclass(frozen=True, eq=False)
class PartSource:
    """What parts are made from, and the folder that they are written to."""

    store: Store
    selection: Selection
    root: Path | None
    folder: Path

    @cached_property
    def pictures(self) -> ScoredPictureSource:
        selection = self.selection
        return ScoredPictureSource(self.store, selection.results, selection.task, self.root)

    def files(self, part: Part) -> list[Path]:
        return [self.folder / f"{part.name}{suffix}" for suffix in FORMATS]


def _curves(made_from: PartSource, part: Part) -> WrittenPart:
    from bench.report.plotting import print_curves

    selection = made_from.selection
    there, lacking = _drawable(part, selection)
    panels = [selection.metric(name) for name in part.panels]
    wanted = {name: [_points_of(shown, name) for shown in there] for name in panels}
    drawn = {name: curves for name, curves in wanted.items() if any(curves)}
    if there and (empty := [short_title(name) for name in panels if name not in drawn]):
        lacking.append(f"not measured: {'; '.join(empty)}")
    if not drawn:
        raise UnavailableError("; ".join(lacking))
    dotted = ceilings(selection.results)
    drawing = Drawing(
        title="",
        styles=[shown.style for shown in there],
        anchor=None,
        panels=drawn,
        ceilings={name: dotted[name] for name in drawn if name in dotted},
    )
    print_curves(drawing, made_from.files(part), WIDTHS[part.width])
    rows = [
        (shown.key, by, name, at.point, at.rate, at.quality, *(at.interval or ("", "")))
        for name in panels
        for shown in there
        for by, at in _named_points(shown, name)
    ]
    heading = ("codec", "by", "metric", "point", "bpp", "quality", "low", "high")
    return _drawn(made_from, part, [heading, *rows], lacking)


def _drawable(part: Part, selection: Selection) -> tuple[list[Shown], list[str]]:
    """The part's codecs with results or a published curve, and why the others have none."""
    shown = list(map(selection.shown, part.codecs))
    there = [each for each in shown if each.results or each.published]
    absent = grouped((each.lacking, each.style.plain) for each in shown if each not in there)
    return there, [f"{reason}: {'; '.join(labels)}" for reason, labels in absent.items()]


def _points_of(shown: Shown, metric: str) -> list[CurvePoint]:
    if shown.published is not None:
        return published_curve(shown.published, metric)
    return curve(shown.results, metric) if shown.results else []


def _named_points(shown: Shown, metric: str) -> list[tuple[str, CurvePoint]]:
    """All points, each with the codec or the file that it is of."""
    if shown.published is not None:
        file = shown.published.file
        return [(file, at) for at in published_curve(shown.published, metric)]
    codec = shown.results
    return [(codec.name, at) for at in curve_points(codec, metric)] if codec else []


def _rates(made_from: PartSource, part: Part) -> WrittenPart:
    from bench.report.paper.rates import WHOLE, Bar, print_rates

    there, lacking = _split(part, made_from.selection)
    bars = [
        Bar(shown.style.label, f"{codec.unit} {point}", codec.rates_at(column) or {WHOLE: rate})
        for shown, codec in there
        for column, (point, rate) in enumerate(zip(codec.points, codec.rates, strict=True))
    ]
    if not bars:
        raise UnavailableError("; ".join(lacking))
    print_rates(bars, made_from.files(part), WIDTHS[part.width])
    rows = [(*bar[:2], name, rate) for bar in bars for name, rate in bar.rates.items()]
    return _drawn(made_from, part, [("codec", "point", "part", "bpp"), *rows], lacking)


def _table(
    make: Callable[[Part, Selection], Table], made_from: PartSource, part: Part
) -> WrittenPart:
    table = _with_figures(make(part, made_from.selection))
    write_table(table, part, made_from.folder)
    return WrittenPart(part, as_markdown(table), (*table.findings, *notes(table)))


def _with_figures(table: Table) -> Table:
    if not table.shown:
        raise UnavailableError("; ".join(notes(table)))
    return table


def _heatmap(made_from: PartSource, part: Part) -> WrittenPart:
    from bench.report.paper.heatmap import print_heatmap

    table = _with_figures(transfer_table(part, made_from.selection))
    print_heatmap(table, made_from.files(part), WIDTHS[part.width])
    write_text(made_from.folder / f"{part.name}.csv", as_csv(table))
    return WrittenPart(part, _image_of(part), (*table.findings, *notes(table)))


def _mask(made_from: PartSource, part: Part) -> WrittenPart:
    from bench.report.paper.pictures import print_mask

    image = _image(made_from.selection)
    shown = made_from.selection.shown(part.codecs[0])
    codec = shown.results
    if codec is None:
        raise UnavailableError(f"{shown.lacking}: {shown.style.plain}")
    point = _point(made_from.selection, codec, image)
    alpha = made_from.pictures.mask(image, codec.name, point)
    original = made_from.pictures.original(image)
    truth = made_from.pictures.truth(image)
    names = made_from.selection.task.classes
    print_mask(original.pixels, truth, names, alpha, made_from.files(part), WIDTHS[part.width])
    rows = [[f"{value:.4f}" for value in row] for row in alpha]
    remark = f"{image}, {shown.style.plain} at {codec.unit} {point}"
    return _drawn(made_from, part, rows, [remark])


def _pictures(made_from: PartSource, part: Part) -> WrittenPart:
    from bench.report.paper.pictures import print_pictures

    image = _image(made_from.selection)
    there, lacking = _split(part, made_from.selection)
    pictures = [("uncompressed", "Uncompressed", made_from.pictures.original(image))]
    for shown, codec in there:
        point = _point(made_from.selection, codec, image)
        picture = made_from.pictures.decoded(image, codec.name, point)
        label = f"{shown.style.label}, {codec.unit} {point}"
        pictures.append((shown.key, label, picture))
    labelled = [(label, picture) for _, label, picture in pictures]
    print_pictures(labelled, made_from.files(part), WIDTHS[part.width])
    published = read_published(part.published)
    keys = ("bpp", "true positives", "false positives", "false negatives")
    rows = [
        (
            *(key, shown.point, shown.psnr, shown.bpp, *shown.counts),
            *(published.get(key, {}).get(name) for name in keys),
        )
        for key, _, shown in pictures
    ]
    heading = ("codec", "point", "psnr_rgb", *keys, *(f"published {name}" for name in keys))
    remark = f"{image}; TP, FP and FN at an overlap of 0.5 and a score of 0.5 or more"
    return _drawn(made_from, part, [heading, *rows], [remark, *lacking])


def _drawn(
    made_from: PartSource, part: Part, rows: Iterable[Sequence[object]], remarks: Sequence[str]
) -> WrittenPart:
    """A part whose pictures are written; writes the figures in them as CSV."""
    write_text(made_from.folder / f"{part.name}.csv", csv_text(rows))
    return WrittenPart(part, _image_of(part), tuple(remarks))


def _image_of(part: Part) -> str:
    return f"![{part.name}]({part.name}.png)"


def _image(selection: Selection) -> str:
    image = selection.setting.image
    if image not in selection.results.images:
        raise DataError(f"image '{image}' is not among those of the results")
    return image


def _point(selection: Selection, codec: CodecResults, image: str) -> Point:
    """The point whose rate for the image is nearest to the setting's."""
    images = selection.results.images
    column = codec.nearest(np.full(len(images), selection.setting.bpp))[images.index(image)]
    if column < 0:
        raise DataError(f"{codec.name}: has not coded {image}")
    return codec.points[int(column)]


def _split(part: Part, selection: Selection) -> tuple[list[tuple[Shown, CodecResults]], list[str]]:
    """The part's codecs with results, and why the others have none."""
    shown = list(map(selection.shown, part.codecs))
    there = [(each, each.results) for each in shown if each.results]
    lacking = grouped((each.lacking, each.style.plain) for each in shown if not each.results)
    return there, [f"{reason}: {'; '.join(labels)}" for reason, labels in lacking.items()]


CURVES = PartKind(_curves, needs="panels")
RATES = PartKind(_rates)
DELTAS = PartKind(partial(_table, deltas_table), needs="columns", compares=True)
TRANSFER = PartKind(partial(_table, transfer_table), compares=True, by_every_task=True)
HEATMAP = PartKind(_heatmap, compares=True, by_every_task=True)
MASK = PartKind(_mask, pictured=True)
PICTURES = PartKind(_pictures, pictured=True)
