"""A report by its spec: figures, tables and what was drawn in them, from the store alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from bench.codecs.codec import Point
from bench.errors import BenchError, DataError, StoreError, UnavailableError
from bench.metrics import METRICS
from bench.metrics.bjontegaard import Method
from bench.report.curves import Drawing, ceilings, curve, curve_points
from bench.report.formatting import short_title
from bench.report.markdown import bullets, plain
from bench.report.paper.missing_runs import command_for_missing
from bench.report.paper.selection import Selection, Shown, select
from bench.report.paper.spec import WIDTHS, Part, Spec
from bench.report.paper.table_formats import as_markdown, notes, write_table
from bench.report.paper.tables import Table, deltas_table, read_published, transfer_table
from bench.report.pictures import ScoredPicture, ScoredPictureSource
from bench.report.provenance import provenance
from bench.runtime.csv_files import csv_text
from bench.runtime.files import write_text
from bench.runtime.text import counted, grouped
from bench.store import CodecResults, Results, Store

FORMATS = (".pdf", ".svg", ".png")
TEXTS = (".csv", ".tex", ".md")


@dataclass(frozen=True)
class WrittenPart:
    """A part of a report: what stands for it on the page, and what qualifies it."""

    part: Part
    body: str  # Markdown
    remarks: tuple[str, ...] = ()
    reason: str = ""  # why there is none


@dataclass(frozen=True)
class SpecReport:
    """What was made of a spec, and where."""

    spec: Spec
    results: Results
    folder: Path
    parts: tuple[WrittenPart, ...]
    missing_command: str  # the command that would code and measure what is missing


class _Writer:
    """Writes the parts of one report into its folder."""

    def __init__(self, store: Store, selection: Selection, root: Path | None, folder: Path) -> None:
        self._store, self._selection, self._root = store, selection, root
        self._folder = folder

    @cached_property
    def _source(self) -> ScoredPictureSource:
        selection = self._selection
        return ScoredPictureSource(self._store, selection.results, selection.task, self._root)

    def write(self, part: Part) -> WrittenPart:
        kinds: dict[str, Callable[[Part], WrittenPart]] = {
            "curves": self._curves,
            "deltas": self._table,
            "transfer": self._table,
            "mask": self._mask,
            "pictures": self._pictures,
        }
        anchor = self._selection.anchor(part).style.plain
        caption = part.caption.replace("{anchor}", anchor)
        caption = " ".join([caption, *self._footnotes(part)])
        part = part.model_copy(update={"caption": caption})
        try:
            return kinds[part.kind](part)
        except BenchError as error:  # an image or a codec that is not here spoils one part alone
            return WrittenPart(part, "", self._left(part), reason=str(error))

    def _footnotes(self, part: Part) -> list[str]:
        """What else the caption says: a metric's name in papers, and the programs' versions."""
        metrics = [*part.panels, *(column.metric for column in part.columns)]
        notes = [METRICS[name].footnote for name in dict.fromkeys(metrics) if name in METRICS]
        shown = [self._selection.anchor(part), *map(self._selection.shown, part.codecs)]
        versions = dict.fromkeys(
            f"{self._selection.label(each.codec)}: {each.results.version}"
            for each in shown
            if each.results and each.results.anchor and each.results.version
            if each.results.version not in each.style.label
        )
        return [*filter(None, notes), *([f"Versions: {'; '.join(versions)}."] if versions else [])]

    def _left(self, part: Part) -> tuple[str, ...]:
        """What an earlier report made of a part stays, and is said to be old."""
        paths = (self._folder / f"{part.name}{ending}" for ending in (*FORMATS, *TEXTS))
        names = [path.name for path in paths if path.exists()]
        return (f"from an earlier report, not of these results: {', '.join(names)}",) * bool(names)

    def _files(self, part: Part) -> list[Path]:
        return [self._folder / f"{part.name}{suffix}" for suffix in FORMATS]

    def _curves(self, part: Part) -> WrittenPart:
        from bench.report.plotting import print_curves

        selection = self._selection
        there, lacking = _split(map(selection.shown, part.codecs))
        panels = [selection.metric(name) for name in part.panels]
        wanted = {name: [curve(codec, name) for _, codec in there] for name in panels}
        drawn = {name: curves for name, curves in wanted.items() if any(curves)}
        if there and (empty := [short_title(name) for name in panels if name not in drawn]):
            lacking.append(f"not measured: {'; '.join(empty)}")
        if not drawn:
            raise UnavailableError("; ".join(lacking))
        dotted = ceilings(selection.results)
        drawing = Drawing(
            title="",
            styles=[shown.style for shown, _ in there],
            anchor=None,
            panels=drawn,
            ceilings={name: dotted[name] for name in drawn if name in dotted},
        )
        print_curves(drawing, self._files(part), WIDTHS[part.width])
        rows = [
            (shown.key, codec.name, name, at.point, at.rate, at.quality, *(at.interval or ("", "")))
            for name in panels
            for shown, codec in there
            for at in curve_points(codec, name)
        ]
        heading = ("codec", "by", "metric", "point", "bpp", "quality", "low", "high")
        return self._drawn(part, [heading, *rows], lacking)

    def _table(self, part: Part) -> WrittenPart:
        make: Callable[[Part, Selection], Table]
        make = deltas_table if part.kind == "deltas" else transfer_table
        table = make(part, self._selection)
        if not table.shown:
            raise UnavailableError("; ".join(notes(table)))
        write_table(table, part, self._folder)
        return WrittenPart(part, as_markdown(table), tuple(notes(table)))

    def _mask(self, part: Part) -> WrittenPart:
        from bench.report.paper.pictures import print_mask

        image = self._image()
        ((shown, codec), *_), _ = _split(map(self._selection.shown, part.codecs[:1]), needed=True)
        point = self._point(codec, image)
        alpha = self._source.mask(image, codec.name, point)
        original = self._source.original(image)
        truth = self._source.truth(image)
        print_mask(original.pixels, truth, alpha, self._files(part), WIDTHS[part.width])
        rows = [[f"{value:.4f}" for value in row] for row in alpha]
        return self._drawn(part, rows, [f"{image}, {shown.style.plain} at {codec.unit} {point}"])

    def _pictures(self, part: Part) -> WrittenPart:
        from bench.report.paper.pictures import print_pictures

        image = self._image()
        there, lacking = _split(map(self._selection.shown, part.codecs))
        pictures = [("uncompressed", "Uncompressed", self._source.original(image))]
        for shown, codec in there:
            point = self._point(codec, image)
            picture = self._source.decoded(image, codec.name, point)
            label = f"{shown.style.label}, {codec.unit} {point}"
            pictures.append((shown.key, label, picture))
        labelled = [(label, picture) for _, label, picture in pictures]
        print_pictures(labelled, self._files(part), WIDTHS[part.width])
        published = read_published(part.published) if part.published else {}
        keys = ("bpp", "true positives", "false positives", "false negatives")
        rows = [
            (key, *_measured(picture), *(published.get(key, {}).get(name, "") for name in keys))
            for key, _, picture in pictures
        ]
        heading = ("codec", "point", "psnr_rgb", *keys, *(f"published {name}" for name in keys))
        remark = f"{image}; TP, FP and FN at an overlap of 0.5 and a score of 0.5 or more"
        return self._drawn(part, [heading, *rows], [remark, *lacking])

    def _drawn(
        self, part: Part, rows: Iterable[Sequence[object]], remarks: Sequence[str]
    ) -> WrittenPart:
        """A part whose pictures are written: the figures in them as CSV."""
        write_text(self._folder / f"{part.name}.csv", csv_text(rows))
        return WrittenPart(part, f"![{part.name}]({part.name}.png)", tuple(remarks))

    def _image(self) -> str:
        image = self._selection.setting.image
        if image not in self._selection.results.images:
            raise DataError(f"image '{image}' is not among those of the results")
        return image

    def _point(self, codec: CodecResults, image: str) -> Point:
        """That whose rate for the image is nearest to the one asked for."""
        images = self._selection.results.images
        column = codec.nearest(np.full(len(images), self._selection.setting.bpp))[
            images.index(image)
        ]
        if column < 0:
            raise DataError(f"{codec.name}: has not coded {image}")
        return codec.points[int(column)]


def write_spec_report(
    spec: Spec,
    store: Store,
    results: Results,
    folder: Path,
    *,
    root: Path | None,
    method: Method,
    pareto: bool,
) -> SpecReport:
    """Write all parts, and NAME.md that has them in order."""
    selection = select(spec, results, method, pareto=pareto)
    writer = _Writer(store, selection, root, folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        parts = tuple(map(writer.write, spec.parts))
        missing_command = command_for_missing(selection, store, root)
        made = SpecReport(spec, results, folder, parts, missing_command)
        write_text(folder / f"{spec.name}.md", _page(made))
    except OSError as error:
        raise StoreError(
            f"{folder}: the report cannot be written ({error.strerror or error})"
        ) from error
    return made


def _page(made: SpecReport) -> str:
    results = made.results
    count = counted(len(results.images), "image")
    parts = [f"# {plain(made.spec.title)}"]
    if made.spec.source:
        parts.append(plain(made.spec.source))
    parts.append(f"Measured on {plain(results.dataset)}, {count}.")
    for one in made.parts:
        parts.append(f"## {plain(one.part.name.replace('-', ' ').capitalize())}")
        parts.append(plain(one.part.caption))
        parts.append(f"Not made: {plain(one.reason)}" if one.reason else one.body.rstrip())
        if one.remarks:
            parts.append(bullets(one.remarks))
    return "\n\n".join([*parts, "## Provenance", bullets(provenance(results))]) + "\n"


def _split(
    shown: Iterable[Shown], *, needed: bool = False
) -> tuple[list[tuple[Shown, CodecResults]], list[str]]:
    """Those with results, and what is to be said of the others."""
    there, without = [], []
    for each in shown:
        if each.results is None:
            without.append((each.lacking, each.style.plain))
        else:
            there.append((each, each.results))
    lacking = [f"{reason}: {'; '.join(labels)}" for reason, labels in grouped(without).items()]
    if needed and not there:
        raise UnavailableError("; ".join(lacking))
    return there, lacking


def _measured(picture: ScoredPicture) -> tuple[object, ...]:
    point = "" if picture.point is None else picture.point
    return point, picture.psnr, picture.bpp, *picture.counts
