"""What image quality costs: ours against one ffmpeg process for each picture.

    python tests/benchmarks/quality_cost.py [--images FOLDER] [--batch N] [--rounds N]

Both sides compute PSNR, VMAF v0.6.1 and libvmaf's MS-SSIM of the same pictures, in turn, so that a
busy machine disturbs both. The other side is measured twice: from the RGB pictures, with the same
conversion to YCbCr, and from YCbCr files that were converted beforehand at no charge. All its input
comes from files, and only ffmpeg's own CPU time is counted; ours is that of the whole process and
of its ffmpeg.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from figures import options_of, print_figures, spread

from bench.images import colour
from bench.images.colour import Pixels
from bench.images.image import read_pixels
from bench.metrics import measure
from bench.runtime import ffmpeg

PAPER = ["psnr_y", "psnr_cb", "psnr_cr", "psnr_611", "ssim_db", "vmaf"]
DEFAULTS = [*PAPER, "psnr_rgb", "ms_ssim_db"]
Pair = tuple[Pixels, Pixels]


def synthetic(seed: int, width: int, height: int) -> Pixels:
    """Detail at all scales, as photographs have it."""
    rng = np.random.default_rng(seed)
    pixels = np.full((height, width, 3), 110, np.float32)
    for scale in (256, 64, 16, 4, 1):
        shape = (height // scale, width // scale, 3)
        coarse = rng.normal(0, 4 + 8 * np.log2(scale), shape).astype(np.float32)
        pixels += coarse.repeat(scale, axis=0).repeat(scale, axis=1)
    return pixels.clip(0, 255).astype(np.uint8)


def distort(original: Pixels, seed: int) -> Pixels:
    """Coarser levels and noise, more of both from picture to picture."""
    rng = np.random.default_rng(seed)
    step = 4 * (1 + seed % 4)
    noise = rng.normal(0, step / 2, original.shape)
    return (np.round((original + noise) / step) * step).clip(0, 255).astype(np.uint8)


def make_pairs(folder: Path | None, count: int, width: int, height: int) -> list[Pair]:
    files = sorted(folder.rglob("*.png"))[:count] if folder else []
    originals = [read_pixels(file) for file in files]
    originals = originals or [synthetic(seed, width, height) for seed in range(count)]
    return [(original, distort(original, seed)) for seed, original in enumerate(originals)]


def cpu_seconds(who: int) -> float:
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def our_cost(work: Callable[[], object], count: int) -> float:
    before = cpu_seconds(resource.RUSAGE_SELF) + cpu_seconds(resource.RUSAGE_CHILDREN)
    work()
    after = cpu_seconds(resource.RUSAGE_SELF) + cpu_seconds(resource.RUSAGE_CHILDREN)
    return (after - before) / count


class SingleProcesses:
    """One ffmpeg for each pair, from raw files."""

    def __init__(self, pairs: Sequence[Pair], folder: Path, pixel_format: str) -> None:
        self.folder, self.count, self.pixel_format = folder, len(pairs), pixel_format
        self.height, self.width, _ = pairs[0][0].shape
        for index, pair in enumerate(pairs):
            for name, pixels in zip(("original", "decoded"), pair, strict=True):
                raw = pixels.tobytes() if pixel_format == "rgb24" else colour.to_ycbcr(pixels)
                (folder / f"{name}{index}.{pixel_format}").write_bytes(raw)

    def run(self) -> list[dict[str, float]]:
        return [self._score(index) for index in range(self.count)]

    def cost(self) -> float:
        before = cpu_seconds(resource.RUSAGE_CHILDREN)
        self.run()
        return (cpu_seconds(resource.RUSAGE_CHILDREN) - before) / self.count

    def _score(self, index: int) -> dict[str, float]:
        convert = f"{colour.TO_YCBCR}," if self.pixel_format == "rgb24" else ""
        inputs: list[str] = []
        for name in ("decoded", "original"):
            raw = colour.raw_input(self.pixel_format, f"{self.width}x{self.height}")
            inputs += ["-threads", "1", *raw[:-1], f"{name}{index}.{self.pixel_format}"]
        graph = (
            f"[0:v]{convert}null[d];[1:v]{convert}null[r];"
            "[d][r]libvmaf=model='version=vmaf_v0.6.1':n_threads=1:"
            "feature='name=psnr|name=float_ms_ssim':log_fmt=json:log_path=log.json"
        )
        options = ["-nostdin", "-loglevel", "error", "-filter_complex_threads", "1"]
        command = [str(ffmpeg.binary()), *options, *inputs, "-lavfi", graph, "-f", "null", "-"]
        subprocess.run(command, check=True, cwd=self.folder)
        frames = json.loads((self.folder / "log.json").read_text())["frames"]
        found: dict[str, float] = frames[0]["metrics"]
        return found


def largest_differences(
    ours: Sequence[dict[str, float]], theirs: Sequence[dict[str, float]]
) -> dict[str, float]:
    largest: dict[str, float] = {}
    for our, their in zip(ours, theirs, strict=True):
        # PSNR is another: of numbers with fractions here, of 8-bit samples there.
        found = {"vmaf": our["vmaf"], "float_ms_ssim": 1 - 10 ** (-our["ssim_db"] / 10)}
        for name, value in found.items():
            largest[name] = max(largest.get(name, 0.0), abs(value - their[name]))
    return largest


def status_mib(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))


def peak_memory(work: Callable[[], object]) -> float:
    """MiB that the work adds to the process at its peak (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")
    before = status_mib("VmRSS")
    work()
    return status_mib("VmHWM") - before


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=Path, help="a folder of PNG files of one even size")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--size", default="2048x1024", help="of the pictures that are made")
    options = options_of(parser, size="256x256", batch=1, rounds=1)
    pairs = make_pairs(options.images, options.batch, *map(int, options.size.split("x")))
    height, width, _ = pairs[0][0].shape
    figures = {"measured": f"{len(pairs)} pictures of {width}x{height}"}
    for some in (pairs[:1], pairs):
        ours = peak_memory(partial(measure, some, DEFAULTS))
        figures[f"peak memory for {len(some)}"] = f"{ours:.0f} MiB, beside pictures and ffmpeg"
    costs: dict[str, list[float]] = {"ours": [], "defaults": [], "rgb": [], "yuv": []}
    with tempfile.TemporaryDirectory() as folder:
        rgb = SingleProcesses(pairs, Path(folder), "rgb24")
        yuv = SingleProcesses(pairs, Path(folder), "yuv420p")
        for _ in range(options.rounds):
            costs["ours"].append(our_cost(lambda: measure(pairs, PAPER), len(pairs)))
            costs["rgb"].append(rgb.cost())
            costs["defaults"].append(our_cost(lambda: measure(pairs, DEFAULTS), len(pairs)))
            costs["yuv"].append(yuv.cost())
        differences = largest_differences(measure(pairs, PAPER), yuv.run())
    names = {
        "ours": "PSNR, MS-SSIM (libvmaf) and VMAF",
        "defaults": "all default metrics",
        "rgb": "one ffmpeg a picture, from RGB",
        "yuv": "one ffmpeg a picture, from YCbCr files",
    }
    for ours in ("ours", "defaults"):
        for theirs in ("rgb", "yuv"):
            ratios = [a / b for a, b in zip(costs[ours], costs[theirs], strict=True)]
            figures[f"{names[ours]} / {names[theirs]}"] = spread(ratios)
    figures |= {name: f"{spread(costs[key])} CPU s a picture" for key, name in names.items()}
    for name, difference in differences.items():
        figures[f"{name} differs by at most"] = f"{difference:.2g}"
    print_figures(figures, options)


if __name__ == "__main__":
    main()
