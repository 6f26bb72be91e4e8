"""`bench predict`: what a task network finds in anyone's images."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from fakes import package
from fakes.network import TINY, write_network
from PIL import Image
from support.command import Bench
from support.pictures import Pictures

from bench import api
from bench.datasets.cityscapes_labels import CLASSES, EVALUATED
from bench.errors import DataError
from bench.images.image import read_pixels
from bench.instances.run_lengths import from_coco
from bench.tasks.task import open_task
from bench.vision.checkpoint import load_network, save_weights
from bench.vision.detector import to_network

# Finds one car in the upper left quarter, and breaks on black pictures.
ALIEN = """
import numpy as np
from bench.instances.run_lengths import encode
from bench.instances.detections import Detections

class Alien:
    name, title, finds, fingerprint = "alien", "From elsewhere", "masks", "alien 1"
    classes = ("man", "dog", "car")

    def __init__(self, weights):
        self.weights = weights

    def predict(self, pixels):
        from bench.errors import DataError
        if not pixels.any():
            raise DataError("the network is broken")
        height, width, _ = pixels.shape
        mask = np.zeros((height, width), bool)
        mask[: height // 2, : width // 2] = True
        box = np.array([[0.0, 0.0, width // 2, height // 2]])
        return Detections(
            (height, width), np.array([2]), np.array([0.75]), box, (encode(mask),),
            names=self.classes,
        )
"""


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_network(tmp_path_factory.mktemp("weights") / "tiny.safetensors")


@pytest.fixture
def alien(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that another package brings."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    package.install(folder, monkeypatch, "aliens", ALIEN, "[bench.tasks]\nalien = aliens:Alien\n")


@pytest.mark.slow
def test_json_has_all_that_was_found(bench: Bench, pictures: Pictures, weights: Path) -> None:
    files = sorted(pictures(3).iterdir())
    result = bench("predict", *files, "--task", f"mask-rcnn={weights}", "--json", "found.json")
    assert (result.status, result.out) == (0, "")
    written = json.loads(Path("found.json").read_text())
    task = open_task(f"mask-rcnn={weights}")
    assert written["task"]["name"] == "mask-rcnn"
    assert written["task"]["title"] == task.title
    assert written["task"]["fingerprint"] == task.fingerprint
    assert [image["file"] for image in written["images"]] == [str(file) for file in files]
    # More than there are proposals, each of which may be of several classes.
    assert max(len(image["detections"]) for image in written["images"]) > 20
    for image, file in zip(written["images"], files, strict=True):
        expected = task.predict(read_pixels(file))
        assert (image["width"], image["height"]) == (48, 32)
        found = image["detections"]
        assert [CLASSES.index(one["class"]) for one in found] == expected.classes.tolist()
        ids = {label.name: label.id for label in EVALUATED}
        assert all(one["label_id"] == ids[one["class"]] for one in found)
        assert [one["score"] for one in found] == expected.scores.tolist()
        assert [one["box"] for one in found] == expected.boxes.tolist()
        assert tuple(from_coco(one["segmentation"]) for one in found) == expected.masks


def test_a_network_of_boxes_has_no_masks_in_json(
    bench: Bench, pictures: Pictures, tmp_path: Path
) -> None:
    weights = write_network(tmp_path / "boxes.safetensors", masks=False)
    (image,) = pictures(1).iterdir()
    out = ("--json", "found.json", "--out", "drawn")
    assert bench("predict", image, "--task", "faster-rcnn", "--weights", weights, *out).status == 0
    (found,) = json.loads(Path("found.json").read_text())["images"]
    assert found["detections"]
    assert "segmentation" not in found["detections"][0]
    assert read_pixels(Path("drawn/00.png")).shape == (704, 1056, 3)


def test_without_files_a_table_is_printed(bench: Bench, pictures: Pictures, weights: Path) -> None:
    (image,) = pictures(1).iterdir()
    result = bench("predict", image, "--task", f"mask-rcnn={weights}")
    found = api.predict([image], task=f"mask-rcnn={weights}").images[0].detections
    lines = [line.split() for line in result.out.splitlines()]
    assert lines[0] == [str(image), str(len(found)), "detections"]
    first = [CLASSES[found.classes[0]], f"{found.scores[0]:.3f}"]
    assert lines[2] == [*first, *(f"{value:.1f}" for value in found.boxes[0])]
    assert len(lines) == 2 + len(found)


def test_pictures_leave_out_what_scores_little_and_json_does_not(
    bench: Bench, pictures: Pictures, weights: Path
) -> None:
    (image,) = pictures(1).iterdir()
    counts, drawn = [], []
    for least in (0, 0.8, 1):
        result = bench(
            *(
                "predict",
                image,
                "--task",
                "mask-rcnn",
                "--weights",
                weights,
                "--json",
                "found.json",
            ),
            *("--out", "deep/drawn", "--least-score", least),
        )
        assert result.status == 0, result.err
        counts.append(len(json.loads(Path("found.json").read_text())["images"][0]["detections"]))
        drawn.append(read_pixels(Path("deep/drawn/00.png")))
    assert len(set(counts)) == 1
    assert (drawn[0] != drawn[1]).any()
    assert (drawn[1] != drawn[2]).any()


@pytest.mark.slow
@pytest.mark.usefixtures("alien")
def test_images_that_cannot_be_read_do_not_end_the_others(bench: Bench, pictures: Pictures) -> None:
    folder = pictures(20)
    (folder / "03.png").write_text("no image")
    (folder / "05.png").unlink()
    (folder / "07.png").write_bytes((folder / "06.png").read_bytes()[:400])
    (folder / "09.png").unlink()
    (folder / "09.png").mkdir()
    files = [folder / f"{index:02d}.png" for index in range(20)]
    result = bench("predict", *files, "--task", "alien", "--json", "found.json", "--out", "drawn")
    assert result.status == 1
    message = [line for line in result.err.splitlines() if line.startswith("bench: ")]
    problems = [line.partition(";")[0] for line in message]
    assert problems == [
        f"bench: {files[3]}: not a readable image",
        f"bench: {files[5]}: no such image",
        f"bench: {files[7]}: damaged image (image file is truncated)",
        f"bench: {files[9]}: a folder, not a file",
    ]
    good = [file for file in files if file not in (files[3], files[5], files[7], files[9])]
    written = json.loads(Path("found.json").read_text())
    assert [image["file"] for image in written["images"]] == [str(file) for file in good]
    assert sorted(path.name for path in Path("drawn").iterdir()) == [file.name for file in good]
    assert len(api.predict(files, task="alien").failures) == 4


@pytest.mark.usefixtures("alien")
def test_what_was_found_before_an_error_is_written(bench: Bench, pictures: Pictures) -> None:
    folder = pictures(9)
    Image.new("RGB", (48, 32)).save(folder / "06.png")
    files = sorted(folder.iterdir())
    result = bench("predict", *files, "--task", "alien", "--json", "found.json", "--out", "drawn")
    assert (result.status, result.err.splitlines()[-1]) == (1, "bench: the network is broken")
    written = json.loads(Path("found.json").read_text())
    assert [image["file"] for image in written["images"]] == [str(file) for file in files[:6]]
    assert all(Path("drawn", file.name).is_file() for file in files[:6])


@pytest.mark.usefixtures("alien")
@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ("a.png a.jpg --out drawn", "a.png and a.jpg: "),
        ("a.png a.png --out drawn", "drawn/a.png"),
        ("a.png --out .", "a.png: would overwrite the image"),
        ("a.png --out a.jpg", "a.jpg: cannot be created: File exists"),
        ("a.png --out a.jpg/deep", "a.jpg/deep: cannot be created: Not a directory"),
        ("a.png --json no/found.json", "no/found.json: cannot be written: no folder no"),
        ("a.png --task alien=x.pkl --weights y.pkl", "alien=x.pkl: weights"),
        ("a.png --task mask-rcnn --weights no.pkl", "mask-rcnn=no.pkl: no such file of weights"),
        ("a.png --task mask-rcnn --weights .", "mask-rcnn=.: no such file of weights"),
        ("a.png --task mask-rcnn --weights a.jpg", "a.jpg: not a checkpoint"),
        ("a.png --task faster-rcnn --weights tiny", "tiny: weights of a network for masks"),
        ("a.png --task mask-rnn", "unknown task 'mask-rnn'; did you mean 'mask-rcnn'?"),
    ],
)
def test_what_is_refused(
    arguments: str, problem: str, bench: Bench, weights: Path, tmp_path: Path
) -> None:
    for name in ("a.png", "a.jpg"):
        Image.new("RGB", (48, 32), "red").save(name)
    (tmp_path / "tiny").write_bytes(weights.read_bytes())
    task = () if "--task" in arguments else ("--task", "alien")
    result = bench("predict", *arguments.split(), *task)
    assert (result.status, result.out) == (1, "")
    (line,) = result.err.strip().splitlines()
    assert line.startswith("bench: ")
    assert problem in line
    assert read_pixels(Path("a.png"))[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("import no_such_module", "broken 1.0 fails: ModuleNotFoundError"),
        ("def Alien(weights): 1 / 0", "broken 1.0 fails: ZeroDivisionError"),
        ("def Alien(weights): return 1", "has no 'name'"),
    ],
)
def test_a_package_that_fails(
    code: str,
    problem: str,
    bench: Bench,
    pictures: Pictures,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    package.install(tmp_path, monkeypatch, "broken", code, "[bench.tasks]\nbad = broken:Alien\n")
    monkeypatch.delitem(sys.modules, "broken", raising=False)
    result = bench("predict", *pictures(1).iterdir(), "--task", "bad")
    assert (result.status, result.out) == (1, "")
    (line,) = result.err.strip().splitlines()
    assert "bad" in line and problem in line


def test_weights_of_another_network_are_refused(pictures: Pictures, weights: Path) -> None:
    """Of the same kind, but with other tensors than its architecture says."""
    changed = weights.with_name("changed.safetensors")
    changed.write_bytes(
        weights.read_bytes().replace(b'\\"box_hidden\\": 16', b'\\"box_hidden\\": 17')
    )
    with pytest.raises(DataError, match="weights of another network"):
        api.predict(sorted(pictures(4).iterdir()), task="mask-rcnn", weights=changed)


def test_weights_are_read_however_their_file_begins(pictures: Pictures, weights: Path) -> None:
    """A safetensors file begins with a length, which may look like the beginning of a pickle."""
    content = weights.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = content[8 : 8 + length]
    header += b" " * ((0x80 - length) % 256)
    padded = weights.with_name("padded.safetensors")
    padded.write_bytes(len(header).to_bytes(8, "little") + header + content[8 + length :])
    assert padded.read_bytes()[0] == 0x80
    images = list(pictures(1).iterdir())
    boxes = [
        api.predict(images, task="mask-rcnn", weights=file).images[0].detections.boxes.tolist()
        for file in (weights, padded)
    ]
    assert boxes[0] == boxes[1]


def test_a_network_names_its_own_classes(bench: Bench, tmp_path: Path, pictures: Pictures) -> None:
    """The network is made to find people, buses and bottles everywhere."""
    weights = write_network(tmp_path / "coco.safetensors", classes=80)
    network = load_network(weights, replace(TINY, classes=80), torch.device("cpu"))
    scores = network.roi_heads.box_predictor.cls_score
    scores.weight *= 0.01
    scores.bias[[0, 5, 39]] += 5
    save_weights(network, weights)
    photo = pictures(1, 128, 64) / "00.png"
    result = bench("predict", photo, "--task", f"mask-rcnn-coco={weights}", "--json", "seen.json")
    assert result.status == 0, result.err
    found = json.loads(Path("seen.json").read_text())["images"][0]["detections"]
    raw = network.find(to_network(read_pixels(photo), network.architecture))
    assert 39 in raw.classes
    assert {one["class"] for one in found} == {"person", "bus", "bottle"}
    assert len(found) == len(raw.classes)
    assert not any("label_id" in one for one in found)


def test_detectron2_runs_its_own_networks_alone(bench: Bench, pictures: Pictures) -> None:
    result = bench(
        "predict", pictures(1) / "00.png", "--task", "mask-rcnn-toy", "--engine", "detectron2"
    )
    assert result.status == 1
    assert "runs mask-rcnn and faster-rcnn" in result.err
