"""The NCN as its user meets it: weights found and named, one image coded, sweeps with others."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pandas
import pytest
from fakes.ncn import CARD, CHANNELS, STEPS, hand_made_lsm, hand_made_ncn
from PIL import Image
from support.command import Bench
from support.pictures import Pictures

from bench.codecs.catalog import load_codec, recognise
from bench.codecs.families.ncn.checkpoint import save_ncn
from bench.codecs.families.ncn.codec import NcnCodec
from bench.codecs.families.neural_stream import MODEL_DIGEST


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file for each λ, and one of each kind of LSMnet."""
    folder = tmp_path_factory.mktemp("ncn")
    (folder / "weights").mkdir()
    for number, step in STEPS.items():
        name = f"lambda_{number}".replace(".", "_")
        save_ncn(hand_made_ncn(step), None, folder / "weights" / f"{name}.safetensors")
    for kind in ("resnet", "vgg"):
        save_ncn(hand_made_ncn(1 / 9), hand_made_lsm(kind), folder / f"{kind}.safetensors")
    return folder


@pytest.fixture
def card(weights: Path, tmp_path: Path) -> Path:
    shutil.copytree(weights / "weights", tmp_path / "weights", copy_function=os.link)
    path = tmp_path / "mine.toml"
    path.write_text(CARD)
    return path


@pytest.fixture
def image(pictures: Pictures) -> Path:
    return next(pictures(1, 90, 70).iterdir())


@pytest.mark.slow
def test_points_are_the_files_by_rising_rate(card: Path) -> None:
    codec = load_codec(f"{card}:toyscapes")
    assert codec.name == "mine:toyscapes"
    assert codec.card.points["default"] == (0.04, 0.02)
    assert codec.missing() is None
    assert codec.remark() is None
    assert "2 of 3" in (load_codec(f"{card}:photographs").remark() or "")


@pytest.mark.slow
def test_a_picture_comes_back_without_a_word_on_its_weights(
    bench: Bench, weights: Path, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path("store") / "ncn-task" / "cityscapes"
    folder.mkdir(parents=True)
    shutil.copy(weights / "weights" / "lambda_0_02.safetensors", folder)
    with monkeypatch.context() as patch:
        patch.setenv("BENCH_WEIGHTS", "store")
        result = bench("encode", image, "a.ncn", "--codec", "ncn-task:cityscapes")
        assert result.status == 0, result.err
        assert "at 0.02" in result.out
        assert recognise(Path("a.ncn").read_bytes()) == "ncn-task:cityscapes"
        assert bench("decode", "a.ncn", "a.png").status == 0
    with Image.open("a.png") as opened:
        assert opened.size == (90, 70)
    result = bench("decode", "a.ncn", "b.png")
    assert result.status == 1
    assert "which no codec has here; name their file with --weights" in result.err
    assert not Path("b.png").exists()
    with_file = ("--weights", weights / "weights" / "lambda_0_02.safetensors")
    assert bench("decode", "a.ncn", "b.png", *with_file).status == 0
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()


@pytest.mark.slow
def test_a_stream_of_other_weights_is_refused(
    bench: Bench, weights: Path, card: Path, image: Path
) -> None:
    other = Path("other.safetensors")
    save_ncn(hand_made_ncn(1 / 7), None, other)
    assert bench("encode", image, "a.ncn", "--codec", card, "--weights", other).status == 0
    result = bench("decode", "a.ncn", "a.png", "--codec", f"{card}:toyscapes")
    assert result.status == 1
    assert "coded with other weights" in result.err


@pytest.mark.slow
def test_a_stream_of_an_earlier_release_names_it(bench: Bench, card: Path, image: Path) -> None:
    other = Path("other.safetensors")
    save_ncn(hand_made_ncn(1 / 7), None, other)
    assert bench("encode", image, "a.ncn", "--codec", card, "--weights", other).status == 0
    digest = NcnCodec.digest(other)[: 2 * MODEL_DIGEST]
    with card.open("a") as file:
        file.write(f'[weights.toyscapes.retired]\n"0.1" = ["000000", "{digest}"]\n')
    result = bench("decode", "a.ncn", "a.png", "--codec", f"{card}:toyscapes")
    assert result.status == 1
    assert "bench 0.1" in result.err
    assert digest in result.err
    assert bench("decode", "a.ncn", "a.png", "--codec", card, "--weights", other).status == 0


@pytest.mark.slow
def test_what_an_encoder_made_can_be_looked_at(bench: Bench, weights: Path, image: Path) -> None:
    own = ("--weights", weights / "resnet.safetensors")
    looked_at = ("--dump", "a.npz", "--save-mask", "mask.png")
    result = bench("encode", image, "a.ncn", "--codec", "ncn-lsm", *own, *looked_at)
    assert result.status == 0, result.err
    assert "ncn-lsm at resnet" in result.out  # the file's name says no λ
    made = np.load("a.npz")
    assert made["rec"].shape == (1, 3, 70, 90)
    assert made["rec"].dtype == np.float32
    for name in ("y_hat", "y_mu", "y_sigma", "alpha"):
        assert made[name].shape == (1, CHANNELS, 8, 8)
    assert made["z_hat"].shape == (1, CHANNELS // 2, 2, 2)
    estimate = (made["bits_y"] + made["bits_z"]) / 8
    assert Path("a.ncn").stat().st_size == pytest.approx(estimate, rel=0.005, abs=64)
    bench("decode", "a.ncn", "a.png", *own)
    decoded = np.asarray(Image.open("a.png"), float)
    shown = (made["rec"][0].clip(0, 1) * 255).transpose(1, 2, 0)
    assert np.abs(decoded - shown).max() < 0.51
    with Image.open("mask.png") as mask:
        assert mask.size == (90, 70)
        assert np.asarray(mask).max() <= 1  # it was made to mask next to nothing


def test_what_a_codec_has_not_is_not_written(bench: Bench, card: Path, image: Path) -> None:
    result = bench("encode", image, "a.ncn", "--codec", f"{card}:toyscapes", "--save-mask", "m.png")
    assert result.status == 1
    assert "no LSMnet" in result.err
    result = bench("encode", image, "a.jpg", "--codec", "jpeg", "--dump", "a.npz")
    assert result.status == 1
    assert "no latents" in result.err
    assert not Path("m.png").exists()
    assert not Path("a.npz").exists()


@pytest.mark.parametrize("codec", ["ncn-hvs", "ncn-lsm", "ncn-lsm-vgg"])
def test_weights_of_another_kind_are_refused(
    bench: Bench, weights: Path, image: Path, codec: str
) -> None:
    files = {"ncn-hvs": "resnet", "ncn-lsm": "vgg", "ncn-lsm-vgg": "resnet"}
    file = weights / f"{files[codec]}.safetensors"
    result = bench("encode", image, "a.ncn", "--codec", codec, "--weights", file)
    assert result.status == 1
    assert f"{file}: weights of an NCN with an LSMnet" in result.err


def test_a_card_s_file_may_have_a_colon(card: Path) -> None:
    there = card.rename("my:own.toml")
    assert load_codec(str(there)).name == "my:own"
    assert load_codec(f"{there}:toyscapes").missing() is None


def test_which_weights_has_to_be_clear(bench: Bench, card: Path, pictures: Pictures) -> None:
    folder = pictures()
    result = bench("run", "--codec", card, "--data", folder)
    assert result.status == 1
    assert "which weights? say mine:toyscapes or mine:photographs" in result.err
    result = bench("run", "--codec", f"{card}:paintings", "--data", folder)
    assert result.status == 1
    assert "mine: no weights 'paintings'; there are toyscapes, photographs" in result.err
    result = bench("show", "jpeg:toyscapes")
    assert result.status == 1
    assert "jpeg: it has no weights to choose from" in result.err


def test_two_files_of_one_point_are_refused(bench: Bench, card: Path) -> None:
    shutil.copy("weights/lambda_0_02.safetensors", "weights/again_lambda_0.02.safetensors")
    result = bench("show", f"{card}:toyscapes")
    assert result.status == 1
    assert "both of point 0.02; remove one" in result.err


def test_what_is_not_there_is_told_with_its_place(bench: Bench) -> None:
    result = bench("show", "ncn-lsm")
    assert result.status == 0
    message = " ".join(result.out.split())
    assert "put the 4 files of NCN+L_TASK+LSMnet+CS (*lambda_<λ>.pth.tar)" in message
    assert "https://github.com/FAU-LMS/NCN_for_M2M" in message
    assert "ncn-lsm/cityscapes" in message
    result = bench("doctor", "-v")
    assert "NCN+L_TASK+LSMnet+CS" in " ".join(result.out.split())


@pytest.mark.slow
def test_families_mix_in_a_sweep(bench: Bench, card: Path, pictures: Pictures) -> None:
    folder = pictures(2, 70, 66)
    quick = ("--metric", "psnr_rgb")
    result = bench(
        *("run", "--codec", f"{card}:toyscapes", "--codec", "jpeg", "--data", folder, *quick),
        *("--points", "mine=0.02", "--points", "jpeg=10,40"),
    )
    assert result.status == 0, result.err
    assert bench("export", "--out", "records.csv").status == 0
    table = pandas.read_csv("records.csv")
    assert set(table.codec) == {"mine:toyscapes", "jpeg"}
    ours = table[table.codec == "mine:toyscapes"]
    assert (ours.psnr_rgb > 20).all()
    assert (ours.decode_cpu < 5).all()  # loading is not decoding
    again = bench("run", "--codec", f"{card}:toyscapes", "--data", folder, *quick)
    assert "2 encoded" in again.err  # λ 0.04
    result = bench("report", "--codec", "mine", "--anchor", "jpeg")
    assert result.status == 0, result.err
    assert "mine:toyscapes" in result.out
