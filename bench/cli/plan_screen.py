"""A plan in the terminal, and its cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bench.cli.columns import Stacked, TextLine
from bench.runtime import ffmpeg
from bench.runtime.text import counted, duration
from bench.sweep.estimate import CodecEstimate, Estimate, Seconds
from bench.sweep.plan import Plan


def operations_left(plan: Plan) -> Counter[str]:
    return Counter(job.codec.name for job in plan.jobs)


def plan_screen(plan: Plan, costs: Mapping[str, str] | None = None) -> Group:
    """The plan and its remarks, with the cost of each codec if that is estimated."""
    remarks = [*plan.dataset.remarks, *filter(None, [plan.remark, ffmpeg.remark()])]
    anchor = [TextLine(Text("anchor  "), plan.anchor)] if plan.anchor else []
    return Group(
        Stacked(plan_table(plan, costs or {})),
        *anchor,
        *(TextLine(Text(), r, "yellow") for r in remarks),
    )


def plan_table(plan: Plan, costs: Mapping[str, str]) -> Table:
    """The operations of the plan, and how many of them are done already."""
    images = "1 image" if plan.images == 1 else f"{plan.images} images"
    whole = len(plan.dataset.entries)
    part = "" if plan.images == whole else f" of its {whole}"
    table = Table(
        title=Text.assemble((plan.dataset.name, "bold"), f", {images}{part}"),
        title_justify="left",
        title_style="",
        box=None,
        show_header=False,
        padding=(0, 2, 0, 0),
    )
    table.add_column(no_wrap=True)
    left = Counter((job.codec.name, job.stream is not None) for job in plan.jobs)
    for codec, points in plan.points.items():
        operations = plan.total if len(plan.points) == 1 else plan.images * len(points)
        coded = left[codec.name, True]
        to_do = left[codec.name, False] + coded
        there = f"{operations - to_do} of {operations} done before" if to_do else "all done before"
        there += f", {coded} more coded" if coded else ""
        unit_and_points = f"{codec.card.unit} {' '.join(map(str, points))}"
        cost = [costs[codec.name]] if costs else []
        table.add_row(Text(codec.name), Text(unit_and_points), there, *cost)
        if remark := codec.remark():
            table.add_row("", Text(remark, style="yellow"))
    return table


def estimate_screen(made: Estimate) -> RenderableType:
    costs = {each.codec.name: _cost(each) for each in made.codecs}
    return Group(plan_screen(made.plan, costs), *_sum(made))


def _cost(of: CodecEstimate) -> str:
    if not of.left:
        return ""
    if of.seconds is None:
        return "unknown"
    unit = "GPU" if of.on_gpu else "core"
    return _hours(of.seconds, unit)


def _measuring(made: Estimate) -> str:
    if made.measuring is None or made.probe is None:
        return "unknown"
    return f"{_hours(made.measuring, 'core')}, from {counted(made.probe.images, 'image')}"


def _sum(made: Estimate) -> list[RenderableType]:
    if not made.images and not made.plan.originals:
        return [Text(), Text("Nothing is left to do.")]
    rest, workers = Text("metrics, task networks and all else  "), made.plan.workers
    lines: list[RenderableType] = [TextLine(rest, _measuring(made))]
    parts = [_hours(made.cpu, "core")] if made.cpu.mean else []
    parts += [_hours(made.gpu, "GPU")] if made.gpu.mean else []
    if parts:
        here = f"{duration(made.cpu.mean / workers + made.gpu.mean)} with --jobs {workers}"
        lines.append(TextLine(Text("in all  "), f"{' and '.join(parts)}: {here}"))
    if made.unknown or made.measuring is None:
        unknown = "Unknown costs are left out; --probe 2 measures them."
        lines.append(TextLine(Text(), unknown, "yellow"))
    return lines


_UNITS = ((3600, "hours"), (60, "minutes"), (1, "seconds"))


def _hours(of: Seconds, unit: str) -> str:
    """In hours, or in what would be a small fraction of them."""
    scale, name = next((each for each in _UNITS if of.high >= each[0]), _UNITS[-1])
    mean, low, high = (_number(seconds / scale) for seconds in (of.mean, of.low, of.high))
    return f"{mean} {unit}-{name} ({low} to {high})"


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"
