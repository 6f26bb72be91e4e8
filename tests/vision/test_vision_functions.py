"""The parts of the networks: against what Detectron2's gave, and against plain loops."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from oracles.detectron2 import SMALL, recorded
from oracles.outlines import fill, mask_in_box
from torch import Tensor

from bench.vision.architecture import Architecture
from bench.vision.backbone import Norm
from bench.vision.boxes import apply_deltas, encode_deltas
from bench.vision.detector import network_size
from bench.vision.heads import RegionHeads, mask_targets, select_detections
from bench.vision.matching import match, sample
from bench.vision.operators import pairwise_iou, roi_align, suppress
from bench.vision.pasting import paste
from bench.vision.proposals import ProposalGenerator

UNWEIGHTED = (1.0, 1.0, 1.0, 1.0)
WEIGHTED = (10.0, 10.0, 5.0, 5.0)


@pytest.fixture(scope="module")
def record() -> dict[str, Tensor]:
    """As recorded; what was packed stays packed."""
    return {name: torch.from_numpy(values) for name, values in recorded("functions").items()}


def close(values: Tensor, wanted: Tensor, tolerance: float = 1e-5) -> None:
    torch.testing.assert_close(values, wanted, rtol=tolerance, atol=tolerance)


def unpacked(values: Tensor, width: int) -> NDArray[np.bool_]:
    return np.unpackbits(values.numpy(), axis=-1, count=width).astype(bool)


@pytest.mark.slow
@pytest.mark.parametrize(("bins", "every"), [(7, 1), (14, 3)])
def test_pooling_from_four_levels(record: dict[str, Tensor], bins: int, every: int) -> None:
    """With boxes beyond the borders, of no area, and at the very sizes where the level changes."""
    stream = np.random.RandomState(3)
    pyramid = [
        torch.from_numpy(stream.standard_normal((2, 1, 128 >> i, 256 >> i)).astype(np.float32))
        for i in range(4)
    ]
    heads = RegionHeads(replace(SMALL, masks=False))
    pooled = heads.pool(pyramid, record["pool.boxes"], record["pool.image"], bins)
    close(pooled[::every, 0], record[f"pool.{bins}"])


@pytest.mark.parametrize(("weights", "name"), [(UNWEIGHTED, "rpn"), (WEIGHTED, "roi")])
def test_box_deltas(
    record: dict[str, Tensor], weights: tuple[float, float, float, float], name: str
) -> None:
    source, target, deltas = record["box.src"], record["box.tgt"], record["box.deltas"]
    close(encode_deltas(source, target, weights), record[f"box.get_{name}"])
    close(apply_deltas(source, deltas, weights), record[f"box.apply_{name}"], 1e-4)


def test_anchors(record: dict[str, Tensor]) -> None:
    generator = ProposalGenerator(Architecture())
    features = [torch.zeros(1, 1, *shape) for shape in record["anchor.shapes"].tolist()]
    for index, anchors in enumerate(generator.anchors(features)):
        close(anchors, record[f"anchor.{index}"])


def test_matching(record: dict[str, Tensor]) -> None:
    overlap, index, best = match(record["match.gt"], record["match.pred"])
    assert index.tolist() == record["match.rpn_idx"].tolist() == record["match.roi_idx"].tolist()
    assert (overlap >= 0.5).long().tolist() == record["match.roi_label"].tolist()
    label = torch.where(overlap < 0.3, 0, -1)
    label[(overlap >= 0.7) | best] = 1
    assert label.tolist() == record["match.rpn_label"].tolist()


def test_nothing_matches_where_nothing_is(record: dict[str, Tensor]) -> None:
    overlap, _, best = match(torch.zeros(0, 4), record["match.pred"])
    assert not overlap.any() and not best.any()


def test_a_sample_prefers_foreground_up_to_its_share() -> None:
    foreground = torch.arange(1000) % 2 == 0
    for these, background, of_each in (
        (foreground, ~foreground, (25, 75)),
        (torch.arange(1000) < 3, torch.arange(1000) >= 3, (3, 97)),
        (foreground, torch.arange(1000) == 1, (25, 1)),
    ):
        chosen = sample(these, background, 100, 0.25)
        assert (int(these[chosen].sum()), int(background[chosen].sum())) == of_each
        assert len(chosen.unique()) == len(chosen)
        assert these[chosen[: of_each[0]]].all()


def test_proposals(record: dict[str, Tensor]) -> None:
    """Not those that are infinite, no number, empty, or outside of the picture."""
    architecture = Architecture(proposals_before=(600, 300), proposals=100)
    generator = ProposalGenerator(architecture).eval()
    boxes = [record[f"proposals.boxes{level}"] for level in range(5)]
    logits = [record[f"proposals.logits{level}"][None] for level in range(5)]
    unmoved = [torch.zeros(1, len(level), 4) for level in boxes]
    found, scores = generator.propose(logits, unmoved, boxes, (500, 1000))
    close(found[0], record["proposals.out_boxes"], 1e-3)
    close(scores[0], record["proposals.out_logits"])


def test_detections(record: dict[str, Tensor]) -> None:
    found = select_detections(record["detections.boxes"], record["detections.probs"], (500, 1000))
    close(found.boxes, record["detections.out_boxes"])
    close(found.scores, record["detections.out_scores"])
    assert found.classes.tolist() == record["detections.out_classes"].tolist()


def test_no_detections_among_no_proposals() -> None:
    heads = RegionHeads(SMALL)
    pyramid = [torch.zeros(1, SMALL.pyramid, 64 >> level, 64 >> level) for level in range(4)]
    with torch.no_grad():
        found = heads.detect(pyramid, torch.zeros(0, 4), (256, 256))
    assert found.masks is not None
    assert found.boxes.shape == (0, 4) and found.masks.shape == (0, 28, 28)


def test_size_of_the_network_s_picture(record: dict[str, Tensor]) -> None:
    for size, wanted in zip(
        record["resize.in"].tolist(), record["resize.out"].tolist(), strict=True
    ):
        assert list(network_size(*size, Architecture())) == wanted


def test_frozen_norm(record: dict[str, Tensor]) -> None:
    norm = Norm(6)
    norm.load_state_dict(
        {name: record[f"bn.{name}"] for name in ("weight", "bias", "running_mean", "running_var")}
    )
    with torch.no_grad():
        close(norm(record["bn.x"]), record["bn.out"])
    close(norm(record["bn.x"].clone().requires_grad_()), record["bn.out_grad"])
    assert norm.running_mean.tolist() == record["bn.running_mean"].tolist()


def test_pasting(record: dict[str, Tensor]) -> None:
    """Boxes at the edges, of the whole picture, and of less than a pixel."""
    # Not the first: it is ½ all over, and rounding decides everywhere.
    masks = paste(record["paste.masks"][1:], record["paste.boxes"][1:], (512, 1024))
    wanted = unpacked(record["paste.packed"], 1024)[1:]
    different = sum(
        int((mask.decode() != its_wanted).sum())
        for mask, its_wanted in zip(masks, wanted, strict=True)
    )
    assert wanted.any(axis=(1, 2)).sum() == 7
    assert different <= 3


def test_mask_targets(record: dict[str, Tensor]) -> None:
    masks = torch.from_numpy(unpacked(record["paste.packed"], 1024)[:6])
    wanted = torch.from_numpy(unpacked(record["target.bitmask"], 28))
    image, instance = torch.zeros(6, dtype=torch.long), torch.arange(6)
    targets = mask_targets([masks], record["target.boxes"], image, instance, (512, 1024))
    assert (targets.bool() != wanted).sum() <= 2


def greedy(boxes: Tensor, threshold: float) -> list[bool]:
    """Suppression as it is defined, one box after the other."""
    too_close = pairwise_iou(boxes, boxes) > threshold
    kept: list[int] = []
    for index, close_to in enumerate(too_close.tolist()):
        if not any(close_to[other] for other in kept):
            kept.append(index)
    return [index in kept for index in range(len(boxes))]


@pytest.mark.parametrize("seed", range(20))
def test_suppression_is_greedy(seed: int) -> None:
    """Boxes on a coarse grid: many are equal, and many overlaps are at the threshold itself."""
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 12, (120, 2))
    sides = rng.integers(0, 8, (120, 2))
    boxes = torch.from_numpy(np.concatenate([corners, corners + sides], axis=1)).float()
    for threshold in (0.3, 0.5, 0.7):
        assert suppress(boxes, threshold).tolist() == greedy(boxes, threshold)


def test_a_long_chain_of_boxes_is_suppressed_every_other() -> None:
    left = torch.arange(300.0)
    boxes = torch.stack([left, torch.zeros(300), left + 4, torch.ones(300)], dim=1)
    # Neighbours overlap by 3 in 5, the next but one by 2 in 6.
    assert suppress(boxes, 0.5).tolist() == [index % 2 == 0 for index in range(300)]


def test_suppressing_several_pictures_at_once_is_suppressing_each() -> None:
    rng = np.random.default_rng(1)
    corners = rng.uniform(0, 40, (3, 60, 2))
    boxes = torch.from_numpy(
        np.concatenate([corners, corners + rng.uniform(5, 30, (3, 60, 2))], axis=2)
    )
    together = suppress(boxes, 0.5)
    assert together.tolist() == [suppress(each, 0.5).tolist() for each in boxes]


BOXES = [
    (1.3, 2.1, 9.7, 11.2),
    (-6.0, -3.0, 5.0, 4.0),  # beyond the border
    (20.0, 10.0, 47.0, 39.0),
    (3.0, 3.0, 3.0, 3.0),  # of no area
    (100.0, 100.0, 120.0, 120.0),  # outside
]


@pytest.mark.slow
def test_the_gradient_of_pooling() -> None:
    torch.manual_seed(0)
    features = torch.randn(2, 2, 9, 13, dtype=torch.float64, requires_grad=True)
    boxes = torch.tensor(BOXES, dtype=torch.float64)
    image = torch.tensor([0, 1, 1, 0, 0])

    def pool(values: Tensor) -> Tensor:
        return roi_align(values, boxes, image, 0.25, 3)

    assert torch.autograd.gradcheck(pool, (features,))


def test_pooling_is_the_mean_of_bilinear_samples() -> None:
    torch.manual_seed(1)
    features = torch.randn(2, 3, 9, 13, dtype=torch.float64)
    boxes = torch.tensor(BOXES, dtype=torch.float64)
    image = torch.tensor([0, 1, 1, 0, 1])
    pooled = roi_align(features, boxes, image, 0.25, 4)
    for index, box in enumerate(boxes.tolist()):
        wanted = pooled_one_by_one(features[image[index]].numpy(), box, 0.25, 4)
        np.testing.assert_allclose(pooled[index], wanted, rtol=0, atol=1e-12)


def pooled_one_by_one(
    features: NDArray[np.float64], box: list[float], scale: float, bins: int
) -> NDArray[np.float64]:
    x0, y0, x1, y1 = (side * scale - 0.5 for side in box)
    across, down = (x1 - x0) / bins, (y1 - y0) / bins
    columns, rows = int(np.ceil(across)), int(np.ceil(down))
    pooled = np.zeros((len(features), bins, bins))
    for row in range(bins):
        for column in range(bins):
            for step in np.ndindex(rows, columns):
                y = y0 + down * (row + (step[0] + 0.5) / rows)
                x = x0 + across * (column + (step[1] + 0.5) / columns)
                pooled[:, row, column] += bilinear(features, y, x) / (rows * columns)
    return pooled


def bilinear(features: NDArray[np.float64], y: float, x: float) -> Any:
    """Nothing is more than a cell away from the features; the cell in between is the border's."""
    height, width = features.shape[1:]
    if not (-1 <= y <= height and -1 <= x <= width):
        return 0.0
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = int(y), int(x)
    below, right = min(top + 1, height - 1), min(left + 1, width - 1)
    upper = features[:, top, left] * (1 - x + left) + features[:, top, right] * (x - left)
    lower = features[:, below, left] * (1 - x + left) + features[:, below, right] * (x - left)
    return upper * (1 - y + top) + lower * (y - top)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("whole", [False, True], ids=["anywhere", "at whole numbers"])
def test_an_outline_is_filled_as_coco_does(whole: bool) -> None:
    coco = pytest.importorskip("pycocotools.mask")
    random = np.random.default_rng(8)
    for _ in range(300):
        height, width = random.integers(4, 40, 2).tolist()
        corners = random.uniform(-10, 50, (int(random.integers(3, 15)), 2))
        corners = np.floor(corners) if whole else corners
        (runs,) = coco.frPyObjects([corners.ravel().tolist()], height, width)
        assert (fill(corners, height, width) == coco.decode(runs)).all()


def test_the_parts_of_an_instance_are_seen_together() -> None:
    left, right = (np.array([[x, 2], [x + 2, 2], [x + 2, 6], [x, 6]], float) for x in (1, 5))
    seen = mask_in_box([left, right], np.array([0.0, 0, 8, 8]), 8)
    assert (np.flatnonzero(seen.any(axis=0)) == [1, 2, 5, 6]).all()
    assert (np.flatnonzero(seen.any(axis=1)) == [2, 3, 4, 5]).all()
