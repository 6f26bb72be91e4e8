"""Codecs are trained by their cards' recipes: what is to learn learns, and nothing else does."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from fakes.recipes import write_cards
from fakes.task import red_cityscapes
from PIL import Image
from support.command import Bench
from support.pictures import picture
from torch import Tensor, nn

from bench import api
from bench.codecs.catalog import card_paths, read_card
from bench.codecs.families.inference import to_pixels, to_tensor
from bench.codecs.families.ncn.checkpoint import load_ncn
from bench.codecs.families.ncn.masking import new_lsm
from bench.codecs.families.ncn.network import NCN
from bench.metrics.ms_ssim import ms_ssim as measured_ms_ssim
from bench.metrics.psnr import psnr
from bench.tasks.task import task_network
from bench.training import session
from bench.training.codec_recipe import read_recipe
from bench.training.coding import Coding
from bench.training.distortions import Distortion, feature, hvs, ms_ssim, task
from bench.training.loop import Training, TrainingProgress
from bench.vision.detector import TrainingTargets


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Labelled pictures large enough to be cut."""
    return red_cityscapes(tmp_path / "cityscapes", count=3, enlarged=2)


@pytest.fixture
def cards(tmp_path: Path) -> Path:
    return write_cards(tmp_path / "cards")


@pytest.fixture(scope="session")
def trained(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of the cards, trained in their order, once for all tests."""
    folder = tmp_path_factory.mktemp("trained")
    cards, root = write_cards(folder / "cards"), red_cityscapes(folder / "cityscapes", 3, 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_CACHE", str(cache))
        for name in ("base", "feature", "task", "lsm", "frozen"):
            made = folder / "made" / name / "red"
            assert api.train(f"{cards}/{name}.toml:red", made, root=root).whole
    return folder / "made"


@pytest.fixture
def made(trained: Path) -> Path:
    """A copy of them, in a folder that BENCH_WEIGHTS may name."""
    return Path(shutil.copytree(trained, "made"))


def tensors(path: Path) -> dict[str, Tensor]:
    ncn, lsm = load_ncn(path)
    named = {f"ncn.{name}": tensor for name, tensor in ncn.state_dict().items()}
    own = {} if lsm is None else lsm.state_dict()
    return named | {f"lsm.{name}": tensor for name, tensor in own.items()}


def changed(one: Path, other: Path) -> set[str]:
    before, after = tensors(one), tensors(other)
    return {name for name in before.keys() & after if not before[name].equal(after[name])}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["feature", "lsm", "frozen"])
def test_each_recipe_makes_weights_that_code(
    bench: Bench, cards: Path, made: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = sorted((made / name / "red").glob("lambda_*.safetensors"))
    assert all((path.with_suffix("") / "training.png").is_file() for path in weights)
    monkeypatch.setenv("BENCH_WEIGHTS", str(made.absolute()))
    Image.fromarray(picture(0, 192, 128)).save("picture.png")
    codec, point = f"{cards}/{name}.toml:red", "80" if name == "feature" else "1"
    result = bench("encode", "picture.png", "stream", "--codec", codec, "--point", point)
    assert result.status == 0, result.err
    assert bench("decode", "stream", "decoded.png", "--codec", codec).status == 0


@pytest.mark.slow
def test_validation_foretells_what_is_measured(bench: Bench, made: Path, root: Path) -> None:
    weights = made / "task" / "red" / "lambda_1.safetensors"
    with open(weights.with_suffix("") / "validation.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    rates, qualities = [], []
    for path in root.rglob("*_leftImg8bit.png"):
        code = ("encode", path, "stream", "--codec", "ncn-task", "--weights", weights)
        assert bench(*code).status == 0
        assert bench("decode", "stream", "decoded.png", "--weights", weights).status == 0
        original, decoded = (np.asarray(Image.open(each)) for each in (path, "decoded.png"))
        rates.append(Path("stream").stat().st_size * 8 / original[..., 0].size)
        qualities.append(psnr(original, decoded))
    assert float(row["bpp"]) == pytest.approx(np.mean(rates), rel=0.05)
    assert float(row["psnr"]) == pytest.approx(np.mean(qualities), abs=0.05)
    assert 0 <= float(row["wap"]) <= 1


@pytest.mark.parametrize("path", [path for path in card_paths().values() if "ncn" in path.stem])
def test_every_shipped_recipe_can_be_read(path: Path) -> None:
    trained_for = read_card(path.stem).training
    assert trained_for
    for its_set in trained_for:
        _, recipe = read_recipe(f"{path.stem}:{its_set}")
        assert len(recipe.lambdas) == 4


@pytest.mark.slow
def test_what_a_recipe_does_not_train_stays_as_it_is(made: Path) -> None:
    task_1, task_3 = (made / "task" / "red" / f"lambda_{n}.safetensors" for n in (1, 3))
    assert len(changed(task_1, task_3)) > 30  # one is tuned from the other
    frozen_1, frozen_3 = (made / "frozen" / "red" / f"lambda_{n}.safetensors" for n in (1, 3))
    assert not changed(task_1, frozen_1)
    assert not changed(task_3, frozen_3)
    to_alpha = "lsm.to_alpha.weight"
    assert to_alpha in changed(frozen_1, frozen_3)
    both = changed(*((made / "lsm" / "red" / f"lambda_{n}.safetensors") for n in (1, 3)))
    assert {to_alpha, "ncn.g_enc.0.weight"} < both
    assert not {name for name in both if name.startswith("lsm.features")}


@pytest.mark.slow
def test_a_frozen_ncn_is_not_kept_twice(bench: Bench, cards: Path, made: Path) -> None:
    mask = made / "frozen" / "red" / "lambda_1.safetensors"
    base = made / "task" / "red" / "lambda_1.safetensors"
    assert mask.stat().st_size < base.stat().st_size / 4
    content = base.read_bytes()
    base.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    Image.fromarray(picture(0, 64, 64)).save("picture.png")
    coding = ("encode", "picture.png", "stream", "--codec", f"{cards}/frozen.toml", "--weights")
    assert f"{base.absolute()} has changed since" in bench(*coding, mask).err
    base.unlink()
    assert "its NCN is that of task, but there is no" in bench(*coding, mask).err


class HaltedError(Exception):
    """As Ctrl-C, or a power cut."""


@pytest.mark.slow
def test_gone_on_with_it_is_as_if_never_stopped(
    cards: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"{cards}/base.toml:red"
    assert api.train(name, Path("whole"), root=root).whole
    train = session.train

    def halted_after_two(training: Training[object], **options: object) -> bool:
        def watch(progress: TrainingProgress) -> None:
            if progress.step == 2:
                raise HaltedError

        return train(training, every=1, save_seconds=0, watch=watch)

    with monkeypatch.context() as patch:
        patch.setattr(session, "train", halted_after_two)
        with pytest.raises(HaltedError):
            api.train(name, Path("parted"), root=root)
    assert not api.train(name, Path("parted"), root=root, most_seconds=0).whole
    assert api.train(name, Path("parted"), root=root).whole
    for file in ("lambda_0.03.safetensors", "lambda_0.3.safetensors"):
        assert (Path("parted") / file).read_bytes() == (Path("whole") / file).read_bytes()


@pytest.mark.slow
def test_another_task_network_makes_another_codec(
    bench: Bench, cards: Path, made: Path, root: Path
) -> None:
    usual = made / "task" / "red" / "lambda_3.safetensors"
    other = made / "other" / "task" / "red"
    shutil.copytree(made / "base", made / "other" / "base")
    command = ("train", f"{cards}/task.toml:red", "--root", root, "--out", other)
    result = bench(*command, "--task", "faster-rcnn-toy")
    assert result.status == 0, result.err
    assert changed(usual, other / usual.name)
    assert bench(*command, "--task", "faster-rcnn-toy").status == 0  # finished
    result = bench(*command)
    assert result.status == 1
    assert "of another recipe" in result.err


@pytest.mark.parametrize(
    ("arguments", "status", "word"),
    [
        (["{cards}/base.toml:red", "--task", "mask-rcnn-toy"], 1, "base.toml:red"),
        (["mask-rcnn-toy", "--task", "mask-rcnn-toy"], 1, "--task"),
        (["{cards}/task.toml:red", "--task", "mask-rcnn-tory"], 1, "mask-rcnn-tory"),
        (["--zoo", "toyscapes", "--task", "mask-rcnn-toy"], 2, "--zoo"),
    ],
)
def test_a_task_network_that_cannot_be_used_is_told(
    bench: Bench, cards: Path, root: Path, arguments: list[str], status: int, word: str
) -> None:
    result = bench("train", *(each.format(cards=cards) for each in arguments), "--root", root)
    assert result.status == status
    assert word in result.err


@pytest.mark.slow
def test_what_is_finished_is_not_taken_for_that_of_other_data(
    bench: Bench, cards: Path, root: Path, tmp_path: Path
) -> None:
    command = ("train", f"{cards}/base.toml:red", "--out", "made", "--steps", 1)
    assert bench(*command, "--root", root).status == 0
    assert bench(*command, "--root", root).status == 0
    before = {path: path.read_bytes() for path in Path("made").rglob("*.safetensors")}
    others = tmp_path / "others"
    others.mkdir()
    Image.fromarray(picture(1, 256, 256)).save(others / "a.png")
    result = bench(*command, "--data", others)
    assert result.status == 1
    assert "other data" in result.err
    assert {path: path.read_bytes() for path in Path("made").rglob("*.safetensors")} == before


@pytest.mark.slow
def test_from_other_weights_it_does_not_go_on(
    bench: Bench, cards: Path, made: Path, root: Path
) -> None:
    base, task = made / "base" / "red", made / "task" / "red"
    command = ("train", f"{cards}/task.toml:red", "--root", root, "--out", task)
    (task / "lambda_3.safetensors").unlink()  # all but its checkpoint
    assert bench(*command).status == 0
    (task / "lambda_3.safetensors").unlink()
    shutil.copy(base / "lambda_0.3.safetensors", base / "lambda_0.03.safetensors")
    result = bench(*command)
    assert result.status == 1
    assert "of another recipe" in result.err


@pytest.mark.slow
def test_a_linear_transform_begins_as_the_best_one(
    bench: Bench, root: Path, tmp_path: Path
) -> None:
    layout = "widths = [4, 4, 6]\nhyper = 6\nlinear = true"
    cards = write_cards(tmp_path / "linear", base=layout)
    assert bench("train", f"{cards}/base.toml:red", "--root", root, "--out", "base/red").status == 0
    ncn, _ = load_ncn(Path("base/red/lambda_0.03.safetensors"))
    assert ncn.layout == NCN(8, (4, 4, 6), 6, linear=True).layout
    original = np.asarray(Image.open(next(root.rglob("*_leftImg8bit.png"))))
    with torch.no_grad():
        decoded = ncn.g_dec(ncn.g_enc(to_tensor(original, torch.device("cpu"))))
    height, width = original.shape[:2]
    assert psnr(original, to_pixels(decoded, width, height)) > 20
    result = bench("train", f"{cards}/task.toml:red", "--root", root, "--out", "task/red")
    assert result.status == 1
    assert f"{ncn.layout}, not 8 channels" in result.err


def gradients(module: nn.Module) -> set[bool]:
    """Whether there are any: some may be, and all must be alike."""
    return {p.grad is not None and bool(p.grad.any()) for p in module.parameters()}


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["hvs", "feature", "task"])
@pytest.mark.parametrize("mask_only", [False, True])
def test_gradients_go_where_they_should_and_nowhere_else(loss: str, mask_only: bool) -> None:
    torch.manual_seed(0)
    network = task_network("mask-rcnn-toy").train()
    coding = Coding(NCN(8), new_lsm("mask-rcnn-toy", 8, 1.5))
    assert coding.lsm is not None
    coding.lsm.features.requires_grad_(False)
    coding.ncn.requires_grad_(not mask_only)
    x = torch.from_numpy(picture(1, 192, 192)).permute(2, 0, 1)[None].float() / 255
    mask = torch.zeros(1, 192, 192, dtype=torch.bool)
    mask[:, 40:120, 30:150] = True
    box = torch.tensor([[30.0, 40, 150, 120]]) * 1.5
    truth = [TrainingTargets(box, torch.tensor([2]), mask)]
    of_network = feature if loss == "feature" else task
    judge: Distortion = hvs if loss == "hvs" else partial(of_network, network, 1.5)
    x_hat, rate = coding(x)
    parts = judge(x, x_hat, truth)
    assert len(parts) == {"hvs": 2, "feature": 1, "task": 5}[loss]
    (torch.stack(list(parts.values())).sum() + rate).backward()
    assert gradients(network) == {False}
    assert gradients(coding.lsm.features) == {False}
    assert gradients(coding.lsm.to_alpha) == {True}
    if mask_only:
        assert gradients(coding.ncn) == {False}
    else:
        weights = [p for name, p in coding.ncn.named_parameters() if name.endswith("weight")]
        assert all(p.grad is not None and p.grad.any() for p in weights)


@pytest.mark.slow
def test_ms_ssim_is_the_one_that_is_measured() -> None:
    one, other = picture(0, 256, 192), picture(1, 256, 192)
    a, b = (torch.from_numpy(p).permute(2, 0, 1)[None].double() / 255 for p in (one, other))
    by_channel = [measured_ms_ssim(one[..., c], [other[..., c]])[0].usual for c in range(3)]
    assert float(ms_ssim(a, b)) == pytest.approx(float(np.mean(by_channel)), abs=1e-6)


@pytest.mark.slow
def test_noise_stands_for_rounding_in_training_alone() -> None:
    torch.manual_seed(0)
    coding = Coding(NCN(8), None)
    x = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        noisy = [coding.train()(x)[0] for _ in range(2)]
        rounded = [coding.eval()(x)[0] for _ in range(2)]
    assert not noisy[0].equal(noisy[1])
    assert rounded[0].equal(rounded[1])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ncn-task", "which weights? there are recipes for ncn-task:toyscapes, ncn-task:city"),
        ("vvenc", "no recipe to train it by; there is none"),
        ("ncn-f-d2k:cityscapes", "name their folder with --data, or in BENCH_DIV2K"),
    ],
)
def test_what_cannot_be_trained_is_told(bench: Bench, name: str, words: str) -> None:
    result = bench("train", name)
    assert result.status == 1
    assert words in result.err


@pytest.mark.parametrize(
    ("line", "facts"),
    [
        ('loss = "hsv"', "'training.red.loss' 'hvs' 'feature' 'task' 'hsv'"),
        ('loss = "task"', "'training.red.network' missing"),
        ("lambdas = [0]", "'training.red.lambdas' above 0"),
        ("crop = [100, 192]", "'training.red.crop' 64 100"),
        ("crop = [128, 192]", "'training.red.crop' 192 128"),
        ("batch = 0", "'training.red.batch' above 0"),
        ("mask_only = true", "'training.red.mask_only' 'starts_from'"),
        ("step = 3", "'training.red.step' 'steps'"),
    ],
)
def test_a_wrong_recipe_is_told(bench: Bench, cards: Path, line: str, facts: str) -> None:
    card = cards / "base.toml"
    key = line.partition(" ")[0]
    lines = [old for old in card.read_text().splitlines() if not old.startswith(f"{key} ")]
    card.write_text("\n".join([*lines, line]))
    result = bench("train", f"{card}:red")
    assert result.status == 1
    assert all(fact in result.err for fact in facts.split())


@pytest.mark.slow
def test_what_it_starts_from_must_be_there(bench: Bench, cards: Path, root: Path) -> None:
    result = bench("train", f"{cards}/task.toml:red", "--root", root, "--out", "made/task/red")
    assert result.status == 1
    assert "task:red starts from base:red" in result.err
    assert f"'bench train {cards}/base.toml:red --out" in result.err


@pytest.mark.slow
def test_any_folder_trains_what_needs_no_labels(
    bench: Bench, cards: Path, pictures: object
) -> None:
    folder = pictures(2, 256, 192)  # type: ignore[operator]
    Path("made").mkdir()
    Path("made/lambda_9.safetensors").write_bytes(b"")  # of someone else
    train = ("train", f"{cards}/base.toml:red", "--data", folder, "--out", "made", "--steps", 1)
    result = bench(*train)
    assert result.status == 0, result.err
    assert "lambda_0.03.safetensors" in result.out
    assert "Weights: made" in result.out
    small = pictures(1, 100, 80, "small")  # type: ignore[operator]
    result = bench(*train[:3], small, *train[4:-4], "--out", "other", "--steps", 1)
    assert result.status == 1
    assert "100x80 is smaller than a crop, 192x192" in result.err


def test_a_zoo_is_trained_in_its_order(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    result = bench("train", "--zoo", "toyscapes")
    assert result.status == 1
    assert "BENCH_PHOTOGRAPHS" in result.err
    monkeypatch.setenv("BENCH_PHOTOGRAPHS", "photographs")
    order = api.zoo("toyscapes")
    assert order.index("vgg-toy") < order.index("ncn-lsm-vgg-frozen:toyscapes")
    base, judged, masked = (order.index(f"ncn-{n}:toyscapes") for n in ("hvs", "task", "lsm"))
    assert base < judged < masked
    assert order[:2] == ["mask-rcnn-toy", "ncn-hvs:toyscapes"]
    assert "no card has a recipe for it" in bench("train", "--zoo", "kitti").err
    assert "NAME or --zoo SET" in bench("train").err


@pytest.mark.slow
def test_processes_share_a_step(cards: Path, root: Path) -> None:
    """Two processes of torchrun share one training: it is printed once, written once."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    train = ["-m", "bench", "train", f"{cards}/base.toml:red", "--root", root, "--out", "made"]
    found = subprocess.run(
        [*map(str, launch + train)], capture_output=True, text=True, timeout=300, check=False
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.count("lambda_0.3.safetensors") == 1
    rows = Path("made/lambda_0.03/losses.csv").read_text().splitlines()
    assert [row.partition(",")[0] for row in rows] == ["step", "3"]
    assert changed(Path("made/lambda_0.03.safetensors"), Path("made/lambda_0.3.safetensors"))


SHARED = """
from pathlib import Path
import torch
from bench.training.processes import processes
with processes() as ours:
    line = torch.nn.Linear(2, 1)
    for parameter in line.parameters():
        torch.nn.init.ones_(parameter)
    places = ours.share(4)
    x = torch.arange(8.0).reshape(4, 2)[list(places)]
    if ours.first:
        line.bias.requires_grad_(False)
        line(x).square().mean().backward()
        line.bias.requires_grad_(True)
    else:
        line(x).square().mean().backward()
    ours.average_gradients(list(line.parameters()))
    mean = float(ours.mean(torch.tensor([float(ours.rank)]))[0])
    gradients = line.weight.grad.tolist(), line.bias.grad.tolist()
    Path(f"said-{ours.rank}").write_text(f"{gradients} {mean} {ours.agreed(ours.first)}")
"""


@pytest.mark.slow
def test_gradients_are_the_mean_of_all_processes() -> None:
    Path("shared.py").write_text(SHARED)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    found = subprocess.run(
        [*launch, "shared.py"], capture_output=True, text=True, timeout=120, check=False
    )
    assert found.returncode == 0, found.stderr
    x = torch.arange(8.0).reshape(4, 2)
    errors = 2 * (x.sum(dim=1) + 1)
    weight = (errors[:, None] * x).mean(dim=0)
    bias = errors[1::2].sum() / 4  # the first has none to give
    for rank in range(2):
        result = f"{([weight.tolist()], [float(bias)])} 0.5 True"
        assert Path(f"said-{rank}").read_text() == result


@pytest.mark.slow
def test_a_classifier_learns_what_crops_show(
    bench: Bench, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bench.training import classifiers, recipes

    recipe = recipes.CLASSIFIERS["vgg-toy"]
    short = replace(recipe.schedule, steps=40, batch=16, rate=5e-3, warm_up=3)
    shallow = (8, None, 8, None, 16, None, 16, None)
    data = "cityscapes:val"
    small = replace(recipe, widths=shallow, schedule=short, data=data, validate=data)
    monkeypatch.setitem(recipes.CLASSIFIERS, "vgg-toy", small)
    monkeypatch.setattr(classifiers, "_VALIDATED", 100)
    result = bench("train", "vgg-toy", "--root", root, "--out", "made")
    assert result.status == 0, result.err
    *_, last = Path("made/validation.csv").read_text().splitlines()
    assert float(last.split(",")[2]) > 0.8  # a red thing, or grey noise
