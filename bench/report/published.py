"""Published curves, read from files, that are shown and compared beside a report's own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bench.errors import DataError
from bench.metrics import scorer_of
from bench.metrics.bjontegaard import Curve
from bench.report.curve_files import RATES, CurveTable, plain_column, read_tables
from bench.runtime.text import counted


@dataclass(frozen=True, eq=False)
class PublishedCurve:
    """A codec of a file: its curve by each metric that the file and the report share."""

    name: str
    file: str
    curves: dict[str, Curve]
    left_out: tuple[str, ...] = ()  # columns of the file

    @property
    def rows(self) -> list[dict[str, Any]]:
        """A row for each of its points, by the metric that has most."""
        longest = max(self.curves.values(), key=len)
        rows: list[dict[str, Any]] = [
            {"codec": self.name, "unit": "point", "point": number, "bpp": float(rate)}
            for number, rate in enumerate(longest.rate, start=1)
        ]
        for metric, curve in self.curves.items():
            for row, quality in zip(rows, curve.quality, strict=False):
                row[metric] = float(quality)
        return rows

    @property
    def note(self) -> str:
        """Where it is from, and what it lacks."""
        columns = f"; no metric of this report: {', '.join(self.left_out)}" if self.left_out else ""
        return (
            f"{self.name} is from {self.file}: other images, and no intervals for its spread"
            f"{columns}"
        )


def read_published(
    files: Sequence[str | PublishedCurve], metrics: Sequence[str], taken: Iterable[str]
) -> tuple[PublishedCurve, ...]:
    """The curves of files, each ``FILE`` or ``FILE:CODEC``, by metrics of a report; one that was
    read stays as it is."""
    names = set(taken)
    found = [each for each in files if isinstance(each, PublishedCurve)]
    named = [each for each in files if isinstance(each, str)]
    for table in (table for file in named for table in read_tables(file)):
        name = f"{table.codec} (published)"
        if name in names:
            raise DataError(f"{table.file}: a second '{table.codec}'; rename one in its file")
        names.add(name)
        found.append(_published(name, table, metrics))
    return tuple(found)


def read_published_curve(spec: str, label: str, metrics: Sequence[str]) -> PublishedCurve:
    """The curve of ``FILE`` with one codec, or of ``FILE:CODEC``, under a label."""
    return _published(label, CurveTable.open(spec), metrics)


def _published(name: str, table: CurveTable, metrics: Sequence[str]) -> PublishedCurve:
    rates = [rate for rate in table.rates() if RATES[rate] == "bits per pixel"]
    if not rates:
        raise DataError(f"{table.file}: no column of bits per pixel; expected bpp")
    columns = table.metrics()
    meant = {metric: _column(metric, metrics, columns) for metric in metrics}
    curves = {
        metric: table.curve(column, rates[0]).curve for metric, column in meant.items() if column
    }
    others = [table.columns[each] for each in columns if each not in meant.values()]
    if not curves:
        there = ", ".join(others) or "none"
        raise DataError(
            f"{table.file}: of its {counted(len(others), 'column')} of quality ({there}), none is "
            f"called as a metric of this report: {', '.join(metrics)}"
        )
    return PublishedCurve(name, table.file, curves, tuple(others))


def _column(metric: str, metrics: Sequence[str], columns: Sequence[str]) -> str | None:
    """The column of a metric; that of the only task network may be called wap alone."""
    names = [plain_column(metric)]
    networks = [each for each in metrics if scorer_of(each) is not None]
    if networks == [metric]:
        names.append(plain_column(metric.partition(":")[0]))
    return next((name for name in names if name in columns), None)
