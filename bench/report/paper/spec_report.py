"""A report by its spec: figures and tables with their data, from the store alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError
from bench.metrics import METRICS
from bench.metrics.bjontegaard import Method
from bench.report.markdown import bullets, plain
from bench.report.paper.missing_runs import command_for_missing
from bench.report.paper.parts import FORMATS, PartSource
from bench.report.paper.selection import Selection, select
from bench.report.paper.spec import PARTS, Part, Spec, WrittenPart
from bench.report.provenance import provenance
from bench.runtime.files import describe_write_errors, write_text
from bench.runtime.text import counted
from bench.store import Results, Store

TEXTS = (".csv", ".tex", ".md")


@dataclass(frozen=True)
class SpecReport:
    """A report that was written by a spec."""

    spec: Spec
    results: Results
    folder: Path
    parts: tuple[WrittenPart, ...]
    missing_command: str  # the command that would code and measure what is missing


def _written(made_from: PartSource, part: Part) -> WrittenPart:
    anchor = made_from.selection.anchor(part).style.plain
    caption = part.caption.replace("{anchor}", anchor)
    caption = " ".join([caption, *_footnotes(made_from.selection, part)])
    part = part.model_copy(update={"caption": caption})
    try:
        return PARTS[part.kind].write(made_from, part)
    except BenchError as error:  # the other parts can do without this image or codec
        return WrittenPart(part, "", _old_files(made_from.folder, part), reason=str(error))


def _footnotes(selection: Selection, part: Part) -> list[str]:
    """What the caption adds: a metric's name in papers, and the programs' versions."""
    metrics = [*part.panels, *(column.metric for column in part.columns)]
    notes = [METRICS[name].footnote for name in dict.fromkeys(metrics) if name in METRICS]
    shown = [selection.anchor(part), *map(selection.shown, part.codecs)]
    versions = dict.fromkeys(
        f"{selection.label(each.codec)}: {each.results.version}"
        for each in shown
        if each.results and each.results.anchor and each.results.version
        if each.results.version not in each.style.label
    )
    return [*filter(None, notes), *([f"Versions: {'; '.join(versions)}."] if versions else [])]


def _old_files(folder: Path, part: Part) -> tuple[str, ...]:
    """A remark on the files that an earlier report made of a part."""
    paths = (folder / f"{part.name}{ending}" for ending in (*FORMATS, *TEXTS))
    names = [path.name for path in paths if path.exists()]
    return (f"from an earlier report, not of these results: {', '.join(names)}",) * bool(names)


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
    """Write all parts, and NAME.md that shows them in order."""
    selection = select(spec, results, method, pareto=pareto)
    made_from = PartSource(store, selection, root, folder)
    with describe_write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        parts = tuple(_written(made_from, part) for part in spec.parts)
        missing_command = command_for_missing(selection, store, root)
        made = SpecReport(spec, results, folder, parts, missing_command)
        write_text(folder / f"{spec.name}.md", _page(made))
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
