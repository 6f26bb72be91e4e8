"""Selects rows of a store: the requested data set, the newest of each codec and metric."""

from __future__ import annotations

import json
from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bench.codecs.catalog import full_name
from bench.codecs.codec import UNREPEATABLE, title_with_version, what_changed
from bench.datasets import dataset_kind, dataset_source
from bench.errors import DataError, StoreError
from bench.metrics import METRICS, describe, version_in
from bench.store import rows
from bench.store.reader import Store


@dataclass(frozen=True)
class PlannedCurve:
    """A codec planned on a data set, and its rows."""

    planned: rows.Planned
    codec: rows.Codec
    streams: list[rows.Stream]
    measured: list[rows.Measured]

    @property
    def name(self) -> str:
        return self.planned.name

    @property
    def title(self) -> str:
        return title_with_version(
            self.planned.title, json.loads(self.codec.options), self.codec.version
        )

    @cached_property
    def metrics(self) -> set[int]:
        """The metrics that it has values of."""
        streams = {stream.id for stream in self.streams}
        return {value.metric for value in self.measured if value.stream in streams}


def stored_datasets(store: Store) -> list[str]:
    """The digests of the data sets that were planned, the last used first."""
    planned = {curve.dataset for curve in store.select(rows.Planned)}
    return [str(dataset.digest) for dataset in _datasets(store) if dataset.id in planned]


def stored_name(store: Store, dataset: str, codec: str) -> str:
    """An anchor's full name; an error, before coding begins, if the store has no results of it."""
    datasets = {row.id for row in store.select(rows.Dataset, digest=dataset)}
    known = sorted({str(row.name) for row in store.select(rows.Planned) if row.dataset in datasets})
    if (codec := full_name(codec, known)) not in known:
        there = f"the store has {', '.join(known)}" if known else "the store has none there yet"
        raise StoreError(
            f"--anchor {codec}: not in this run, and without results on this data ({there}); "
            f"run it too, with --codec {codec}"
        )
    return codec


def _datasets(store: Store) -> list[rows.Dataset]:
    """The last used first."""
    return sorted(store.select(rows.Dataset), key=lambda dataset: dataset.used, reverse=True)


def find_dataset(store: Store, wanted: str | None) -> rows.Dataset:
    """Find a data set by digest, name or ``--data``'s value, such as a folder's path."""
    datasets = _datasets(store)
    if not datasets:
        raise StoreError(f"{store.folder}: no results there yet; 'bench run' makes some")
    path = _address(wanted) if wanted else None
    is_folder = wanted is not None and dataset_kind(wanted) == "folder" and Path(wanted).is_dir()
    for dataset in datasets:
        names = (dataset.digest, dataset.name, dataset.name.partition("[")[0], dataset.kind)
        there = path is not None and path == dataset.folder
        if wanted is None or there or (wanted in names and not is_folder):
            return dataset
    known = ", ".join(dict.fromkeys(str(each.folder or each.name) for each in datasets))
    raise StoreError(f"{store.folder}: no results on '{wanted}'; there are some on {known}")


def _address(wanted: str) -> str | None:
    """Where a data set is that ``--data`` would open, if it is known by that."""
    try:
        return dataset_source(wanted).address(wanted.partition(":")[2])
    except DataError:  # such as a folder that is gone
        return None


def choose_curves(
    store: Store, dataset: rows.Dataset, images: Container[int], codecs: Sequence[str] | None
) -> tuple[list[PlannedCurve], list[str]]:
    """The requested codecs, each as it was last used, and notes on older results."""
    known = {codec.id: codec for codec in store.select(rows.Codec)}
    planned = sorted(store.select(rows.Planned, dataset=dataset.id), key=lambda curve: -curve.used)
    newest: dict[str, rows.Planned] = {}
    for curve in planned:
        newest.setdefault(curve.name, curve)
    if codecs is None:
        chosen = list(reversed(newest))
    else:
        chosen = list(dict.fromkeys(full_name(codec, list(newest)) for codec in codecs))
    if missing := [name for name in chosen if name not in newest]:
        raise StoreError(f"{store.folder}: no results of '{missing[0]}' on {dataset.name}")
    notes = [
        f"{curve.name}: older results of fingerprint {known[curve.codec].fingerprint[:12]} are "
        "left out; changed since: "
        + what_changed(known[curve.codec].inputs(), known[newest[curve.name].codec].inputs())
        for curve in planned
        if curve is not newest[curve.name]
        and curve.name in chosen
        and UNREPEATABLE not in known[newest[curve.name].codec].inputs()
    ]
    return [
        PlannedCurve(
            newest[name],
            known[number := newest[name].codec],
            [row for row in store.select(rows.Stream, codec=number) if row.image in images],
            store.select_of_codec(rows.Measured, number),
        )
        for name in chosen
    ], notes


def choose_metrics(
    store: Store, curves: Sequence[PlannedCurve]
) -> tuple[dict[str, int], list[str]]:
    """The latest version of each metric, and notes on values of other versions.

    Values of two versions are never compared, neither of one codec nor of two.
    """
    used = set[int]().union(*(curve.metrics for curve in curves))
    known = sorted(store.select(rows.Metric), key=lambda metric: metric.used)
    versions = [metric for metric in known if metric.id in used]
    latest = {metric.name: metric for metric in versions}
    left_out: dict[str, list[str]] = {}  # by the codecs without a value of the latest version
    earlier = []
    counted = {name: latest[name] for name in METRICS if name in latest}
    for name, metric in counted.items():
        numbers = {version.id for version in versions if version.name == name}
        title = describe(name).title
        if lacking := sorted(
            {c.name for c in curves if c.metrics & numbers and metric.id not in c.metrics}
        ):
            left_out.setdefault(", ".join(lacking), []).append(title)
        if version_in(metric.fingerprint) != METRICS[name].version:
            earlier.append(title)
    remedy = "'bench run' measures again, without coding"
    notes = [
        f"{codecs}: {', '.join(titles)} left out, as measured by another version of the metric, or "
        f"of ffmpeg; {remedy}"
        for codecs, titles in left_out.items()
    ]
    if gone := ", ".join(name for name in sorted(latest) if name not in METRICS):
        notes.append(f"{gone} left out: unknown metric; install the package that measured it")
    if earlier:
        notes.append(
            f"{', '.join(earlier)}: measured by an earlier version of the metric; {remedy}"
        )
    return {name: metric.id for name, metric in counted.items()}, notes
