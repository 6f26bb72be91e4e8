"""Image quality: every figure beside the tool that others measure with."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import correlate1d
from support.paths import SHARED
from support.pictures import distorted, textured

from bench.errors import Cancelled, CodecError, DataError, UnavailableError
from bench.images import colour
from bench.images.colour import Pixels
from bench.images.image import pad, read_pixels
from bench.metrics import METRICS, measure, metric_fingerprints, why_undefined
from bench.metrics.ms_ssim import ms_ssim
from bench.runtime import ffmpeg
from bench.runtime.programs import Finished, Programs, _programs

DEFAULTS = list(metric_fingerprints())
VMAFS = {"vmaf": "vmaf_v0.6.1", "vmaf_neg": "vmaf_v0.6.1neg", "vmaf_v1": "vmaf_v1.0.16_3d0h"}
SAMPLE = SHARED / "data/cityscapes-sample/leftImg8bit"


@pytest.fixture
def libvmaf(tmp_path: Path) -> Callable[..., dict[str, float]]:
    """libvmaf on one pair, as a user would call it: two raw files, one frame each."""

    def score(original: Pixels, decoded: Pixels, model: str = "vmaf_v0.6.1") -> dict[str, float]:
        height, width, _ = original.shape
        inputs: list[str] = []
        for name, pixels in (("decoded", decoded), ("original", original)):
            (tmp_path / name).write_bytes(colour.to_ycbcr(pixels))
            raw = list(colour.raw_input("yuv420p", f"{width}x{height}"))
            inputs += [*raw[:-1], str(tmp_path / name)]
        features = ":feature='name=float_ms_ssim'" if min(width, height) >= 176 else ""
        graph = (
            f"[0:v][1:v]libvmaf=model='version={model}'{features}:log_fmt=json:log_path=log.json"
        )
        command = [str(ffmpeg.binary()), "-nostdin", "-loglevel", "error", *inputs]
        subprocess.run(
            [*command, "-lavfi", graph, "-f", "null", "-"], check=True, cwd=tmp_path, timeout=60
        )
        frames = json.loads((tmp_path / "log.json").read_text())["frames"]
        assert len(frames) == 1
        found: dict[str, float] = frames[0]["metrics"]
        return found

    return score


def similarity(decibels: float) -> float:
    return 1 - 10 ** (-decibels / 10)


def assert_as_libvmaf(ours: dict[str, float], theirs: dict[str, float]) -> None:
    assert ours["vmaf"] == pytest.approx(theirs["vmaf"], abs=2e-6)
    if "float_ms_ssim" in theirs:
        assert similarity(ours["ssim_db"]) == pytest.approx(theirs["float_ms_ssim"], abs=1e-5)


class TestAgainstTheTools:
    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("width", "height"), [(2048, 1024), (512, 256), (180, 176), (354, 190), (18, 40)]
    )
    def test_values_are_libvmafs(
        self, libvmaf: Callable[..., dict[str, float]], width: int, height: int
    ) -> None:
        original = textured(width, height)
        strengths = (1.5, 12) if width < 1000 else (4,)
        pairs = [(original, distorted(original, strength)) for strength in strengths]
        for values, pair in zip(measure(pairs, DEFAULTS), pairs, strict=True):
            assert_as_libvmaf(values, libvmaf(*pair))

    def test_bright_and_flat_pictures_show_the_sum_of_libvmafs_window(
        self, libvmaf: Callable[..., dict[str, float]]
    ) -> None:
        original = (235 + textured(320, 240) // 64).astype(np.uint8)
        decoded = distorted(original, 2)
        assert_as_libvmaf(measure([(original, decoded)], DEFAULTS)[0], libvmaf(original, decoded))

    def test_borders_are_mirrored_alike(self, libvmaf: Callable[..., dict[str, float]]) -> None:
        original = textured(180, 178)
        original[[0, -1]] = original[:, [0, -1]] = 255
        decoded = distorted(original, 3)
        assert_as_libvmaf(measure([(original, decoded)], DEFAULTS)[0], libvmaf(original, decoded))

    def test_black_and_white(self, libvmaf: Callable[..., dict[str, float]]) -> None:
        black = np.zeros((180, 180, 3), np.uint8)
        assert_as_libvmaf(measure([(black, 255 - black)], DEFAULTS)[0], libvmaf(black, 255 - black))

    @pytest.mark.slow
    def test_photographs(self, libvmaf: Callable[..., dict[str, float]]) -> None:
        files = sorted(SAMPLE.rglob("*.png"))[:2]
        if not files:
            pytest.skip(f"no photographs in {SAMPLE}")
        pairs = [(pixels, distorted(pixels, 3)) for pixels in map(read_pixels, files)]
        for values, pair in zip(measure(pairs, DEFAULTS), pairs, strict=True):
            assert_as_libvmaf(values, libvmaf(*pair))
            planes = [luma(pixels) for pixels in pair]
            assert similarity(values["ms_ssim_db"]) == pytest.approx(usual(*planes), abs=1e-5)

    @pytest.mark.parametrize(("width", "height"), [(64, 48), (33, 21), (16, 16), (1, 1)])
    def test_rgb_psnr_is_that_of_ffmpegs_psnr_filter(self, width: int, height: int) -> None:
        original = textured(width, height)
        decoded = distorted(original, 6)
        size = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{2 * height}"]
        graph = (
            f"split[a][b];[a]crop={width}:{height}:0:0:exact=1[o];"
            f"[b]crop={width}:{height}:0:{height}:exact=1[d];"
            "[d][o]psnr=stats_file=-"
        )
        stats = ffmpeg.run_ffmpeg(
            [*size, "-i", "pipe:0", "-lavfi", graph, "-f", "null", "-"],
            original.tobytes() + decoded.tobytes(),
        ).stdout.decode()
        found = dict(item.split(":") for item in stats.split())
        values = measure([(original, decoded)], ["psnr_rgb"])[0]
        assert values == {"psnr_rgb": pytest.approx(float(found["psnr_avg"]), abs=0.0051)}

    @pytest.mark.parametrize("name", VMAFS)
    def test_each_model_is_what_its_row_says(
        self, libvmaf: Callable[..., dict[str, float]], name: str
    ) -> None:
        pairs = [
            (textured(320, 240, seed), distorted(textured(320, 240, seed), 5)) for seed in (1, 2)
        ]
        for values, pair in zip(measure(pairs, list(VMAFS)), pairs, strict=True):
            assert values[name] == pytest.approx(libvmaf(*pair, VMAFS[name])["vmaf"], abs=2e-6)


def luma(pixels: Pixels) -> Pixels:
    even = pad(pixels, 2)
    height, width, _ = even.shape
    planes = np.frombuffer(colour.to_ycbcr(even), np.uint8)
    return planes[: width * height].reshape(height, width)


def usual(original: Pixels, decoded: Pixels) -> float:
    """MS-SSIM straight from its definition, in double precision."""
    weights = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
    taps = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    taps /= taps.sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2

    def window(plane: NDArray[Any]) -> NDArray[Any]:
        rows = correlate1d(plane, taps, axis=0)
        return np.asarray(correlate1d(rows, taps, axis=1))[5:-5, 5:-5]

    def halve(plane: NDArray[Any]) -> NDArray[Any]:
        padded = np.pad(plane, [(side % 2, side % 2) for side in plane.shape])
        height, width = (side // 2 for side in padded.shape)
        blocks = padded[: 2 * height, : 2 * width].reshape(height, 2, width, 2)
        return np.asarray(blocks.mean(axis=(1, 3)))

    x, y = original.astype(float), decoded.astype(float)
    result = 1.0
    for scale, weight in enumerate(weights):
        mean_x, mean_y = window(x), window(y)
        variances = window(x * x) - mean_x**2 + window(y * y) - mean_y**2
        values = (2 * (window(x * y) - mean_x * mean_y) + c2) / (variances + c2)
        if scale == 4:
            values *= (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
        result *= max(float(values.mean()), 0.0) ** weight
        x, y = halve(x), halve(y)
    return result


@pytest.mark.parametrize(("width", "height"), [(180, 176), (354, 190), (201, 333), (1100, 200)])
@pytest.mark.parametrize("strength", [2, 15])
def test_usual_ms_ssim_is_its_definition(width: int, height: int, strength: float) -> None:
    original = textured(width, height)[..., 1]
    for offset in (0, 90):  # dark and bright
        x = np.clip(original // 3 + offset, 0, 255).astype(np.uint8)
        y = distorted(x[..., None].repeat(3, 2), strength)[..., 1]
        found = ms_ssim(x, [y])[0].usual
        assert found == pytest.approx(usual(x, y), abs=1e-5)


@pytest.fixture(scope="module")
def pairs() -> list[tuple[Pixels, Pixels]]:
    """Three images at two operating points."""
    originals = [textured(320, 240, seed) for seed in range(3)]
    return [
        (original, distorted(original, strength)) for strength in (3, 8) for original in originals
    ]


class TestBatches:
    def test_no_image_is_scored_as_the_next_frame_of_another(
        self, pairs: Sequence[tuple[Pixels, Pixels]]
    ) -> None:
        names = [*DEFAULTS, "vmaf_neg", "vmaf_v1"]
        assert measure(pairs, names) == [measure([pair], names)[0] for pair in pairs]

    def test_more_than_one_process_holds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("bench.metrics.quality._PROCESS_PIXELS", 2 * 64 * 48)
        original = textured(64, 48)
        pairs = [(original, distorted(original, strength)) for strength in range(1, 6)]
        vmafs = [values["vmaf"] for values in measure(pairs, ["vmaf"])]
        assert vmafs == sorted(vmafs, reverse=True)
        assert len(vmafs) == 5

    def test_threads_do_not_disturb_each_other(
        self, pairs: Sequence[tuple[Pixels, Pixels]]
    ) -> None:
        with ThreadPoolExecutor(3) as pool:
            found = list(pool.map(lambda pair: measure([pair], DEFAULTS)[0], pairs))
        assert found == measure(pairs, DEFAULTS)

    def test_original_and_decoded_are_not_exchanged(self) -> None:
        original = textured(320, 240)
        decoded = distorted(original, 8)
        there, back = measure([(original, decoded), (decoded, original)], ["vmaf", "psnr_y"])
        assert there["psnr_y"] == back["psnr_y"]
        assert abs(there["vmaf"] - back["vmaf"]) > 1

    def test_only_what_is_asked_for(self) -> None:
        pair = (textured(320, 240), textured(320, 240, 1))
        for name in DEFAULTS:
            assert list(measure([pair], [name])[0]) == [name]
        assert measure([], DEFAULTS) == []

    def test_arrays_need_not_be_contiguous(self) -> None:
        original, decoded = textured(200, 180), textured(200, 180, 1)
        turned = [pixels[::-1, ::-1] for pixels in (original, decoded)]
        straight = [np.ascontiguousarray(pixels) for pixels in turned]
        first, second = measure([(turned[0], turned[1]), (straight[0], straight[1])], DEFAULTS)
        assert first == second


class TestLimits:
    def test_identical_pictures(self, libvmaf: Callable[..., dict[str, float]]) -> None:
        original = textured(320, 240)
        values = measure([(original, original.copy())], DEFAULTS)[0]
        assert_as_libvmaf(values, libvmaf(original, original))
        assert {values[name] for name in DEFAULTS if METRICS[name].unit == "dB"} == {60.0}

    def test_opposed_pictures_are_the_worst(self) -> None:
        original = textured(320, 240)
        values = measure([(original, 255 - original)], ["ssim_db", "ms_ssim_db"])[0]
        assert values == {"ssim_db": 0.0, "ms_ssim_db": 0.0}

    @pytest.mark.parametrize(
        ("size", "undefined"),
        [
            ((1, 1), {"ssim_db", "ms_ssim_db", "vmaf", "vmaf_neg", "vmaf_v1"}),
            ((16, 400), {"ssim_db", "ms_ssim_db", "vmaf", "vmaf_neg", "vmaf_v1"}),
            ((17, 17), {"ssim_db", "ms_ssim_db", "vmaf_v1"}),
            ((175, 400), {"ssim_db", "ms_ssim_db", "vmaf_v1"}),
            ((177, 215), {"vmaf_v1"}),
            ((216, 216), set()),
        ],
    )
    def test_what_has_no_value_is_nan_and_says_why(
        self, size: tuple[int, int], undefined: set[str]
    ) -> None:
        names = [*DEFAULTS, "vmaf_neg", "vmaf_v1"]
        original = textured(*size)
        values = measure([(original, distorted(original, 4))], names)[0]
        assert {name for name, value in values.items() if math.isnan(value)} == undefined
        for name in names:
            reason = why_undefined(name, *size)
            assert (reason is not None) == (name in undefined)
            assert reason is None or f"{size[0]}x{size[1]}" in reason

    def test_an_odd_side_is_padded_with_its_edge(self) -> None:
        original = textured(201, 187)
        decoded = distorted(original, 4)
        names = [name for name in DEFAULTS if name != "psnr_rgb"]
        odd, even = (
            measure([pair], names)[0]
            for pair in ((original, decoded), (pad(original, 2), pad(decoded, 2)))
        )
        assert odd == even


class TestFailures:
    def test_pictures_of_several_sizes(self) -> None:
        with pytest.raises(DataError, match="same size"):
            measure([(textured(32, 32), textured(32, 34))], ["psnr_y"])

    @pytest.mark.parametrize("names", [["vmaf"], ["ssim_db"]])
    def test_a_missing_frame_is_noticed(
        self, monkeypatch: pytest.MonkeyPatch, names: list[str]
    ) -> None:
        whole = ffmpeg.run_ffmpeg

        def losing(
            arguments: Sequence[str], stdin: Sequence[memoryview], **options: Any
        ) -> Finished:
            return whole(arguments, stdin[:-2], **options)

        monkeypatch.setattr(ffmpeg, "run_ffmpeg", losing)
        with pytest.raises(CodecError, match=r"1 pictures of 2|for 2 pairs"):
            measure([(textured(180, 176), textured(180, 176, 1))] * 2, names)

    def test_a_model_that_libvmaf_lacks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("bench.metrics.quality.convert", asking_for("vmaf_v9"))
        with pytest.raises(CodecError, match="vmaf_v9"):
            measure([(textured(64, 48), textured(64, 48, 1))], ["vmaf"])

    def test_an_ffmpeg_without_libvmaf(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ffmpeg, "filters", lambda: frozenset({"scale"}))
        pairs = [(textured(64, 48), textured(64, 48, 1))]
        assert measure(pairs, ["psnr_y"])[0]["psnr_y"] > 0
        with pytest.raises(UnavailableError, match="no libvmaf"):
            measure(pairs, ["vmaf"])

    @pytest.fixture
    def cancelled(self) -> Iterator[None]:
        programs = Programs()
        programs.cancel()
        token = _programs.set(programs)
        yield
        _programs.reset(token)

    @pytest.mark.usefixtures("cancelled")
    def test_a_sweep_that_stops(self) -> None:
        with pytest.raises(Cancelled):
            measure([(textured(64, 48), textured(64, 48, 1))], ["vmaf"])


def asking_for(model: str) -> Callable[..., Any]:
    from bench.metrics.vmaf import convert

    return lambda pairs, models: convert(pairs, [model])


class TestTable:
    def test_an_unknown_name_is_answered_with_the_nearest(self) -> None:
        with pytest.raises(DataError, match="did you mean 'psnr_y'"):
            measure([(textured(8, 8), textured(8, 8))], ["psnr-y"])
        with pytest.raises(DataError, match="known: bpp, "):
            metric_fingerprints(["quux"])

    def test_directions(self) -> None:
        smaller = {name for name in METRICS if not METRICS[name].higher_is_better}
        assert smaller >= {"bpp", "encode_cpu", "decode_wall"}
        assert not smaller & set(DEFAULTS)

    def test_defaults_are_the_papers_and_the_usual(self) -> None:
        assert set(DEFAULTS) == {
            *("psnr_y", "psnr_cb", "psnr_cr", "psnr_611", "psnr_rgb"),
            *("ssim_db", "ms_ssim_db", "vmaf"),
        }

    def test_fingerprints_tell_metrics_and_conversions_apart(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        names = [*DEFAULTS, *VMAFS]
        before = metric_fingerprints(names)
        assert len(set(before.values())) == len(before)
        monkeypatch.setattr(colour, "fingerprint", lambda: "another conversion")
        after = metric_fingerprints(names)
        same = [name for name in before if before[name] == after[name]]
        assert same == ["psnr_y", "psnr_cb", "psnr_cr", "psnr_611", "psnr_rgb"]
