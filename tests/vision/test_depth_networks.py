"""Networks that tell what is near: the published formats of their weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from bench.errors import DataError
from bench.vision.depth import load_depth_network

SIDES = (45, 70)  # neither is a multiple of 32
GROWTH, STEM = 4, 8
NORM = ("gamma", "beta", "moving_mean", "moving_variance")


def densedepth() -> dict[str, NDArray[np.float32]]:
    """The arrays of a narrow DenseDepth in Keras's order, by layer and name, seeded."""
    rng = np.random.default_rng(5)
    arrays: dict[str, NDArray[np.float32]] = {}

    def convolution(name: str, inputs: int, outputs: int, side: int, bias: bool = False) -> int:
        values = rng.normal(0, (side * side * inputs) ** -0.5, (side, side, inputs, outputs))
        arrays[f"{name}/kernel:0"] = values
        if bias:
            arrays[f"{name}/bias:0"] = rng.normal(0, 0.1, outputs)
        return outputs

    def norm(name: str, channels: int) -> None:
        for part in NORM:
            arrays[f"{name}/{part}:0"] = rng.uniform(0.5, 1.5, channels)

    channels = convolution("conv1/conv", 3, STEM, 7)
    norm("conv1/bn", channels)
    for stage in range(2, 6):
        for block in (1, 2):
            name = f"conv{stage}_block{block}"
            norm(f"{name}_0_bn", channels)
            convolution(f"{name}_1_conv", channels, 4 * GROWTH, 1)
            norm(f"{name}_1_bn", 4 * GROWTH)
            channels += convolution(f"{name}_2_conv", 4 * GROWTH, GROWTH, 3)
        if stage < 5:
            norm(f"pool{stage}_bn", channels)
            channels = convolution(f"pool{stage}_conv", channels, channels // 2, 1)
    norm("bn", channels)
    convolution("conv2", channels, channels, 1, bias=True)
    for step in range(1, 5):  # each stage before has half of 8 + 2 * 4 channels, as the stem
        outputs = convolution(f"up{step}_convA", channels + STEM, max(2, channels // 2), 3, True)
        channels = convolution(f"up{step}_convB", outputs, outputs, 3, True)
    convolution("conv3", channels, 1, 3, bias=True)
    arrays["conv3/bias:0"] += 20  # into the range of its output
    return arrays


def write(path: Path, arrays: dict[str, NDArray[np.float32]], group: str = "model_weights") -> Path:
    """As Keras writes them: each layer's name twice."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            layer, array = name.rsplit("/", 1)
            file[f"{group}/{layer}/{layer}/{array}"] = values.astype(np.float32)
    return path


@pytest.fixture
def pixels() -> NDArray[np.uint8]:
    return np.random.default_rng(2).integers(0, 256, (*SIDES, 3), np.uint8)


def test_densedepth_in_the_published_format_tells_what_is_near(
    tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    arrays = densedepth()
    near = load_depth_network(write(tmp_path / "nyu.h5", arrays))(pixels)
    assert near.shape == SIDES and near.dtype == np.float32
    assert near.min() >= 1 and near.max() <= 100
    assert near.std() > 0
    arrays["conv3/kernel:0"] *= -1
    arrays["conv3/bias:0"] = 40 - arrays["conv3/bias:0"]
    other = load_depth_network(write(tmp_path / "turned.h5", arrays))(pixels)
    assert np.allclose(near + other, 40, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("conv3_block1_1_conv/kernel:0", "conv3_block1_1_conv/kernel"),
        ("conv4_block2_1_bn/gamma:0", "conv4_block2_1_bn/gamma"),
        ("up2_convB/bias:0", "up2_convB/bias"),
    ],
)
def test_an_array_that_is_missing_or_of_another_shape_is_named(
    name: str, says: str, tmp_path: Path
) -> None:
    arrays = densedepth()
    short = dict(arrays)
    del short[name]
    with pytest.raises(DataError, match=says):
        load_depth_network(write(tmp_path / "short.h5", short))
    arrays[name] = arrays[name][..., :-1, :] if arrays[name].ndim > 1 else arrays[name][:-1]
    with pytest.raises(DataError, match=says):
        load_depth_network(write(tmp_path / "other.h5", arrays))


def test_an_array_of_no_layer_is_refused(tmp_path: Path) -> None:
    arrays = densedepth() | {"top/kernel:0": np.ones((2, 2), np.float32)}
    with pytest.raises(DataError, match="top/kernel"):
        load_depth_network(write(tmp_path / "more.h5", arrays))


def test_a_file_that_is_no_hdf5_and_one_cut_short_are_refused(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.h5", densedepth()).read_bytes()
    for content in (b"", b"not weights", whole[: len(whole) // 2]):
        path = tmp_path / "it.h5"
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"it\.h5"):
            load_depth_network(path)


def test_a_file_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "depth.bin"
    path.write_bytes(b"1")
    with pytest.raises(DataError, match="not a depth network"):
        load_depth_network(path)


@pytest.mark.parametrize("kind", ["dpt", "glpn"])
def test_a_model_of_transformers_is_read_from_its_folder(
    kind: str, tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    if kind == "glpn":
        config = transformers.GLPNConfig(
            num_encoder_blocks=4,
            depths=[1] * 4,
            hidden_sizes=[8] * 4,
            num_attention_heads=[1] * 4,
            decoder_hidden_size=8,
        )
        model = transformers.GLPNForDepthEstimation(config)
        prepare = transformers.GLPNImageProcessor()
    else:
        config = transformers.DPTConfig(
            hidden_size=16,
            num_hidden_layers=4,
            num_attention_heads=2,
            intermediate_size=16,
            image_size=64,
            backbone_out_indices=[0, 1, 2, 3],
            neck_hidden_sizes=[8] * 4,
            fusion_hidden_size=8,
        )
        model = transformers.DPTForDepthEstimation(config)
        prepare = transformers.DPTImageProcessor(size={"height": 64, "width": 64})
    model.save_pretrained(tmp_path / "it")
    prepare.save_pretrained(tmp_path / "it")
    near = load_depth_network(tmp_path / "it")(pixels)
    assert near.shape == SIDES
    with torch.no_grad():
        values = model(**prepare(images=pixels, return_tensors="pt")).predicted_depth
    sign = -1 if kind == "glpn" else 1
    assert float(near.mean()) == pytest.approx(sign * float(values.mean()), rel=0.1)
