"""Reports of the results in a store, by options or by a spec."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench.codecs.catalog import card_name, full_name
from bench.commands.arguments import accepts_text
from bench.commands.run import RESULTS
from bench.datasets.dataset import Progress
from bench.errors import DataError, StoreError
from bench.metrics.between import parse_between
from bench.metrics.bjontegaard import Method
from bench.report.compare import Report, compare
from bench.report.files import write_report
from bench.report.paper.spec import read_spec
from bench.store import Results, Store, load_results, load_some, stored_datasets

if TYPE_CHECKING:
    from bench.report.paper.spec_report import SpecReport


@accepts_text
def report(
    results: Path = RESULTS,
    *,
    data: str | None = None,
    codecs: Sequence[str] | None = None,
    points: Sequence[str] = (),
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
    progress: Progress = lambda what, done, total: None,
) -> Report:
    """What ``run`` reports, from the store alone; files go to ``out``, else beside the store.

    ``between`` is the range of quality of BD-rates: ``60%,95%`` of the uncompressed accuracy, or
    ``psnr_y=30,40``. ``html`` adds a page to explore. Unless data, codecs or points are named, it
    has every data set of the store.
    """
    anchor = None if anchor is None else card_name(anchor)
    chosen = codecs is not None or bool(points) or data is not None
    if codecs is not None:
        named = [card_name(codec) for codec in codecs]
        codecs = list(dict.fromkeys([*named, anchor] if anchor else named))
    named_tasks = [] if tasks and list(tasks) == ["none"] else tasks or None
    compared = partial(
        compare,
        metrics=metrics,
        method=method,
        pareto=pareto,
        incomplete=incomplete,
        between=None if between is None else parse_between(between),
    )
    with Store(results) as store:
        found = load_some(store, data, codecs, points)
        if anchor is not None:
            anchor = full_name(anchor, [codec.name for codec in found.codecs])
        made = compared(found, anchor=anchor, tasks=named_tasks)
        folder = out or results / "report"
        write_report(made, folder)
        if html:
            from bench.report.page import write_page

            digests = [] if chosen else stored_datasets(store)
            others = [load_results(store, dataset=each) for each in digests if each != found.digest]
            made, reports = _with_other_reports(made, others, compared)
            write_page(store, reports, folder, root=root, pareto=pareto, progress=progress)
    return made


def _with_other_reports(
    made: Report, others: Sequence[Results], compared: Callable[..., Report]
) -> tuple[Report, list[Report]]:
    """A report, and those of other data sets; a note for one that cannot be compared."""
    reports, notes = [], list(made.results.notes)
    for other in others:
        try:
            reports.append(_same_comparison(other, made, compared))
        except (DataError, StoreError) as error:
            notes.append(f"{other.dataset} is left out: {error}")
    made = replace(made, results=replace(made.results, notes=tuple(notes)))
    return made, [made, *reports]


def _same_comparison(found: Results, made: Report, compared: Callable[..., Report]) -> Report:
    """Another data set's report, with the same anchor and tasks if it has them."""
    names = [codec.name for codec in found.codecs]
    shown = [task.name for task in made.results.tasks]
    return compared(
        found,
        anchor=made.anchor if made.anchor in names else None,
        tasks=[task.name for task in found.tasks if task.name in shown],
    )


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
    """The figures and tables of a spec, by its name or path, from the store alone.

    Pictures are decoded from what is kept and looked at again; ``root`` is where Cityscapes is.
    """
    from bench.report.paper.spec_report import write_spec_report

    its_spec = read_spec(spec)
    folder = out or results / its_spec.name
    with Store(results) as store:
        found = load_results(store, dataset=data)
        return write_spec_report(
            its_spec, store, found, folder, root=root, method=method, pareto=pareto
        )
