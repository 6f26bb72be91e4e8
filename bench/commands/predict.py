"""Runs a task network on images, and writes its detections as JSON and as pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bench.commands.arguments import accepts_text
from bench.datasets.dataset import Progress
from bench.errors import DataError
from bench.images.image import read_image, write_png
from bench.instances.detections import Detections
from bench.instances.drawing import draw
from bench.runtime.cores import on_all_cores
from bench.runtime.files import check_outputs, describe_write_errors, make_folder, write_json
from bench.tasks.task import Task, open_task


@dataclass(frozen=True, eq=False)
class Prediction:
    """The detections in one image."""

    file: Path
    detections: Detections
    notes: tuple[str, ...] = ()  # on how the image was read

    def as_json(self, label_ids: Mapping[str, int]) -> dict[str, Any]:
        height, width = self.detections.size
        rows = range(len(self.detections))
        return {
            "file": str(self.file),
            "width": width,
            "height": height,
            "detections": [_detection(self.detections, row, label_ids) for row in rows],
        }


def _detection(found: Detections, row: int, label_ids: Mapping[str, int]) -> dict[str, Any]:
    name = found.names[found.classes[row]]
    values = {
        "class": name,
        **({"label_id": label_ids[name]} if name in label_ids else {}),
        "score": float(found.scores[row]),
        "box": found.boxes[row].tolist(),
    }
    if found.masks is not None:
        values["segmentation"] = found.masks[row].to_coco()
    return values


@dataclass(frozen=True, eq=False)
class Predictions:
    """A task network's detections in each image, and the errors of the others."""

    task: Task
    images: tuple[Prediction, ...]
    failures: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Boxes are x0, y0, x1, y1 in pixels, masks COCO's run lengths.

        Classes that have Cityscapes' ids have them as labels.
        """
        task = self.task
        label_ids = getattr(task, "label_ids", {})
        return {
            "task": {"name": task.name, "title": task.title, "fingerprint": task.fingerprint},
            "images": [image.as_json(label_ids) for image in self.images],
        }


@accepts_text
def predict(
    images: Sequence[Path],
    *,
    task: str = "mask-rcnn-toy",
    weights: Path | None = None,
    engine: str = "bench",
    json: Path | None = None,
    out: Path | None = None,
    least_score: float = 0.5,
    progress: Progress | None = None,
) -> Predictions:
    """Run a task network on images; an image that cannot be read does not stop the others.

    The arguments are the options of ``bench predict``. What was found before an error or an
    interrupt is written.
    """
    if weights is not None and "=" in task:
        raise DataError(f"--task {task}: weights given twice, also by --weights")
    check_outputs([json], [*images, weights])
    network = open_task(task if weights is None else f"{task}={weights}", engine)
    if network.finds not in ("masks", "boxes"):
        raise DataError(f"--task {task}: finds no objects; its kind is '{network.finds}'")
    if json is not None and not json.absolute().parent.is_dir():
        raise DataError(f"{json}: cannot be written: no folder {json.parent}")
    if out is not None:
        _check_names(images, out)
        make_folder(out)

    def one(path: Path) -> Prediction | str:
        """The detections in an image, or its error."""
        try:
            pixels, notes = read_image(path)
        except DataError as error:
            return str(error)
        found = network.predict(pixels)
        assert isinstance(found, Detections)
        if out is not None:
            picture = _picture(path, out)
            with describe_write_errors(picture):
                write_png(draw(pixels, found, least_score), picture)
        return Prediction(path, found, notes)

    made: list[Prediction] = []
    failures: list[str] = []
    try:
        for result in on_all_cores(one, images, progress and partial(progress, network.name)):
            if isinstance(result, Prediction):
                made.append(result)
            else:
                failures.append(result)
    finally:
        found = Predictions(network, tuple(made), tuple(failures))
        if json is not None and made:
            write_json(json, found.as_json())
    return found


def _picture(image: Path, folder: Path) -> Path:
    return folder / f"{image.stem}.png"


def _check_names(images: Sequence[Path], folder: Path) -> None:
    """Refuse to overwrite a picture or an image."""
    originals = {image.resolve() for image in images}
    drawn: dict[Path, Path] = {}
    for image in images:
        picture = _picture(image, folder)
        if picture in drawn:
            raise DataError(f"{drawn[picture]} and {image}: both would be written to {picture}")
        if picture.resolve() in originals:
            raise DataError(f"{picture}: would overwrite the image; name another folder")
        drawn[picture] = image
