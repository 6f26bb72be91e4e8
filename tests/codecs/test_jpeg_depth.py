"""JPEG steered by depth: what its files are, and what they follow from."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import numpy as np
import pytest
from fakes.task import RedThings
from numpy.typing import NDArray
from PIL import Image as PillowImage
from support.command import Bench

from bench.codecs.catalog import load_codec, read_card
from bench.codecs.codec import Codec
from bench.errors import CodecError
from bench.images.depth import read_nearness
from bench.images.image import Image
from bench.runtime import ffmpeg
from bench.vision.architecture import SemanticArchitecture
from bench.vision.semantic_fpn import SemanticFPN, save_segmenter

WIDTH, HEIGHT = 120, 87
NEAR_LEFT, FAR_FROM = 60, 80  # columns


@pytest.fixture
def allocating() -> Codec:
    pytest.importorskip("jpeglib")
    return load_codec("jpeg-depth")


@pytest.fixture
def composing() -> Codec:
    return load_codec("jpeg-depth-collage")


def picture(folder: Path, depth: NDArray[np.uint16], name: str = "a_depth.png") -> Image:
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    shade = 120 + 60 * np.sin(x / 5) + 40 * np.cos(y / 7)
    colours = np.stack([shade, 250 - shade, shade / 2 + x], axis=-1)
    pixels = (colours + rng.normal(0, 9, colours.shape)).clip(0, 255).astype(np.uint8)
    PillowImage.fromarray(depth).save(folder / name)
    return Image("a", pixels, depth=folder / name)


@pytest.fixture
def flat(tmp_path: Path) -> Image:
    return picture(tmp_path, np.full((HEIGHT, WIDTH), 700, np.uint16))


@pytest.fixture
def receding(tmp_path: Path) -> Image:
    """Near on the left, then a strip in the middle, then sky."""
    depth = np.full((HEIGHT, WIDTH), 500, np.uint16)
    depth[:, NEAR_LEFT:] = 4000
    depth[:, FAR_FROM:] = 0
    return picture(tmp_path, depth)


@pytest.mark.parametrize("quality", [5, 30, 64, 95])
def test_with_constant_depth_it_is_plain_jpeg(allocating: Codec, flat: Image, quality: int) -> None:
    assert allocating.encode(flat, quality) == load_codec("jpeg").encode(flat, quality)


def test_a_collage_of_constant_depth_is_jpeg_coded_twice(composing: Codec, flat: Image) -> None:
    jpeg = load_codec("jpeg")
    once = Image("once", jpeg.decode(jpeg.encode(flat, 64)))
    assert composing.encode(flat, 40) == jpeg.encode(once, 40)


def test_near_blocks_keep_their_coefficients_and_far_ones_lose_steps(
    allocating: Codec, receding: Image, tmp_path: Path
) -> None:
    jpeglib = pytest.importorskip("jpeglib")
    (tmp_path / "plain.jpg").write_bytes(load_codec("jpeg").encode(receding, 64))
    (tmp_path / "steered.jpg").write_bytes(allocating.encode(receding, 64))
    (tmp_path / "coarse.jpg").write_bytes(load_codec("jpeg").encode(receding, 9))
    plain, steered, coarse = (
        jpeglib.read_dct(str(tmp_path / f"{name}.jpg")) for name in ("plain", "steered", "coarse")
    )
    assert (plain.qt == steered.qt).all()
    assert (plain.Y[:, : NEAR_LEFT // 8] == steered.Y[:, : NEAR_LEFT // 8]).all()
    far = slice(FAR_FROM // 8, None)
    values = plain.Y[:, far].astype(int) * plain.qt[0]
    step = coarse.qt[0].astype(int)
    wanted = np.sign(values) * ((abs(values) + step // 2) // step) * step
    error = abs(steered.Y[:, far].astype(int) * plain.qt[0] - wanted)
    assert (2 * error <= plain.qt[0]).all()
    assert (steered.Y[:, far] == 0).mean() > (plain.Y[:, far] == 0).mean()


def test_what_is_farthest_is_far_however_much_it_fills(allocating: Codec, tmp_path: Path) -> None:
    depth = np.zeros((HEIGHT, WIDTH), np.uint16)
    depth[:, :16] = 900
    steered = allocating.encode(picture(tmp_path, depth), 64)
    flat = picture(tmp_path, np.full((HEIGHT, WIDTH), 900, np.uint16), "flat_depth.png")
    assert len(steered) < 0.7 * len(allocating.encode(flat, 64))


def test_disparity_rises_with_nearness(tmp_path: Path) -> None:
    values = np.array([[0, 10], [200, 5000]], np.uint16)
    for name, order in (("a_depth.png", [0, 3, 2, 1]), ("a_disparity.png", [0, 1, 2, 3])):
        PillowImage.fromarray(values).save(tmp_path / name)
        nearness = read_nearness(tmp_path / name, 2, 2)
        assert np.argsort(nearness.ravel()).tolist() == order
        assert nearness[0, 0] == 0


@pytest.mark.parametrize("card", ["jpeg-depth", "jpeg-depth-collage"])
def test_every_decoder_of_jpeg_reads_it(card: str, receding: Image, tmp_path: Path) -> None:
    codec = load_codec(card)
    if missing := codec.missing():
        pytest.skip(missing)
    stream = codec.encode(receding, 40)
    assert codec.decode(stream).shape == (HEIGHT, WIDTH, 3)
    with PillowImage.open(io.BytesIO(stream)) as opened:
        opened.draft("YCbCr", opened.size)
        assert (opened.format, opened.mode) == ("JPEG", "YCbCr")
        ours = np.asarray(opened)[..., 0].astype(int)
    command = [ffmpeg.binary(), "-loglevel", "error", "-f", "mjpeg", "-i", "-"]
    command += ["-f", "rawvideo", "-pix_fmt", "yuvj420p", "-"]
    raw = subprocess.run(command, input=stream, capture_output=True, check=True).stdout
    theirs = np.frombuffer(raw, np.uint8)[: WIDTH * HEIGHT].reshape(HEIGHT, WIDTH)
    assert abs(ours - theirs).max() <= 3


def test_libjpeg_of_another_package_gives_equal_pixels(
    allocating: Codec, receding: Image, tmp_path: Path
) -> None:
    jpeglib = pytest.importorskip("jpeglib")
    stream = allocating.encode(receding, 40)
    (tmp_path / "it.jpg").write_bytes(stream)
    jpeglib.version.set("turbo210")
    try:
        theirs = jpeglib.read_spatial(str(tmp_path / "it.jpg")).spatial
    finally:
        jpeglib.version.set("6b")
    assert (theirs == allocating.decode(stream)).all()


def test_a_depth_map_of_another_size_is_refused(bench: Bench, composing: Codec) -> None:
    image = picture(Path.cwd(), np.full((HEIGHT, WIDTH - 1), 5, np.uint16))
    with pytest.raises(Exception, match="expected one value for each of 120x87 pixels"):
        composing.encode(image, 40)


def test_without_depth_nothing_is_coded(bench: Bench, composing: Codec, flat: Image) -> None:
    with pytest.raises(CodecError):
        composing.encode(Image("a", flat.pixels), 40)
    Path("photos").mkdir()
    PillowImage.fromarray(flat.pixels).save("photos/a.png")
    result = bench("run", "--codec", composing.name, "--data", "photos", "--task", "none")
    assert result.status == 1
    assert "depth" in result.err and result.err.count("\n") == 1


def test_another_depth_map_is_coded_anew(bench: Bench, receding: Image) -> None:
    root = Path("scenes")
    for folder in ("leftImg8bit", "depth"):
        (root / folder / "val/town").mkdir(parents=True)
    PillowImage.fromarray(receding.pixels).save(root / "leftImg8bit/val/town/a_leftImg8bit.png")
    depth = root / "depth/val/town/a_depth.png"
    run = ("run", "--codec", "jpeg-depth-collage", "--codec", "jpeg", "--data", "cityscapes")
    run += ("--root", root, "--points", "20,60", "--task", "none", "--metric", "psnr_y")

    def sizes() -> list[str]:
        result = bench(*run)
        assert result.status == 0, result.err
        assert bench("export", "--out", "it.csv", "--codec", "jpeg-depth-collage").status == 0
        header, *lines = Path("it.csv").read_text().splitlines()
        column = header.split(",").index("bytes")
        return [line.split(",")[column] for line in lines]

    assert receding.depth
    depth.write_bytes(receding.depth.read_bytes())
    first = sizes()
    assert sizes() == first
    PillowImage.fromarray(np.full((HEIGHT, WIDTH), 5, np.uint16)).save(depth)
    second = sizes()
    assert len(second) == len(first) == 2 and second != first
    depth.write_bytes(receding.depth.read_bytes())
    assert sizes() == first


def own_card(text: str, like: str = "jpeg-depth-collage") -> str:
    card = read_card(like).path.read_text()
    Path("own.toml").write_text(f"{card.rstrip()}\n{text}\n")
    return "own.toml"


def test_what_a_task_finds_is_near(
    bench: Bench, flat: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("jpeglib")
    pixels = flat.pixels.copy()
    pixels[16:48, 32:64] = (230, 20, 20)
    image = Image("a", pixels)
    monkeypatch.setattr("bench.codecs.families.steering.open_task", lambda name: RedThings())
    codec = load_codec(own_card('map = "task"\nnetwork = "red-things"', "jpeg-depth"))
    assert codec.side_information == () and codec.missing() is None
    decoded = codec.decode(codec.encode(image, 64)).astype(int)
    plain = load_codec("jpeg")
    as_plain = plain.decode(plain.encode(image, 64)).astype(int)
    assert abs(decoded - as_plain)[20:44, 36:60].max() <= 3  # of what the blocks around let in
    away = (slice(64, None), slice(None))
    assert abs(decoded - pixels)[away].mean() > 1.5 * abs(as_plain - pixels)[away].mean()


def test_a_depth_network_steers_as_the_depth_that_it_sees(bench: Bench, flat: Image) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(1)
    network = SemanticFPN(
        SemanticArchitecture(classes=1, stem=4, res2=8, blocks=(1, 1, 1, 1), pyramid=4, head=4)
    )
    save_segmenter(network, Path("depth.safetensors"))
    codec = load_codec(own_card('map = "network"\nnetwork = "depth.safetensors"'))
    stream = codec.encode(flat, 40)
    assert stream != load_codec("jpeg-depth-collage").encode(flat, 40)
    assert codec.decode(stream).shape == flat.pixels.shape
    before = codec.fingerprint
    with torch.no_grad():
        network.predictor.weight *= 0.5
    save_segmenter(network, Path("depth.safetensors"))
    assert load_codec("own.toml").fingerprint != before


@pytest.mark.parametrize(
    "text",
    [
        'map = "network"',
        'network = "depth-toy"',
        'map = "depth"',
        'map = "task"\nnetwork = "unknown-task"',
        'map = "network"\nnetwork = "missing.h5"',
    ],
)
def test_a_card_without_a_map_cannot_run(bench: Bench, flat: Image, text: str) -> None:
    PillowImage.fromarray(flat.pixels).save("a.png")
    result = bench("encode", "a.png", "a.bin", "--codec", own_card(text))
    assert result.status == 1 and not Path("a.bin").exists()
    assert result.err.count("\n") == 1
