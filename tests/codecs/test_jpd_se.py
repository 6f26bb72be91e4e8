"""JPD-SE: a base codec's own bytes, a map, and a generator that draws from both."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from fakes.jpd_se import CARDS, random_generator, write_weights
from PIL import Image as PillowImage
from support.command import Bench
from support.pictures import picture, write_instances

from bench.codecs.catalog import load_codec, recognise
from bench.codecs.families.jpd_se.codec import JpdSeCodec
from bench.codecs.families.jpd_se.generator import (
    Generator,
    load_generator,
    map_planes,
    save_generator,
)
from bench.codecs.families.jpd_se.maps import decode_map
from bench.datasets.cityscapes_truth import read_instance_ids
from bench.errors import BenchError, CardError, CodecError, DataError, StreamError
from bench.images.image import Image
from bench.runtime.checkpoint import save_tensors
from bench.tasks.task import TASKS

WIDTH, HEIGHT = 80, 56
OF_X265 = [name for name in CARDS if "x265" in name]
POINT = 42
CARD = """
title = "Mine"
family = "jpd-se"

[points]
unit = "quality"

[jpd-se]
base = "{base}"
map = "{map}"

[weights.mine]
folder = "weights"
files = "generator.pth"
points = [10, 40]
"""


@pytest.fixture(autouse=True)
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "weights"
    write_weights(folder)
    monkeypatch.setenv("BENCH_WEIGHTS", str(folder))
    return folder


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return Image("a", picture(3, WIDTH, HEIGHT), write_instances(tmp_path, WIDTH, HEIGHT))


def opened(name: str) -> JpdSeCodec:
    codec = load_codec(f"{name}:toyscapes")
    assert isinstance(codec, JpdSeCodec)
    return codec


def own(folder: Path, base: str, map_from: str = "none") -> Path:
    """A card of one's own, with weights as they are published."""
    (folder / "weights").mkdir(exist_ok=True)
    torch.save(random_generator(5).state_dict(), folder / "weights/generator.pth")
    card = folder / "mine.toml"
    card.write_text(CARD.format(base=base, map=map_from))
    return card


@pytest.mark.parametrize("name", OF_X265)
def test_the_stream_holds_the_bytes_of_the_base_codec(name: str, image: Image) -> None:
    codec = opened(name)
    stream = codec.encode(image, POINT)
    base = load_codec("x265").encode(image, POINT)
    assert stream.endswith(base)
    parts = codec.parts(stream)
    assert parts["base"] == len(base)
    assert sum(parts.values()) == len(stream)
    assert (parts["semantic"] > 0) == (name.endswith(("oracle", "encoder")))
    assert 12 <= parts["header"] <= 18
    assert codec.decode(stream).shape == image.pixels.shape


def test_the_map_in_the_stream_is_that_of_the_labels(image: Image) -> None:
    codec = opened("jpd-se-x265-oracle")
    stream = codec.encode(image, POINT)
    parts = codec.parts(stream)
    coded = stream[parts["header"] : parts["header"] + parts["semantic"]]
    assert image.instances
    assert (decode_map(coded, WIDTH, HEIGHT) == read_instance_ids(image.instances)).all()


def test_what_is_drawn_depends_on_the_map(image: Image, tmp_path: Path) -> None:
    codec = opened("jpd-se-x265-oracle")
    first = codec.decode(codec.encode(image, POINT))
    assert image.instances
    PillowImage.fromarray(np.full((HEIGHT, WIDTH), 7, np.uint16)).save(image.instances)
    assert (codec.decode(codec.encode(image, POINT)) != first).any()


def test_labels_are_those_of_ids_and_edges_are_between_instances() -> None:
    ids = np.array([[7, 26001, 26001, 26002], [7, 26001, 26001, 34]], np.uint16)
    planes = map_planes(ids, 2, 4)
    assert planes[:35].argmax(dim=0).tolist() == [[7, 26, 26, 26], [7, 26, 26, 34]]
    assert planes[:35].sum() == 8
    assert planes[35].tolist() == [[1, 1, 1, 1], [1, 1, 1, 1]]
    flat = map_planes(np.full((3, 3), 7, np.uint16), 3, 3)
    assert flat[35].sum() == 0
    assert map_planes(None, 2, 2).sum() == 0


def test_any_codec_is_a_base(tmp_path: Path, image: Image) -> None:
    card = own(tmp_path, "jpeg", "decoder")
    codec = load_codec(f"{card}:mine")
    stream = codec.encode(image, 40)
    assert stream.endswith(load_codec("jpeg").encode(image, 40))
    assert codec.decode(stream).shape == image.pixels.shape


def test_jpd_se_is_no_base(tmp_path: Path) -> None:
    with pytest.raises(CardError):
        load_codec(str(own(tmp_path, "jpd-se-x265-none")))


@pytest.mark.parametrize(
    ("before", "after"),
    [("generator.pth", "generator_{point}.pth"), ("points = [10, 40]\n", "")],
)
def test_a_file_is_for_one_point_or_for_those_that_are_listed(
    tmp_path: Path, before: str, after: str
) -> None:
    card = own(tmp_path, "jpeg")
    first, weights = card.read_text().split("[weights.mine]")
    card.write_text(f"{first}[weights.mine]{weights.replace(before, after)}")
    with pytest.raises(CardError, match="point"):
        load_codec(f"{card}:mine")


def test_own_weights_are_for_all_points(tmp_path: Path, weights: Path, image: Image) -> None:
    torch.save(random_generator(8).state_dict(), tmp_path / "mine.pth")
    codec = load_codec("jpd-se-x265-none", own=tmp_path / "mine.pth")
    assert codec.card.points_for("default") == (51, 47, 42, 37)
    assert codec.decode(codec.encode(image, 47)).shape == image.pixels.shape


def test_weights_of_another_generator_make_another_codec(weights: Path) -> None:
    before = opened("jpd-se-x265-none").fingerprint
    file = weights / "jpd-se-x265-none/toyscapes/generator.safetensors"
    save_tensors(random_generator(9).state_dict(), file, {})
    assert opened("jpd-se-x265-none").fingerprint != before


def test_another_base_makes_another_codec(tmp_path: Path) -> None:
    digests = set()
    for base in ("jpeg", "webp"):
        codec = load_codec(f"{own(tmp_path, base)}:mine")
        assert isinstance(codec, JpdSeCodec)
        assert codec.depends_on()["base"] == codec.base.fingerprint
        digests.add(codec.fingerprint)
    assert len(digests) == 2


@pytest.mark.parametrize(("width", "halvings", "blocks"), [(4, 4, 9), (6, 1, 2), (3, 3, 1)])
def test_published_files_load_by_their_names(
    tmp_path: Path, width: int, halvings: int, blocks: int
) -> None:
    wanted = random_generator(2, width, halvings, blocks)
    torch.save(wanted.state_dict(), tmp_path / "net_G.pth")
    found = load_generator(tmp_path / "net_G.pth")
    assert (found.multiple, found.smallest) == (2**halvings, 2 ** (halvings + 1))
    for name, tensor in wanted.state_dict().items():
        assert torch.equal(found.state_dict()[name], tensor)


def test_one_that_adds_leaves_the_picture_as_it_is_until_it_is_trained(
    weights: Path, image: Image
) -> None:
    file = weights / "jpd-se-x265-none/toyscapes/generator.safetensors"
    save_generator(Generator(4, 2, 1, adds=True), file)
    codec = opened("jpd-se-x265-none")
    as_it_is = codec.base.decode(codec.base.encode(image, POINT))
    assert np.array_equal(codec.decode(codec.encode(image, POINT)), as_it_is)
    save_generator(Generator(4, 2, 1), file)
    other = opened("jpd-se-x265-none")
    assert not np.array_equal(other.decode(other.encode(image, POINT)), as_it_is)


def test_the_published_layout() -> None:
    """Of the four published files, by the names and shapes that they are said to have."""
    with torch.device("meta"):
        shapes = {n: tuple(t.shape) for n, t in Generator(64, 4, 9).state_dict().items()}
    convolutions = {
        "model.1": (64, 39, 7, 7),
        **{f"model.{4 + 3 * n}": (128 << n, 64 << n, 3, 3) for n in range(4)},
        **{f"model.{16 + n}.conv_block.{k}": (1024, 1024, 3, 3) for n in range(9) for k in (1, 5)},
        **{f"model.{25 + 3 * n}": (1024 >> n, 512 >> n, 3, 3) for n in range(4)},
        "model.38": (3, 64, 7, 7),
    }
    assert {f"{name}.weight" for name in convolutions} | {
        f"{name}.bias" for name in convolutions
    } == set(shapes)
    assert all(shapes[f"{name}.weight"] == shape for name, shape in convolutions.items())
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == pytest.approx(
        182.56e6, rel=1e-3
    )


Damage = Callable[[dict[str, torch.Tensor]], None]


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        (
            "model.1.weight",
            lambda state: state.update({"model.1.weight": torch.zeros(4, 36, 7, 7)}),
        ),
        ("model.10.conv_block.5.bias", lambda state: state.pop("model.10.conv_block.5.bias")),
        ("model.netE.weight", lambda state: state.update({"model.netE.weight": torch.zeros(3)})),
        (
            "model.18.weight",
            lambda state: state.update({"model.18.weight": torch.zeros(3, 4, 5, 5)}),
        ),
        ("conv_block", lambda state: [state.pop(n) for n in [*state] if "conv_block" in n]),
    ],
)
def test_files_of_other_networks_are_refused_by_name(
    tmp_path: Path, name: str, damage: Damage
) -> None:
    state = random_generator(1).state_dict()
    damage(state)
    torch.save(state, tmp_path / "net_G.pth")
    with pytest.raises(DataError, match=re.escape(name)):
        load_generator(tmp_path / "net_G.pth")


def test_without_labels_nothing_is_coded(bench: Bench, image: Image) -> None:
    codec = opened("jpd-se-x265-oracle")
    with pytest.raises(CodecError):
        codec.encode(Image("a", image.pixels), POINT)
    Path("photos").mkdir()
    PillowImage.fromarray(image.pixels).save("photos/a.png")
    result = bench("run", "--codec", codec.name, "--data", "photos", "--task", "none")
    assert result.status == 1
    assert "instances" in result.err and result.err.count("\n") == 1


def test_labels_of_another_size_are_refused(image: Image) -> None:
    assert image.instances
    PillowImage.fromarray(np.zeros((HEIGHT, WIDTH + 1), np.uint16)).save(image.instances)
    with pytest.raises(BenchError, match=f"{WIDTH + 1}x{HEIGHT}"):
        opened("jpd-se-x265-oracle").encode(image, POINT)


def test_a_stream_names_its_codec(image: Image) -> None:
    stream = opened("jpd-se-x265-decoder").encode(image, POINT)
    assert recognise(stream) == "jpd-se-x265-decoder:toyscapes"
    with pytest.raises(StreamError):
        opened("jpd-se-x265-none").decode(stream)


def test_a_map_of_another_network_is_not_drawn(
    image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The decoder predicts the map; another network would draw another picture."""
    stream = opened("jpd-se-x265-decoder").encode(image, POINT)
    other = SimpleNamespace(
        name="semantic-toy",
        title="",
        finds="semantic",
        classes=(),
        fingerprint="other weights",
        predict=None,
    )
    monkeypatch.setitem(TASKS.own, "semantic-toy", lambda weights: other)
    with pytest.raises(StreamError, match="semantic-toy"):
        opened("jpd-se-x265-decoder").decode(stream)


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_a_fresh_process_decodes_the_same_picture(
    image: Image, tmp_path: Path, threads: int
) -> None:
    codec = opened("jpd-se-x265-encoder")
    stream = tmp_path / "a.jpdse"
    stream.write_bytes(codec.encode(image, POINT))
    code = (
        f"import torch; torch.set_num_threads({threads}); from bench.__main__ import main; main()"
    )
    command = [sys.executable, "-c", code, "decode", str(stream), str(tmp_path / "back.png")]
    subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": str(threads)})
    with PillowImage.open(tmp_path / "back.png") as back:
        assert (np.asarray(back) == codec.decode(stream.read_bytes())).all()


def test_parts_are_stored_and_exported(bench: Bench, tmp_path: Path, image: Image) -> None:
    root = Path("scenes")
    for folder in ("leftImg8bit", "gtFine"):
        (root / folder / "val/town").mkdir(parents=True)
    PillowImage.fromarray(image.pixels).save(root / "leftImg8bit/val/town/a_leftImg8bit.png")
    assert image.instances
    labels = root / "gtFine/val/town/a_gtFine_instanceIds.png"
    labels.write_bytes(image.instances.read_bytes())
    run = ("run", "--codec", "jpd-se-x265-oracle:toyscapes", "--codec", "jpeg")
    run += ("--data", "cityscapes", "--root", root, "--task", "none", "--metric", "bpp")
    assert bench(*run).status == 0
    assert bench("export", "--out", "all.csv").status == 0
    with open("all.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["bytes_semantic"] for row in rows if row["codec"] == "jpeg"} == {""}
    ours = [row for row in rows if row["codec"] != "jpeg"]
    assert len(ours) == 4
    for row in ours:
        parts = [float(row[f"bytes_{part}"]) for part in ("base", "semantic", "header")]
        assert sum(parts) == float(row["bytes"])
    assert bench("export", "--means", "--out", "means.csv").status == 0
    with open("means.csv", newline="") as file:
        columns, *_ = csv.reader(file)
    assert {"bpp_base", "bpp_semantic", "bpp_header"} <= {*columns}
