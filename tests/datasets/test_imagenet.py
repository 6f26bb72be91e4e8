"""Data sets for classification: a folder for each class."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from support.pictures import picture

from bench.datasets import open_dataset
from bench.errors import DataError


def zoo(root: Path) -> Path:
    """Three classes, with three, two and no images."""
    for name, count in (("n02", 3), ("n01", 2), ("n03", 0)):
        (root / "val" / name).mkdir(parents=True)
        for index in range(count):
            Image.fromarray(picture(index, 32, 32)).save(root / "val" / name / f"{index}.png")
    return root / "val"


def test_a_folder_is_a_class(tmp_path: Path) -> None:
    dataset = open_dataset(f"imagenet:{zoo(tmp_path)}")
    assert dataset.classes == {"class": ("n01", "n02")}
    # one of each class first, so that the first few are of many classes
    assert [entry.name for entry in dataset.entries] == [
        *("n01/0.png", "n02/0.png", "n01/1.png", "n02/1.png", "n02/2.png"),
    ]
    assert [entry.truth("class").index for entry in dataset.entries] == [0, 1, 0, 1, 1]
    limited = open_dataset(f"imagenet:{tmp_path / 'val'}", limit=3)
    assert [entry.name for entry in limited.entries] == ["n01/0.png", "n02/0.png", "n01/1.png"]
    truths = dataset.truths("class")
    assert truths["n01/0.png"] == truths["n01/1.png"] != truths["n02/0.png"]


@pytest.mark.parametrize("place", [".", "val"])
def test_a_file_names_the_classes(tmp_path: Path, place: str) -> None:
    folder = zoo(tmp_path)
    text = "n01 tench, Tinca tinca\nn02 goldfish\n"
    (tmp_path / place / "LOC_synset_mapping.txt").write_text(text)
    assert open_dataset(f"imagenet:{folder}").classes["class"] == ("tench", "goldfish")


def test_what_is_none_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        open_dataset("imagenet:nowhere")
    with pytest.raises(DataError, match="for each class"):
        open_dataset(f"imagenet:{zoo(tmp_path) / 'n01'}")
    (tmp_path / "classes.txt").write_text("n01 fish\nn02 fish\n")
    with pytest.raises(DataError, match="two classes"):
        open_dataset(f"imagenet:{tmp_path / 'val'}")
