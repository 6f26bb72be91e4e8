"""Detections drawn into a picture: visible, distinct, and labelled where that hides nothing."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from support.pictures import picture

from bench.datasets.cityscapes_labels import CLASSES
from bench.instances.detections import Detections
from bench.instances.drawing import COLOURS, draw
from bench.instances.label_places import Rectangle, place_labels
from bench.instances.run_lengths import encode

GREY = np.full((512, 1024, 3), 90, np.uint8)
CAR, PERSON = (np.array(COLOURS[CLASSES.index(name)]) for name in ("car", "person"))


def detections(
    boxes: Sequence[Rectangle],
    classes: Sequence[str],
    scores: Sequence[float],
    size: tuple[int, int] = (512, 1024),
    masks: bool = True,
) -> Detections:
    """Whose masks fill their boxes."""
    drawn = []
    for x0, y0, x1, y1 in boxes:
        mask = np.zeros(size, np.bool_)
        mask[y0:y1, x0:x1] = True
        drawn.append(encode(mask))
    return Detections(
        size,
        np.array([CLASSES.index(name) for name in classes], np.int64),
        np.array(scores, np.float64),
        np.array(boxes, np.float64).reshape(-1, 4),
        tuple(drawn) if masks else None,
        names=CLASSES,
    )


def near(colour: NDArray[np.uint8], wanted: NDArray[np.int64]) -> bool:
    return bool(np.abs(colour.astype(int) - wanted).max() <= 3)


def test_a_fill_that_one_sees_through_and_a_line_in_the_colour_of_the_class() -> None:
    drawn = draw(GREY, detections([(300, 200, 500, 400)], ["car"], [0.9]), 0.5)
    assert near(drawn[300, 301], CAR)
    fill = drawn[300, 400].astype(int)
    assert 0.2 < (fill - 90)[2] / (CAR - 90)[2] < 0.5
    assert drawn[300, 299].max() < 60  # a dark line outside
    assert (drawn[300, 290] == 90).all()
    assert (drawn[450:] == 90).all()


def test_boxes_alone_are_outlined_and_not_filled() -> None:
    found = detections([(300, 200, 500, 400)], ["person"], [0.9], masks=False)
    drawn = draw(GREY, found, 0.5)
    assert near(drawn[300, 300], PERSON)
    assert near(drawn[399, 400], PERSON)
    assert (drawn[300, 400] == 90).all()


@pytest.mark.parametrize("order", [1, -1])
def test_the_best_is_on_top_whatever_the_order(order: int) -> None:
    boxes, classes, scores = [(200, 200, 400, 400), (300, 250, 500, 350)], ["person", "car"], [1, 0]
    both = list(zip(boxes, classes, scores, strict=True))[::order]
    drawn = draw(GREY, detections(*zip(*both, strict=True)), 0)  # type: ignore[arg-type]
    person = draw(GREY, detections(boxes[:1], classes[:1], [1]), 0)
    assert (drawn[300, 340] == person[300, 340]).all()  # in both, and filled once
    assert near(drawn[300, 399], PERSON)
    assert near(drawn[251, 340], CAR)  # its outline shows how far it goes


def test_nothing_is_drawn_of_what_scores_too_little() -> None:
    boxes = [(300, 200, 500, 400), (600, 200, 800, 400)]
    drawn = draw(GREY, detections(boxes, ["car", "bus"], [0.5, 0.49]), 0.5)
    assert (drawn[:, 560:] == 90).all()
    assert near(drawn[300, 301], CAR)
    nothing = detections([], [], [])
    assert (draw(GREY, nothing, 0.5) == GREY).all()


@pytest.mark.parametrize(
    ("size", "drawn"),
    [((256, 512), (512, 1024)), ((300, 400), (900, 1200)), ((1024, 2048), (1024, 2048))],
)
def test_small_pictures_are_enlarged(size: tuple[int, int], drawn: tuple[int, int]) -> None:
    pixels = picture(0, size[1], size[0])
    found = draw(pixels, detections([], [], [], size), 0.5)
    assert found.shape == (*drawn, 3)
    back = Image.fromarray(found).resize(size[::-1], Image.Resampling.BOX)
    assert np.abs(np.asarray(back).astype(int) - pixels).mean() < 2


@pytest.mark.parametrize("masks", [True, False])
@pytest.mark.parametrize("size", [(1, 1), (3, 40), (900, 7)])
def test_pictures_smaller_than_a_label(size: tuple[int, int], masks: bool) -> None:
    height, width = size
    found = detections(
        [(0, 0, width, height), (0, 0, 0, 0)], ["motorcycle", "car"], [0.9, 0.8], size, masks
    )
    assert draw(picture(0, width, height), found, 0.5).shape[2] == 3


def test_no_two_classes_look_alike_whatever_the_eye() -> None:
    """Machado, Oliveira and Fernandes' matrices, on linear light."""
    eyes = [
        np.eye(3),
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ],
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ],
    ]
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    for eye in eyes:
        seen = {}
        for name, colour in zip(CLASSES, COLOURS, strict=True):
            value = np.array(colour) / 255
            linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
            x, y, z = to_xyz @ (np.array(eye) @ linear).clip(0, 1) / (0.9505, 1, 1.089)
            f = [t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z)]
            seen[name] = np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])
        distances = [np.linalg.norm(a - b) for a, b in itertools.combinations(seen.values(), 2)]
        assert min(distances) > 26


def overlap(one: Rectangle, other: Rectangle) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def test_labels_stay_in_the_picture_and_off_objects_and_each_other() -> None:
    rng = np.random.default_rng(0)
    occupied = np.zeros((400, 800), np.bool_)
    boxes: list[Rectangle] = [
        (0, 0, 60, 50),
        (740, 0, 800, 50),
        (0, 350, 60, 400),
        (740, 350, 800, 400),
    ]
    boxes += [
        (x, y, x + 20, y + 40) for x, y in rng.integers((80, 80), (700, 300), (12, 2)).tolist()
    ]
    for x0, y0, x1, y1 in boxes:
        occupied[y0:y1, x0:x1] = True
    places = place_labels(boxes, [(60, 16)] * len(boxes), occupied, gap=2)
    for x0, y0, x1, y1 in places:
        assert (x1 - x0, y1 - y0) == (60, 16)
        assert x0 >= 0 and x1 <= 800 and y0 >= 0 and y1 <= 400
        assert not occupied[y0:y1, x0:x1].any()
    assert not any(overlap(*pair) for pair in itertools.combinations(places, 2))


def test_a_label_is_above_what_it_names_where_there_is_room() -> None:
    empty = np.zeros((400, 800), np.bool_)
    (above,) = place_labels([(100, 100, 300, 200)], [(60, 16)], empty, gap=2)
    assert above == (100, 82, 160, 98)
    (below,) = place_labels([(100, 10, 300, 200)], [(60, 16)], ~empty, gap=2)
    assert below[:2] == (100, 0)  # nowhere is better: in the picture at least
