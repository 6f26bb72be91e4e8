"""Reports of the results in a store, by options or by a spec."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench.codecs.catalog import card_name, full_name
from bench.codecs.points import Points, point_texts
from bench.commands.arguments import accepts_text
from bench.commands.run import RESULTS
from bench.datasets.dataset import Progress
from bench.errors import DataError, StoreError
from bench.metrics.between import parse_between
from bench.metrics.bjontegaard import Method
from bench.report.compare import Report, compare
from bench.report.files import write_report
from bench.report.paper.spec import read_spec
from bench.store import Results, Store, load_results, stored_datasets
from bench.tasks.task import ALL, NONE

if TYPE_CHECKING:
    from bench.report.paper.spec_report import SpecReport


@accepts_text
def report(
    results: Path = RESULTS,
    *,
    data: str | None = None,
    codecs: Sequence[str] | None = None,
    points: Points = (),
    metrics: Sequence[str] | None = None,
    tasks: Sequence[str] | None = None,
    anchor: str | None = None,
    method: Method = "akima",
    pareto: bool = False,
    incomplete: bool = False,
    between: str | None = None,
    root: Path | None = None,
    out: Path | None = None,
    html: bool = False,
    published: Sequence[str] = (),
    progress: Progress = lambda what, done, total: None,
) -> Report:
    """Report as ``run`` does, from the store alone; files go to ``out``, or beside the store.

    ``between`` is the range of quality of BD-rates: ``60%,95%`` of the uncompressed accuracy, or
    ``psnr_y=30,40``. ``published`` names files of curves, as ``bd`` reads them, that are drawn and
    compared, too. ``html`` adds a page to explore. Unless data, codecs or points are named, it has
    every data set of the store.
    """
    anchor = None if anchor is None else card_name(anchor)
    chosen = codecs is not None or bool(points) or data is not None
    if codecs is not None:
        named = [card_name(codec) for codec in codecs]
        codecs = list(dict.fromkeys([*named, anchor] if anchor else named))
    wanted = list(tasks or [ALL])
    named_tasks = None if wanted == [ALL] else [] if wanted == [NONE] else wanted
    compared = partial(
        compare,
        metrics=metrics,
        method=method,
        pareto=pareto,
        incomplete=incomplete,
        between=None if between is None else parse_between(between),
        published=published,
    )
    with Store(results) as store:
        found = load_results(store, dataset=data, codecs=codecs, points=point_texts(points))
        if anchor is not None:
            anchor = full_name(anchor, [codec.name for codec in found.codecs])
        made = compared(found, anchor=anchor, tasks=named_tasks)
        folder = out or results / "report"
        write_report(made, folder)
        if html:
            from bench.report.page import write_page

            digests = [] if chosen else stored_datasets(store)
            others = [load_results(store, dataset=each) for each in digests if each != found.digest]
            made, *_ = reports = _with_other_reports(made, others, compared)
            write_page(store, reports, folder, root=root, pareto=pareto, progress=progress)
    return made


def _with_other_reports(
    made: Report, others: Sequence[Results], compared: Callable[..., Report]
) -> list[Report]:
    """A report, and those of other data sets with the same anchor and tasks, where they exist.

    The first report gets a note for each other data set that cannot be compared.
    """
    reports, notes = [made], list(made.results.notes)
    shown = [task.name for task in made.results.tasks]
    for other in others:
        has_anchor = made.anchor in [codec.name for codec in other.codecs]
        tasks = [task.name for task in other.tasks if task.name in shown]
        try:
            reports.append(compared(other, anchor=made.anchor if has_anchor else None, tasks=tasks))
        except (DataError, StoreError) as error:
            notes.append(f"{other.dataset} is left out: {error}")
    reports[0] = replace(made, results=replace(made.results, notes=tuple(notes)))
    return reports


@accepts_text
def report_by(
    spec: str,
    results: Path = RESULTS,
    *,
    data: str | None = None,
    root: Path | None = None,
    method: Method = "akima",
    pareto: bool = False,
    out: Path | None = None,
) -> SpecReport:
    """Make the figures and tables of a spec, by its name or path, from the store alone.

    Pictures are decoded from the stored bitstreams; ``root`` is the folder of Cityscapes.
    """
    from bench.report.paper.spec_report import write_spec_report

    parsed = read_spec(spec)
    folder = out or results / parsed.name
    with Store(results) as store:
        found = load_results(store, dataset=data)
        return write_spec_report(
            parsed, store, found, folder, root=root, method=method, pareto=pareto
        )
