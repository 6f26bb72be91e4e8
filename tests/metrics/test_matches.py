"""How predictions fare against instances, case by case, and how that is kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.datasets.cityscapes_labels import CLASSES
from bench.datasets.cityscapes_truth import from_instance_ids
from bench.errors import DataError
from bench.instances.detections import Detections
from bench.instances.run_lengths import encode
from bench.metrics.instance_matching import match
from bench.metrics.matches import FALSE_POSITIVE, IGNORED, TRUE_POSITIVE, Matches

CAR, PERSON = CLASSES.index("car"), CLASSES.index("person")
Prediction = tuple[int, float, NDArray[np.bool_]]  # class, score, mask

T, F, N = TRUE_POSITIVE, FALSE_POSITIVE, IGNORED


def found(*predictions: Prediction, size: int = 40) -> Detections:
    return Detections(
        (size, size),
        np.array([one[0] for one in predictions], np.int64),
        np.array([one[1] for one in predictions], np.float64),
        np.zeros((len(predictions), 4)),
        tuple(encode(one[2]) for one in predictions),
        names=CLASSES,
    )


def block(top: int, left: int, rows: int, columns: int) -> NDArray[np.bool_]:
    mask = np.zeros((40, 40), np.bool_)
    mask[top : top + rows, left : left + columns] = True
    return mask


def states(ids: NDArray[np.integer], *predictions: Prediction) -> list[int]:
    """At the overlap of 0.5."""
    return match(from_instance_ids(ids), found(*predictions)).states[:, 0].tolist()


def street(*regions: tuple[int, NDArray[np.bool_]]) -> NDArray[np.uint16]:
    ids = np.full((40, 40), 7, np.uint16)
    for value, mask in regions:
        ids[mask] = value
    return ids


CAR_HERE = block(0, 0, 10, 20)


def test_the_overlap_must_be_exceeded() -> None:
    ids = street((26000, CAR_HERE))
    assert states(ids, (CAR, 0.5, block(0, 0, 10, 10))) == [F]  # exactly one half
    assert states(ids, (CAR, 0.5, block(0, 0, 10, 11))) == [T]
    exact = match(from_instance_ids(ids), found((CAR, 0.5, block(0, 0, 10, 16))))
    assert exact.states.tolist() == [[T] * 6 + [F] * 4]  # 0.8 does not exceed 0.8


def test_the_best_scored_finds_and_the_others_are_wrong() -> None:
    ids = street((26000, CAR_HERE))
    scores = (0.4, 0.9, 0.9, 0.1)
    assert states(ids, *[(CAR, score, CAR_HERE) for score in scores]) == [F, T, F, F]
    assert states(ids, (PERSON, 0.9, CAR_HERE), (CAR, 0.1, CAR_HERE)) == [F, T]


def test_small_instances_and_groups_excuse() -> None:
    small, large = block(20, 0, 9, 11), block(20, 20, 10, 10)
    ids = street((26000, small), (26001, large), (26, CAR_HERE))
    truth = from_instance_ids(ids)
    predictions = found((CAR, 0.9, small), (CAR, 0.9, large), (CAR, 0.9, CAR_HERE))
    matches = match(truth, predictions)
    assert matches.states[:, 0].tolist() == [N, T, N]
    assert (matches.valid[CAR], matches.instances[CAR]) == (1, 2)
    assert (matches.valid.sum(), matches.instances.sum()) == (1, 2)
    # Neither excuses a prediction of another class.
    assert states(ids, (PERSON, 0.9, small), (PERSON, 0.9, CAR_HERE)) == [F, F]


def test_void_excuses_by_its_share() -> None:
    half = block(0, 0, 10, 10)
    over = block(0, 0, 10, 19)
    for value, expected in ((0, N), (29, N), (-1, N), (29001, F), (30000, F), (8, F)):
        ids = street().astype(np.int32)
        ids[half] = value
        assert states(ids, (CAR, 0.5, over)) == [expected]
        assert states(ids, (CAR, 0.5, CAR_HERE)) == [F]  # exactly half of it


def test_a_small_group_counts_twice() -> None:
    group = block(0, 0, 9, 11)  # 99 pixels
    assert states(street((26, group)), (CAR, 0.5, block(0, 0, 9, 40))) == [N]  # 198 of 360
    large = block(0, 0, 10, 10)
    assert states(street((26, large)), (CAR, 0.5, block(0, 0, 10, 36))) == [F]  # 100 of 360


def test_empty_masks_and_empty_images() -> None:
    nothing = np.zeros((40, 40), np.bool_)
    ids = street((26000, CAR_HERE))
    assert states(ids, (CAR, 0.9, nothing), (CAR, 0.5, CAR_HERE)) == [T]
    assert match(from_instance_ids(ids), found()).valid[CAR] == 1
    assert match(from_instance_ids(street()), found()).valid.sum() == 0


def test_what_cannot_be_compared_is_refused() -> None:
    truth = from_instance_ids(street())
    with pytest.raises(DataError, match="of 20x20 pixels, the ground truth of 40x40"):
        match(truth, found(size=20))
    boxes_only = replace(found((CAR, 0.5, block(0, 0, 4, 4))), masks=None)
    with pytest.raises(DataError, match="without masks"):
        match(truth, boxes_only)


def test_detections_that_contradict_themselves_are_refused() -> None:
    one = {"classes": np.array([1]), "scores": np.array([0.5]), "boxes": np.ones((1, 4))}
    one |= {"names": CLASSES}
    mask = encode(np.zeros((4, 4), np.bool_))
    wrong = [
        {"scores": np.array([0.5, 0.6])},
        {"boxes": np.ones((2, 4))},
        {"classes": np.array([8])},
        {"scores": np.array([np.nan])},
        {"boxes": np.full((1, 4), np.inf)},
        {"boxes": np.array([[5.0, 5, 4, 6]])},
        {"masks": ()},
        {"masks": (encode(np.zeros((5, 4), np.bool_)),)},
    ]
    assert len(Detections((4, 4), **one, masks=(mask,))) == 1
    for change in wrong:
        with pytest.raises(ValueError, match=r"class|score|mask|box"):
            Detections((4, 4), **(one | {"masks": (mask,)} | change))


def random_matches(seed: int, scores: NDArray[np.float64]) -> Matches:
    rng = np.random.default_rng(seed)
    count = len(scores)
    return Matches(
        rng.integers(0, 8, count).astype(np.uint8),
        scores,
        rng.integers(0, 3, (count, 10)).astype(np.uint8),
        rng.integers(0, 90000, 8),
        rng.integers(0, 90000, 8),
    )


@pytest.mark.parametrize(
    ("scores", "size"),
    [
        (np.zeros(0), 70),
        (np.random.default_rng(0).random(25).astype(np.float32).astype(np.float64), 70 + 25 * 9),
        (np.random.default_rng(0).random(25), 70 + 25 * 13),
    ],
)
def test_matches_are_kept_in_few_bytes(scores: NDArray[np.float64], size: int) -> None:
    matches = random_matches(0, scores)
    data = matches.to_bytes()
    assert len(data) == size
    again = Matches.from_bytes(data)
    for name in ("classes", "scores", "states", "valid", "instances"):
        assert (getattr(again, name) == getattr(matches, name)).all()
        assert getattr(again, name).dtype == getattr(matches, name).dtype


@pytest.mark.parametrize("classes", [1, 8, 80])
def test_matches_of_any_number_of_classes_are_kept(classes: int) -> None:
    eight = random_matches(0, np.linspace(0, 1, 9))
    counts = np.arange(classes)
    made = replace(eight, classes=eight.classes % classes, valid=counts, instances=counts + 1)
    again = Matches.from_bytes(made.to_bytes())
    assert again.valid.tolist() == counts.tolist()
    assert again.instances.tolist() == (counts + 1).tolist()
    assert (again.states == made.states).all() and (again.classes == made.classes).all()
    assert made.to_bytes()[0] == (1 if classes == 8 else 2)  # as earlier versions wrote them


def test_damaged_matches_are_refused() -> None:
    data = random_matches(0, np.ones(3)).to_bytes()
    for damaged in (b"", data[:20], data[:-1], data + b"x"):
        with pytest.raises(DataError, match="matches that are damaged"):
            Matches.from_bytes(damaged)
    with pytest.raises(DataError, match=r"version 9 .*expected 1"):
        Matches.from_bytes(b"\x09" + data[1:])
