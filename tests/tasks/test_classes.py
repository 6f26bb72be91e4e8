"""The classes of a network and of a data set meet by name."""

from __future__ import annotations

import numpy as np
import pytest

from bench.datasets.cityscapes_labels import CLASSES
from bench.errors import DataError
from bench.instances.detections import Detections
from bench.tasks.classes import meet
from bench.vision.coco_classes import COCO


def test_cocos_classes_meet_those_of_cityscapes() -> None:
    found = meet(COCO, CLASSES, {})
    partners = {COCO[own]: CLASSES[place] for own, place in enumerate(found.places) if place >= 0}
    assert partners == {name: name for name in CLASSES if name != "rider"}
    remark = found.remark("a network", "a set") or ""
    assert "73 classes" in remark
    assert "rider" in remark


def test_names_are_the_same_whatever_the_case() -> None:
    assert meet(["Traffic_Light", "dog"], ["dog", "traffic light"], {}).places == (1, 0)


def test_the_same_classes_need_no_remark() -> None:
    found = meet(CLASSES, CLASSES, {})
    assert found.is_trivial
    assert found.remark("a network", "a set") is None


def test_a_map_says_which_is_which() -> None:
    same = {"motorbike": "motorcycle", "pedestrian": "person", "sitting": "person"}
    found = meet(["motorbike", "sitting", "pedestrian"], CLASSES, same)
    assert [CLASSES[place] for place in found.places] == ["motorcycle", "person", "person"]


@pytest.mark.parametrize(
    ("same", "message"),
    [({"motorbik": "car"}, "did you mean 'motorbike'"), ({"motorbike": "cat"}, "mean 'car'")],
)
def test_an_unknown_class_is_one_line(same: dict[str, str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        meet(["motorbike"], CLASSES, same)


def test_what_has_no_partner_is_left_out() -> None:
    boxes = np.array([[0.0, 0, 4, 4], [1, 1, 3, 3], [2, 2, 6, 6]])
    scores = np.array([0.9, 0.8, 0.7])
    own = ("dog", "car")
    found = Detections((9, 9), np.array([1, 0, 1]), scores, boxes, names=own)
    there = found.in_classes(CLASSES, meet(own, CLASSES, {}).places)
    assert there.names == CLASSES
    assert there.classes.tolist() == [CLASSES.index("car")] * 2
    assert there.scores.tolist() == [0.9, 0.7]
