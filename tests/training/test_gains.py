"""One network for all λ: trained at once, kept once, and a codec at each of them."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest
import torch
from fakes.recipes import TOGETHER, write_cards
from fakes.task import red_cityscapes
from PIL import Image
from support.command import Bench
from support.pictures import picture

from bench import api
from bench.codecs.families.ncn.checkpoint import SHARED, load_ncn, save_gains, save_ncn
from bench.codecs.families.ncn.network import NCN
from bench.errors import DataError
from bench.training.coding import Coding
from bench.training.gains import GainedCoding

NAMES = ("base", "task", "lsm", "frozen")


@pytest.fixture(scope="session")
def trained(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("together")
    cards = write_cards(folder / "cards", **dict.fromkeys(NAMES, TOGETHER))
    root = red_cityscapes(folder / "cityscapes", 3, 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_CACHE", str(cache))
        for name in NAMES:
            made = folder / "made" / name / "red"
            assert api.train(f"{cards}/{name}.toml:red", made, root=root).whole
    return folder


@pytest.fixture
def made(trained: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the weights, which BENCH_WEIGHTS names."""
    copied = Path(shutil.copytree(trained / "made", "made")).absolute()
    monkeypatch.setenv("BENCH_WEIGHTS", str(copied))
    return copied


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_each_point_codes_and_costs_a_small_file(
    bench: Bench, trained: Path, made: Path, name: str
) -> None:
    Image.fromarray(picture(0, 192, 128)).save("picture.png")
    weights = sorted((made / name / "red").glob("lambda_*.safetensors"))
    assert len(weights) == 2
    for path in weights:
        assert path.stat().st_size < (made / "base" / "red" / SHARED).stat().st_size / 4
        point, codec = path.stem.removeprefix("lambda_"), f"{trained}/cards/{name}.toml:red"
        result = bench("encode", "picture.png", "stream", "--codec", codec, "--point", point)
        assert result.status == 0, result.err
        assert bench("decode", "stream", "decoded.png", "--codec", codec).status == 0
        assert bench("decode", "stream", "again.png", "--weights", path).status == 0
        assert Path("decoded.png").read_bytes() == Path("again.png").read_bytes()


@pytest.mark.slow
def test_training_goes_on_from_its_checkpoint_and_validates_each_point(
    bench: Bench, trained: Path, made: Path
) -> None:
    folder = made / "task" / "red"
    with open(folder / "shared" / "validation.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    assert {"bpp, λ 1", "bpp, λ 3", "wap, λ 1", "wap, λ 3"} < row.keys()
    files = {path.name: path.read_bytes() for path in folder.glob("*.safetensors")}
    (folder / SHARED).unlink()
    command = ("train", f"{trained}/cards/task.toml:red", "--root", trained / "cityscapes")
    result = bench(*command, "--out", folder)
    assert result.status == 0, result.err
    assert files == {path.name: path.read_bytes() for path in folder.glob("*.safetensors")}


@pytest.mark.slow
def test_a_mask_on_a_frozen_network_has_the_gains_of_that_network(made: Path) -> None:
    for point in (1, 3):
        one, other = (
            load_ncn(made / name / "red" / f"lambda_{point}.safetensors")[0].state_dict()
            for name in ("task", "frozen")
        )
        assert all(one[name].equal(other[name]) for name in one)


@pytest.mark.parametrize("linear", [False, True])
def test_gains_scale_the_latent_and_undo_it(linear: bool, tmp_path: Path) -> None:
    torch.manual_seed(0)
    ncn = NCN(6, (4, 4, 6), 4, linear=linear)
    save_ncn(ncn, None, tmp_path / SHARED)
    gains = torch.tensor([0.5, 1, 2, 4, 0.25, 8])
    save_gains((gains, 1 / gains), None, tmp_path / "lambda_1.safetensors")
    shared, scaled = (load_ncn(tmp_path / name)[0] for name in (SHARED, "lambda_1.safetensors"))
    x = torch.rand(1, 3, 64, 64)
    y = shared.g_enc(x)
    assert torch.allclose(scaled.g_enc(x), y * gains[:, None, None], rtol=1e-4, atol=1e-6)
    assert torch.allclose(scaled.g_dec(scaled.g_enc(x)), shared.g_dec(y), rtol=1e-4, atol=1e-5)


def test_what_is_trained_is_what_a_point_codes(tmp_path: Path) -> None:
    """At each λ, the coding in training gives the picture and the rate of that λ's own file."""
    torch.manual_seed(0)
    coding = GainedCoding(NCN(6, (4, 4, 6), 4), None, [0.1, 0.4]).eval()
    with torch.no_grad():
        coding.encoder += 0.8 + 0.2 * torch.randn_like(coding.encoder)  # far from 0
    files = [tmp_path / f"lambda_{point:g}.safetensors" for point in coding.lambdas]
    coding.save(files, "")
    x = torch.rand(1, 3, 128, 128)
    with torch.no_grad():
        pictures, rates = zip(*(coding.weighted(x, [place]) for place in (0, 1)), strict=True)
        apart = (pictures[0] - pictures[1]).abs().mean()
        assert apart > 1e-3
        for place, (point, file) in enumerate(zip(coding.lambdas, files, strict=True)):
            for alone in (coding.at(place).eval(), Coding(*load_ncn(file)).eval()):
                decoded, rate = alone(x)
                assert (decoded - pictures[place]).abs().mean() < 0.1 * apart
                assert float(rates[place]) == pytest.approx(point * float(rate), rel=0.02)


def test_a_changed_or_missing_shared_file_is_one_line(tmp_path: Path) -> None:
    ncn = NCN(6, (4, 4, 6), 4)
    shared, point = tmp_path / SHARED, tmp_path / "lambda_1.safetensors"
    save_ncn(ncn, None, shared)
    save_gains((torch.ones(6), torch.ones(6)), None, point)
    with torch.no_grad():
        next(ncn.g_dec.parameters()).mul_(2)
    save_ncn(ncn, None, shared)
    with pytest.raises(DataError, match="has changed since"):
        load_ncn(point)
    shared.unlink()
    with pytest.raises(DataError, match="there is no"):
        load_ncn(point)


def test_a_batch_has_as_many_pictures_of_each_point(bench: Bench, tmp_path: Path) -> None:
    cards = write_cards(tmp_path / "cards", base=f"{TOGETHER}\nbatch = 3")
    text = (cards / "base.toml").read_text().replace("batch = 2\n", "")
    (cards / "base.toml").write_text(text)
    result = bench("train", f"{cards}/base.toml:red", "--root", tmp_path)
    assert result.status == 1
    assert "multiple of the number of lambdas" in result.err and result.err.count("\n") == 1


@pytest.mark.parametrize("instead", ["", "tune_steps = 2\ngains = true\n"])
def test_the_other_points_are_tuned_or_share_a_network(
    bench: Bench, tmp_path: Path, instead: str
) -> None:
    card = write_cards(tmp_path / "cards") / "base.toml"
    card.write_text(card.read_text().replace("tune_steps = 2\n", instead))
    result = bench("train", f"{card}:red", "--root", tmp_path)
    assert result.status == 1
    assert "'tune_steps' or 'gains'" in result.err and result.err.count("\n") == 1
