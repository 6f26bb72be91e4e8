"""CenterMask: targets and losses with known answers, published names, and a short training."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from support.short_training import ONE_OBJECT, losses_of_a_short_training

from bench.errors import DataError
from bench.vision.architecture import V39, V39_BLOCKS, Architecture
from bench.vision.centermask import CenterMask, mask_overlaps, parts_inside
from bench.vision.checkpoint import load_network, new_detector, save_weights
from bench.vision.detector import TrainingTargets
from bench.vision.fcos import (
    CenterProposals,
    Locations,
    Predictions,
    centreness,
    focal_loss,
    generalised_iou,
    locations,
)
from bench.vision.heads import mask_targets

CPU = torch.device("cpu")
TINY = Architecture(
    one_stage=True,
    classes=2,
    stem=4,
    res2=16,
    blocks=(1, 1, 1, 1),
    pyramid=8,
    box_hidden=16,
    mask_hidden=8,
    shortest_side=64,
)
VOVNET = replace(TINY, vovnet=((6, 8), (6, 12), (8, 16), (8, 20)))


def levels(height: int, width: int) -> list[torch.Tensor]:
    return [torch.zeros(1, 1, -(-height // s), -(-width // s)) for s in (8, 16, 32, 64, 128)]


def place_of(at: Locations, x: float, y: float, stride: int) -> int:
    same = (at.places == torch.tensor([x, y])).all(1) & (at.strides == stride)
    (found,) = same.nonzero()[:, 0].tolist()
    return found


class TestTargets:
    def test_locations_are_the_middles_of_cells(self) -> None:
        at = locations(levels(128, 256))
        assert at.counts == (16 * 32, 8 * 16, 4 * 8, 2 * 4, 2)
        assert at.places[0].tolist() == [4, 4]
        assert at.places[at.counts[0]].tolist() == [8, 8]
        assert at.places[-1].tolist() == [192, 64]

    def test_a_box_is_asked_for_near_its_middle_on_the_level_of_its_size(self) -> None:
        at = locations(levels(128, 256))
        # 40 wide and 24 high around (100, 60): the finest level, as no side is 64 away
        boxes, classes = torch.tensor([[80.0, 48, 120, 72]]), torch.tensor([1])
        wanted, distances = CenterProposals(8, 2).targets(at, boxes, classes)
        inside = place_of(at, 100, 60, 8)
        assert wanted[inside] == 1
        assert (distances[inside] * 8).tolist() == [20, 12, 20, 12]
        assert wanted[place_of(at, 108, 68, 8)] == 1
        assert wanted[place_of(at, 116, 60, 8)] == 2  # 16 from the middle, above 1.5 strides
        assert wanted[place_of(at, 104, 56, 16)] == 2
        # at 92, 100 and 108 across, 52, 60 and 68 down
        assert int((wanted == 1).sum()) == 9

    def test_of_two_boxes_the_smaller_counts_and_far_ones_are_of_coarser_levels(self) -> None:
        at = locations(levels(256, 256))
        boxes = torch.tensor([[4.0, 4, 252, 252], [116, 116, 140, 140], [68, 68, 188, 188]])
        classes = torch.tensor([0, 1, 1])
        wanted, distances = CenterProposals(8, 2).targets(at, boxes, classes)
        here = place_of(at, 124, 124, 8)
        assert wanted[here] == 1
        assert (distances[here] * 8).tolist() == [8, 8, 16, 16]
        # The farthest side of the large box is 124 to 172 away.
        coarse = place_of(at, 144, 144, 32)
        assert wanted[coarse] == 0
        assert (distances[coarse] * 32).tolist() == [140, 140, 108, 108]

    def test_without_objects_all_is_background(self) -> None:
        at = locations(levels(64, 64))
        none = torch.zeros(0, 4), torch.zeros(0, dtype=torch.long)
        wanted, _ = CenterProposals(8, 2).targets(at, *none)
        assert (wanted == 2).all()


class TestLosses:
    def test_centreness(self) -> None:
        found = centreness(torch.tensor([[3.0, 5, 3, 5], [1, 4, 4, 4], [1, 1, 4, 4]]))
        assert found.tolist() == pytest.approx([1, 0.5, 0.25])

    def test_generalised_iou(self) -> None:
        one = torch.tensor([[2.0, 2, 2, 2]])
        assert generalised_iou(one, one).item() == pytest.approx(1)
        wide, high = torch.tensor([[4.0, 1, 4, 1]]), torch.tensor([[1.0, 4, 1, 4]])
        # 4 in common, 28 in the union, 64 in the hull
        assert generalised_iou(wide, high).item() == pytest.approx(4 / 28 - 36 / 64)

    def test_focal_loss(self) -> None:
        logit = math.log(3)  # a probability of 3/4
        for wanted, weight, wrong in ((1.0, 0.25, 0.25), (0.0, 0.75, 0.75)):
            loss = focal_loss(torch.tensor([logit]), torch.tensor([wanted]))
            assert loss.item() == pytest.approx(weight * wrong**2 * -math.log(1 - wrong))

    def test_what_is_said_right_costs_little(self) -> None:
        at = locations(levels(64, 64))
        heads = CenterProposals(8, 2)
        boxes, classes = torch.tensor([[16.0, 16, 48, 48]]), torch.tensor([1])
        wanted, distances = heads.targets(at, boxes, classes)
        logits = torch.full((1, len(wanted), 2), -20.0)
        logits[0, wanted == 1, 1] = 20
        centred = centreness(distances[wanted == 1])
        result = torch.zeros(1, len(wanted))
        result[0, wanted == 1] = torch.logit(centred, eps=1e-6)
        right = Predictions(logits, distances[None], result)
        losses = heads.losses(right, wanted[None], distances[None])
        assert float(losses["loss_fcos_cls"]) < 1e-6
        assert float(losses["loss_fcos_loc"]) == pytest.approx(0, abs=1e-5)
        entropy = torch.nn.functional.binary_cross_entropy(centred, centred)
        assert float(losses["loss_fcos_ctr"]) == pytest.approx(float(entropy), abs=1e-3)
        (found,) = heads.propose(right, at, (64, 64))
        assert found.classes.tolist() == [1]
        assert found.boxes[0].tolist() == pytest.approx([16, 16, 48, 48], abs=1e-3)
        assert found.scores[0] == pytest.approx(float(centred.max().sqrt()), abs=1e-4)

    def test_the_fit_of_a_mask_counts_what_lies_outside_its_box(self) -> None:
        """A box that holds the left half of an object, and a mask that fills the box."""
        mask = torch.zeros(1, 64, 64, dtype=torch.bool)
        mask[0, 16:48, 16:48] = True
        boxes, first = torch.tensor([[16.0, 16, 32, 48]]), torch.tensor([0])
        inside = parts_inside([mask], boxes, first, first, (64, 64))
        assert inside.tolist() == [0.5]
        wanted = mask_targets([mask], boxes, first, first, (64, 64))
        assert mask_overlaps(torch.ones_like(wanted), wanted, inside).tolist() == [0.5]


@pytest.mark.slow
@pytest.mark.parametrize("architecture", [TINY, VOVNET])
def test_a_short_training_lowers_each_loss(architecture: Architecture) -> None:
    torch.manual_seed(0)
    network = CenterMask(architecture)
    losses = losses_of_a_short_training(network, steps=80)
    first, last = losses[0], losses[-1]
    falling = {name for name in first if last[name] < first[name]}
    assert falling >= {"loss_fcos_cls", "loss_fcos_loc", "loss_mask"}
    # Masks are empty at first, and their fit is easily predicted: its loss rises before it falls.
    assert last["loss_maskiou"] < max(each["loss_maskiou"] for each in losses) / 5
    (found,) = network.eval().find_each(ONE_OBJECT)
    assert found.masks is not None
    assert len(found.masks) == len(found.scores)


def test_pictures_without_objects_have_losses(tmp_path: Path) -> None:
    torch.manual_seed(0)
    none = TrainingTargets(
        torch.zeros(0, 4), torch.zeros(0, dtype=torch.long), torch.zeros(0, 64, 64).bool()
    )
    losses = CenterMask(TINY).losses(torch.rand(2, 3, 64, 64), [none, none])
    assert all(loss.isfinite() for loss in losses.values())


def test_the_published_network_has_these_tensors() -> None:
    whole = Architecture(one_stage=True, classes=80, vovnet=V39, blocks=V39_BLOCKS)
    with torch.device("meta"):
        shapes = {k: tuple(v.shape) for k, v in new_detector(whole).state_dict().items()}
    for name, shape in {
        "backbone.fpn_lateral3.weight": (256, 512, 1, 1),
        "backbone.fpn_output5.bias": (256,),
        "backbone.top_block.p7.weight": (256, 256, 3, 3),
        "backbone.bottom_up.stage4.OSA4_1.ese.fc.weight": (768, 768, 1, 1),
        "proposal_generator.fcos_head.cls_tower.9.weight": (256, 256, 3, 3),
        "proposal_generator.fcos_head.bbox_tower.10.bias": (256,),
        "proposal_generator.fcos_head.cls_logits.weight": (80, 256, 3, 3),
        "proposal_generator.fcos_head.ctrness.bias": (1,),
        "proposal_generator.fcos_head.scales.4.scale": (1,),
        "roi_heads.mask_head.spatialAtt.conv.weight": (1, 2, 3, 3),
        "roi_heads.mask_head.deconv.weight": (256, 256, 2, 2),
        "roi_heads.mask_head.predictor.weight": (80, 256, 1, 1),
        "roi_heads.maskiou_head.maskiou_fcn1.weight": (256, 257, 3, 3),
        "roi_heads.maskiou_head.maskiou_fc1.weight": (1024, 256 * 49),
        "roi_heads.maskiou_head.maskiou.bias": (80,),
    }.items():
        assert shapes.get(name) == shape, name
    assert "backbone.fpn_lateral2.weight" not in shapes


def test_it_is_kept_and_not_taken_for_an_rcnn(tmp_path: Path) -> None:
    path = tmp_path / "it.safetensors"
    torch.manual_seed(0)
    save_weights(new_detector(TINY).half().float(), path)
    loaded = load_network(path, replace(Architecture(), one_stage=True), CPU)
    assert isinstance(loaded, CenterMask) and loaded.architecture == TINY
    with pytest.raises(DataError, match="CenterMask"):
        load_network(path, Architecture(), CPU)
    assert "one_stage" not in json.loads(replace(TINY, one_stage=False).to_json())
