"""VoVNet backbones: published names and shapes, strides, and what a block computes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as functional
from support.short_training import losses_of_a_short_training

from bench.errors import DataError
from bench.vision.architecture import V39, V39_BLOCKS, Architecture
from bench.vision.checkpoint import load_network, save_weights
from bench.vision.rcnn import RCNN
from bench.vision.vovnet import Aggregation, VoVNet

CPU = torch.device("cpu")
NARROW = ((6, 8), (6, 12), (8, 16), (8, 20))
TINY = Architecture(
    stem=4,
    vovnet=NARROW,
    blocks=V39_BLOCKS,
    pyramid=8,
    box_hidden=16,
    mask_hidden=8,
    proposals_before=(200, 100),
    proposals=100,
    region_samples=64,
    shortest_side=64,
)


def test_the_published_network_has_these_tensors() -> None:
    with torch.device("meta"):
        shapes = {k: tuple(v.shape) for k, v in VoVNet(64, V39, V39_BLOCKS).state_dict().items()}
    assert shapes["stem.stem_1/conv.weight"] == (64, 3, 3, 3)
    assert shapes["stem.stem_3/conv.weight"] == (128, 64, 3, 3)
    assert shapes["stage2.OSA2_1.layers.0.OSA2_1_0/conv.weight"] == (128, 128, 3, 3)
    assert shapes["stage3.OSA3_1.layers.4.OSA3_1_4/norm.running_var"] == (160,)
    assert shapes["stage3.OSA3_1.concat.OSA3_1_concat/conv.weight"] == (512, 1056, 1, 1)
    assert shapes["stage5.OSA5_2.ese.fc.bias"] == (1024,)
    assert "stage4.OSA4_3.ese.fc.bias" not in shapes
    # Six blocks of five convolutions and one of 1x1, with five tensors each, and eSE's two; the
    # stem has three convolutions.
    assert len(shapes) == 6 * (6 * 5 + 2) + 3 * 5


def test_features_are_at_a_quarter_to_a_32nd() -> None:
    x = torch.rand(2, 3, 64, 96)
    features = VoVNet(4, NARROW, V39_BLOCKS)(x)
    assert [tuple(each.shape) for each in features] == [
        (2, 8, 16, 24),
        (2, 12, 8, 12),
        (2, 16, 4, 6),
        (2, 20, 2, 3),
    ]


def test_a_block_gathers_all_of_its_layers_once() -> None:
    torch.manual_seed(0)
    block = Aggregation("it", 3, 2, 3, passes=True)
    x = torch.rand(1, 3, 5, 7)
    gathered, last = [x], x
    for index, layer in enumerate(block.layers):
        convolution = dict(layer.named_children())[f"it_{index}/conv"]
        last = functional.relu(functional.conv2d(last, convolution.weight, padding=1))
        gathered.append(last / (1 + 1e-5) ** 0.5)  # a norm that has learnt nothing
        last = gathered[-1]
    weight = block.concat.get_parameter("it_concat/conv.weight")
    joined = functional.conv2d(torch.cat(gathered, 1), weight) / (1 + 1e-5) ** 0.5
    joined = functional.relu(joined)
    means = joined.mean((2, 3))
    scores = means @ block.ese.fc.weight[:, :, 0, 0].T + block.ese.fc.bias
    weights = ((scores + 3).clamp(0, 6) / 6)[:, :, None, None]
    assert torch.allclose(block(x), joined * weights + x, atol=1e-5)


def test_it_is_kept_with_its_widths_and_an_older_file_is_a_resnet(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = RCNN(TINY).half().float()
    save_weights(network, tmp_path / "it.safetensors")
    loaded = load_network(tmp_path / "it.safetensors", Architecture(), CPU)
    assert loaded.architecture == TINY
    for name, tensor in network.state_dict().items():
        assert loaded.state_dict()[name].equal(tensor), name
    resnet = json.loads(replace(TINY, vovnet=()).to_json())
    assert "vovnet" not in resnet


@pytest.mark.parametrize("vovnet", [[[6, 8]], [[6, 8]] * 5, [[6, 0]] * 4, "V39"])
def test_impossible_widths_are_refused(vovnet: object, tmp_path: Path) -> None:
    path = tmp_path / "it.safetensors"
    save_weights(RCNN(replace(TINY, vovnet=())), path)
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    architecture = json.loads(header["__metadata__"]["architecture"]) | {"vovnet": vovnet}
    header["__metadata__"]["architecture"] = json.dumps(architecture)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length :])
    with pytest.raises(DataError, match="vovnet"):
        load_network(path, Architecture(), CPU)


@pytest.mark.slow
def test_a_short_training_lowers_each_loss() -> None:
    torch.manual_seed(0)
    network = RCNN(replace(TINY, classes=2))
    losses = losses_of_a_short_training(network, steps=60)
    first, last = losses[0], losses[-1]
    # Boxes have a loss only where an anchor or a proposal is an object's, which few are at first.
    assert {name for name in first if last[name] < first[name]} >= {"loss_cls", "loss_rpn_cls"}
    assert last["loss_mask"] < 0.8 * first["loss_mask"]
