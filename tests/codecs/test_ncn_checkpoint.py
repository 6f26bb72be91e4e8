"""What a file of an NCN's weights may hold, and how any other is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from oracles.ncn import Weights, narrow_lsm_weights, ncn_weights, save_checkpoint
from support.pictures import picture
from torch import Tensor

from bench.codecs.families.ncn.checkpoint import decoder_digest, load_ncn, save_ncn
from bench.codecs.families.ncn.masking import LSMnet, vgg_lsm
from bench.codecs.families.ncn.model import load_model
from bench.codecs.families.ncn.network import NCN
from bench.errors import DataError
from bench.runtime.cache import file_digest

PRIOR = "LSUnits.0.priorNetwork"
CAUSAL = f"{PRIOR}.autoregressive"


def load(weights: Weights, folder: Path) -> tuple[NCN, LSMnet | None]:
    return load_ncn(save_checkpoint(weights, folder / "narrow.pth.tar"))


class TestFiles:
    def test_the_inputs_that_are_always_zero_may_be_missing_or_anything(
        self, tmp_path: Path
    ) -> None:
        n = 8
        weights = ncn_weights(n)
        without, with_noise = dict(weights), dict(weights)
        for name, live, dead in (
            ("LSUnits.0.LSGen", np.s_[:, :n], np.s_[:, n:]),
            ("LSUnits.0.deconvDec", np.s_[n:], np.s_[:n]),
            (f"{PRIOR}.encoder_first", np.s_[:, :n], np.s_[:, n:]),
            (f"{PRIOR}.decoder_final", np.s_[:, : 2 * n], np.s_[:, 2 * n :]),
        ):
            weight = weights[f"{name}.weight"]
            without[f"{name}.weight"] = weight[live].copy()
            with_noise[f"{name}.weight"] = weight.copy()
            with_noise[f"{name}.weight"][dead] = 1e9
        assert_same(load(without, tmp_path)[0], load(weights, tmp_path)[0])
        assert_same(load(with_noise, tmp_path)[0], load(weights, tmp_path)[0])

    def test_what_is_masked_may_be_missing_or_anything(self, tmp_path: Path) -> None:
        weights = ncn_weights(8)
        without = {name: values for name, values in weights.items() if ".mask" not in name}
        zeroed = dict(without)
        for layer in ("conv1", "conv2", "conv3"):
            name = f"{CAUSAL}.{layer}"
            zeroed[f"{name}.weight"] = weights[f"{name}.weight"] * ~weights[f"{name}.mask"]
        z_hat = torch.arange(4 * 5 * 7.0).reshape(1, 4, 5, 7) % 11 - 5
        wanted = load(weights, tmp_path)[0].z_prior(z_hat)
        for other in (without, zeroed):
            mu, raw = load(other, tmp_path)[0].z_prior(z_hat)
            assert torch.equal(mu, wanted[0]) and torch.equal(raw, wanted[1])

    @pytest.mark.parametrize("linear", [False, True])
    def test_layers_are_as_wide_as_their_shapes_tell(self, tmp_path: Path, linear: bool) -> None:
        torch.manual_seed(0)
        wanted = NCN(12, (4, 6, 8), 6, linear=linear).half().float()
        path = tmp_path / "narrow.safetensors"
        save_ncn(wanted, None, path)
        ncn, lsm = load_ncn(path)
        assert lsm is None
        assert ncn.layout == wanted.layout
        assert decoder_digest(ncn) == decoder_digest(wanted)
        x = torch.rand(1, 3, 64, 128)
        y = wanted.g_enc(x)
        assert y.shape == (1, 12, 4, 8)
        assert torch.allclose(ncn.g_enc(x), y, atol=1e-5)
        assert torch.allclose(ncn.g_dec(y), wanted.g_dec(y), atol=1e-5)

    def test_streams_of_narrow_layers_decode_to_their_latents(self, tmp_path: Path) -> None:
        torch.manual_seed(0)
        path = tmp_path / "narrow.safetensors"
        save_ncn(NCN(12, (4, 6, 8), 6, linear=True), None, path)
        model = load_model(path, file_digest(path))
        pixels = picture(0, 100, 70)
        checksum, body = model.compress(pixels)
        assert model.decompress(body, 100, 70)[0] == checksum
        y_hat, z_hat = model.analyse(pixels).whole()
        assert (len(y_hat), len(z_hat)) == (12, 3)

    def test_are_ready_to_code(self, tmp_path: Path) -> None:
        ncn, lsm = load(narrow_lsm_weights(), tmp_path)
        assert lsm is not None
        for network in (ncn, lsm):
            assert not network.training
            assert not any(parameter.requires_grad for parameter in network.parameters())

    def test_the_branch_is_as_deep_and_wide_as_its_names_and_shapes_tell(
        self, tmp_path: Path
    ) -> None:
        weights = narrow_lsm_weights()
        _, lsm = load(weights, tmp_path)
        assert lsm is not None
        x = torch.rand(1, 3, 64, 128)
        assert lsm(x).shape == (1, 8, 4, 8)
        state = lsm.state_dict()
        assert len(state) == sum("parallelBranch" in n or "ToMask" in n for n in weights)

    @pytest.mark.slow
    def test_a_vgg_branch_has_the_numbers_that_torchvision_gives(self, tmp_path: Path) -> None:
        wanted = vgg_lsm(8)
        weights = ncn_weights(8)
        layers = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
        drawn = iter(wanted.state_dict().values())
        for layer in (*(f"parallelBranch.{n}" for n in layers), "LSUnits.0.resNetToMask.0"):
            for part in ("weight", "bias"):
                weights[f"{layer}.{part}"] = next(drawn).numpy()
        assert weights["parallelBranch.28.weight"].shape == (512, 512, 3, 3)
        _, lsm = load(weights, tmp_path)
        assert lsm is not None
        assert_same(lsm, wanted)
        x = torch.rand(1, 3, 64, 64)
        normal = (x - torch.tensor([0.485, 0.456, 0.406])[:, None, None]) / torch.tensor(
            [0.229, 0.224, 0.225]
        )[:, None, None]
        with torch.inference_mode():
            by_hand = torch.sigmoid(wanted.to_alpha(wanted.features(normal)))
            np.testing.assert_allclose(lsm(x), by_hand, atol=1e-5)


def assert_same(one: torch.nn.Module, other: torch.nn.Module) -> None:
    mine, theirs = one.state_dict(), other.state_dict()
    assert list(mine) == list(theirs)
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)


Change = Callable[[Weights], Weights]


def with_tensor(name: str, values: NDArray[Any] | np.generic | float) -> Change:
    return lambda weights: {**weights, name: np.asarray(values)}


def without_tensors(start: str) -> Change:
    return lambda weights: {name: v for name, v in weights.items() if not name.startswith(start)}


def with_one(name: str, value: float) -> Change:
    def change(weights: Weights) -> Weights:
        values = weights[name].copy()
        values.flat[-1] = value
        return {**weights, name: values}

    return change


def past_of(size: int) -> NDArray[np.bool_]:
    return np.arange(size * size).reshape(size, size) >= size * size // 2


REFUSED: dict[str, tuple[Change, str]] = {
    "missing": (without_tensors("decoder.1.bias"), "no decoder.1.bias 8, one of 1 "),
    "missing GDN": (
        without_tensors(f"{PRIOR}.decoder_GDN.1"),
        rf"no {PRIOR}.decoder_GDN.1.beta 16, one of 2 ",
    ),
    "misshapen": (
        with_tensor("encoder.1.weight", np.zeros((8, 8, 3, 3), np.float32)),
        "encoder.1.weight is 8×8×3×3, expected 8×8×5×5",
    ),
    "half of another": (
        with_tensor("LSUnits.0.LSGen.weight", np.zeros((8, 12, 5, 5), np.float32)),
        "LSUnits.0.LSGen.weight is 8×12×5×5",
    ),
    "not a number": (
        with_one(f"{PRIOR}.encoder_GDN.0.beta", np.nan),
        f"{PRIOR}.encoder_GDN.0.beta has values that are not finite numbers",
    ),
    "infinite": (
        with_one("LSUnits.0.resNetToMask.0.bias", np.inf),
        "LSUnits.0.resNetToMask.0.bias has values that are not finite numbers",
    ),
    "whole numbers": (
        with_tensor("decoder.2.bias", np.zeros(3, np.int64)),
        "decoder.2.bias has values",
    ),
    "surplus": (
        with_tensor("decoder.3.weight", np.zeros(5, np.float32)),
        "decoder.3.weight 5, one of 1 unexpected tensors",
    ),
    "branch without use": (
        without_tensors("LSUnits.0.resNetToMask.0"),
        "parallelBranch.0.conv1.weight 8×3×7×7, one of .* unexpected",
    ),
    "mask of type B": (with_one(f"{CAUSAL}.conv2.mask", 0), f"{CAUSAL}.conv2.mask masks other"),
    "larger mask": (
        with_tensor(f"{CAUSAL}.conv1.mask", past_of(5)),
        f"{CAUSAL}.conv1.mask masks other",
    ),
    "mask of one": (with_tensor(f"{CAUSAL}.conv3.mask", True), f"{CAUSAL}.conv3.mask masks other"),
    "branch without stages": (
        lambda weights: without_tensors("parallelBranch.1")(
            without_tensors("parallelBranch.2")(without_tensors("parallelBranch.3")(weights))
        ),
        "no parallelBranch.1.0.shortcut.weight",
    ),
    "branch without a stage": (without_tensors("parallelBranch.2"), "parallelBranch.2"),
    "branch without a block": (
        without_tensors("parallelBranch.2.0"),
        "no parallelBranch.2.0.shortcut.weight",
    ),
    "no branch": (without_tensors("parallelBranch"), "no parallelBranch.0.weight 64×3×3×3"),
    "branch with a far layer": (
        with_tensor("parallelBranch.1.1000000000.conv1.weight", np.zeros(1, np.float32)),
        "parallelBranch.1.1000000000.conv1.weight 1, one of 1 unexpected",
    ),
    "stem of one": (
        with_tensor("parallelBranch.0.conv1.weight", np.float32(1)),
        r"parallelBranch.0.conv1.weight is \(one number\)",
    ),
    "block of one": (
        with_tensor("parallelBranch.1.0.conv3.weight", np.float32(1)),
        "parallelBranch.1.0.*one number|parallelBranch.1.0.*, expected",
    ),
    "no first layer": (without_tensors("encoder.0"), "no encoder.0.weight .* of an NCN"),
    "another first layer": (
        with_tensor("encoder.0.weight", np.zeros((500, 3, 7, 7), np.float32)),
        "no encoder.0.weight N×3×5×5: not the weights of an NCN",
    ),
    "one channel": (
        with_tensor("encoder.0.weight", np.zeros((1, 3, 5, 5), np.float32)),
        "no encoder.0.weight N×3×5×5: not the weights of an NCN",
    ),
    "another width": (
        with_tensor("encoder.0.weight", np.zeros((12, 3, 5, 5), np.float32)),
        "expected 12",
    ),
}


def narrow_vgg_weights() -> Weights:
    """Two convolutions, a halving between them."""
    weights = ncn_weights(8)
    for layer, outputs, inputs in (("0", 4, 3), ("3", 6, 4)):
        weights[f"parallelBranch.{layer}.weight"] = np.ones((outputs, inputs, 3, 3), np.float32)
        weights[f"parallelBranch.{layer}.bias"] = np.ones(outputs, np.float32)
    weights["LSUnits.0.resNetToMask.0.weight"] = np.ones((8, 6, 1, 1), np.float32)
    weights["LSUnits.0.resNetToMask.0.bias"] = np.ones(8, np.float32)
    return weights


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without_tensors("parallelBranch.3"), "resNetToMask.0.weight is 8×6×1×1, expected 8×4×1×1"),
        (without_tensors("parallelBranch.0.bias"), "no parallelBranch.0.bias 4"),
        (with_tensor("parallelBranch.3.weight", 1.0), "parallelBranch.3"),
        (
            with_tensor("parallelBranch.1000000000.weight", np.zeros((6, 6, 3, 3), np.float32)),
            "parallelBranch.1000000000.weight 6×6×3×3, one of 1 unexpected",
        ),
    ],
)
def test_another_vgg_branch_is_refused_in_a_line(
    change: Change, message: str, tmp_path: Path
) -> None:
    weights = narrow_vgg_weights()
    load(weights, tmp_path)
    with pytest.raises(DataError, match=message):
        load(change(weights), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", REFUSED)
def test_other_weights_are_refused_in_a_line(name: str, tmp_path: Path) -> None:
    change, message = REFUSED[name]
    weights = narrow_lsm_weights()
    load(weights, tmp_path)
    with pytest.raises(DataError, match=message) as raised:
        load(change(weights), tmp_path)
    assert str(raised.value).startswith(f"{tmp_path / 'narrow.pth.tar'}: ")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        (b"", "empty"),
        (b"hello", "not a checkpoint"),
        ({"conv1.weight": torch.zeros(3)}, "not the weights of an NCN"),
        ({"encoder.0.weight": torch.zeros(3)}, "not the weights of an NCN"),
        ({"encoder.0.weight": 7}, "not a tensor"),
    ],
)
def test_a_file_that_is_no_ncn_is_refused_in_a_line(
    content: bytes | dict[str, Tensor] | None, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "other.pth.tar"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(DataError, match=message) as raised:
        load_ncn(path)
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)


def test_a_file_that_was_cut_is_refused_in_a_line(tmp_path: Path) -> None:
    path = save_checkpoint(ncn_weights(8), tmp_path / "cut.pth.tar")
    path.write_bytes(path.read_bytes()[:-4000])
    with pytest.raises(DataError, match=r"cut\.pth\.tar: damaged"):
        load_ncn(path)
