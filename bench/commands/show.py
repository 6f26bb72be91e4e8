"""All that is known of one thing that has a name here: a codec, metric, task or data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.codecs.catalog import card_name, card_paths
from bench.commands.inventory import CodecDescription, show_codec
from bench.datasets.cityscapes import IMAGES, VARIABLE, count_images, open_cityscapes
from bench.datasets.folder import open_folder
from bench.datasets.on_demand import SCALES
from bench.datasets.toyscapes import SIZES
from bench.errors import BenchError, CardError
from bench.metrics import METRICS, Metric
from bench.runtime.cache import cache_folder
from bench.runtime.settings import user_path
from bench.runtime.text import did_you_mean
from bench.tasks.task import task_facts, task_names, task_title, why_unavailable


@dataclass(frozen=True)
class Description:
    """A metric, a task network or a data set; the facts are labelled, in the order to be read."""

    kind: str
    name: str
    title: str
    facts: Mapping[str, str] = field(default_factory=dict)
    missing: str | None = None
    remark: str | None = None


def show(name: str, point: str | None = None) -> CodecDescription | Description:
    """What ``bench list`` has by that name, or a card or a folder of images by its path.

    A codec's commands are at the point, or at a middle one.
    """
    card = name if name.endswith(".toml") else name.rpartition(":")[0]  # of a weight set
    if card.endswith(".toml") or card_name(name).partition(":")[0] in card_paths():
        return show_codec(name, point)
    if point is not None:
        raise CardError(f"--point {point}: only a codec has points, and '{name}' is not one")
    if name in METRICS:
        return _metric(METRICS[name])
    if name in task_names():
        return _task(name)
    kind, _, split = name.partition(":")
    if kind == "toyscapes":
        return _toyscapes()
    if kind == "cityscapes":
        return _cityscapes()
    if not split and Path(name).is_dir():
        return _folder(Path(name))
    raise CardError(f"unknown name '{name}'; {_hint(name)}")


def names() -> dict[str, list[str]]:
    """All that has a name here, by its kind."""
    return {
        "codec": list(card_paths()),
        "metric": list(METRICS),
        "task": list(task_names()),
        "data set": ["toyscapes", "cityscapes"],
    }


def _hint(name: str) -> str:
    if Path(f"{name}.toml").is_file():
        return f"did you mean './{name}.toml'?"
    known = [known for of_kind in names().values() for known in of_kind]
    return did_you_mean(name, known, "'bench list' shows all names")


def _metric(metric: Metric) -> Description:
    sides = f"pictures of at least {metric.smallest_side} pixels a side"
    facts = {
        "measured": "by default" if metric.default else f"with --metric {metric.name}",
        "unit": metric.unit,
        "better": "more" if metric.higher_is_better else "less",
        "from": metric.group.value,
        "compares": metric.compares,
        "needs": sides if metric.smallest_side > 1 else "",
        "model": metric.vmaf_model or "",
        "also called": metric.elsewhere,
        "version": metric.version,
    }
    return Description("metric", metric.name, metric.title, facts)


def _task(name: str) -> Description:
    try:
        facts, missing = task_facts(name), why_unavailable(name)
    except BenchError as error:  # settings that cannot be read
        facts, missing = {}, str(error)
    return Description("task", name, task_title(name), facts, missing)


def _toyscapes() -> Description:
    splits = (f":{split} {count}" for split, count in SIZES.items())
    scales = ", ".join(f"@{scale}" for scale in SCALES if scale > 1)
    facts = {
        "images": f"{', '.join(splits)}; toyscapes is toyscapes:val",
        "size": f"512x256; {scales} after the split multiply it",
        "labels": "instances of Cityscapes' classes; depth",
        "made": f"rendered at first use, in {cache_folder() / 'toyscapes'} or --root",
    }
    return Description("data set", "toyscapes", "rendered street scenes", facts)


def _cityscapes() -> Description:
    title, remark, missing = "street scenes of German cities", None, None
    counts = {split: f"{count} images" for split, count in IMAGES.items()}
    facts = {"size": "2048x1024", "labels": "instances; those of test are not published"}
    try:
        remark = open_cityscapes(None, "val").remark
        root = user_path(VARIABLE)
        assert root is not None  # or it would not have been opened
        facts["folder"] = str(root)
        counts = {split: count_images(root, split) for split in IMAGES}
    except BenchError as error:
        missing = str(error)
    facts |= {f":{split}": told for split, told in counts.items()}
    return Description("data set", "cityscapes", title, facts, missing, remark)


def _folder(folder: Path) -> Description:
    dataset = open_folder(folder)
    facts = {
        "images": f"{len(dataset.entries)}, the first is {dataset.entries[0].name}",
        "labels": "none; --truth pseudo takes what a task network finds in the originals",
        "use": f"--data {folder}",
    }
    title = "a folder of images"
    return Description("data set", dataset.name, title, facts, remark=dataset.remark)
