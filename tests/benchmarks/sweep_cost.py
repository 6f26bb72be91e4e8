"""What a sweep costs: ours against the same ffmpeg commands run by ``xargs -P``.

    python tests/benchmarks/sweep_cost.py [--images FOLDER] [--limit N] [--rounds N]

Both sides code the same pictures by x265 at the same points, decode the streams and compute PSNR,
libvmaf's MS-SSIM and VMAF v0.6.1 of what was decoded, with as many jobs as there are cores; ours
also computes RGB PSNR and the standard MS-SSIM, and keeps records. The two alternate, so that a
busy machine disturbs both, and the ratio of their wall times is printed for each round. The loop
keeps its decoded pictures as raw RGB, which costs it less than PNG would. No task network looks at
them on either side.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from figures import options_of, print_figures, spread

from bench.codecs.catalog import load_codec
from bench.codecs.codec import Point
from bench.datasets import open_dataset
from bench.images import colour
from bench.images.image import read_pixels
from bench.runtime import ffmpeg

VMAF = (
    "libvmaf=model='version=vmaf_v0.6.1\\:motion.motion_force_zero=true'"
    ":feature='name=psnr|name=float_ms_ssim':n_threads=1:shortest=1:log_fmt=json:log_path={log}"
)


def loop_script(image: Path, point: Point, folder: Path) -> str:
    """One image at one point, as one would write it for a shell."""
    height, width, _ = read_pixels(image).shape
    encode, _ = load_codec("x265").commands(point)
    # The card's encoder arguments, from the encoder's name to the muxer's.
    codec = encode[encode.index("-c:v libx265") : encode.index(" -y ")]
    stem = folder / f"{image.stem}-{point}"
    binary, quiet = shlex.quote(str(ffmpeg.binary())), "-hide_banner -nostdin -loglevel error -y"
    one = "-threads 1 -filter_threads 1 -filter_complex_threads 1"
    raw = f"-f rawvideo -pix_fmt rgb24 -s {width}x{height} -r 1"
    graph = f"[0:v]{colour.TO_YCBCR}[d];[1:v]{colour.TO_YCBCR}[r];[d][r]{VMAF}".replace(
        "{log}", f"{stem}.json"
    )
    return "\n".join(
        [
            "set -e",
            f"{binary} {quiet} {one} -i {image} -vf {shlex.quote(colour.TO_YCBCR)} {codec} "
            f"{stem}.hevc",
            f"{binary} {quiet} {one} -f hevc -i {stem}.hevc -vf {shlex.quote(colour.TO_RGB)} "
            f"-f rawvideo {stem}.rgb",
            f"{binary} {quiet} {one} {raw} -i {stem}.rgb -i {image} "
            f"-lavfi {shlex.quote(graph)} -f null -",
        ]
    )


def loop_seconds(images: list[Path], points: tuple[Point, ...], jobs: int) -> float:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scripts = []
        for image in images:
            for point in points:
                script = folder / f"{image.stem}-{point}.sh"
                script.write_text(loop_script(image, point, folder))
                scripts.append(str(script))
        began = time.perf_counter()
        subprocess.run(
            ["xargs", "-P", str(jobs), "-n", "1", "sh"],
            input="\n".join(scripts).encode(),
            check=True,
        )
        seconds = time.perf_counter() - began
        scores = list(folder.glob("*.json"))
        if len(scores) != len(scripts):
            sys.exit(f"the loop left {len(scores)} of {len(scripts)} scores")
    return seconds


def sweep_seconds(data: str, limit: int, jobs: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bench", "run", "--codec", "x265", "--data", data]
        command += [
            "--task",
            "none",
            "--limit",
            str(limit),
            "--jobs",
            str(jobs),
            "--results",
            f"{folder}/results",
        ]
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", default="toyscapes", help="as bench run --data takes it")
    parser.add_argument("--limit", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = options_of(parser, limit=1, rounds=1)
    jobs = os.cpu_count() or 1
    dataset = open_dataset(arguments.images, limit=arguments.limit)
    len(dataset.digest)  # known before the clock starts, as in any second sweep
    images = [entry.path for entry in dataset.entries]
    points = load_codec("x265").card.points_for(dataset.kind)
    ratios = []
    for _ in range(arguments.rounds):
        ours = sweep_seconds(arguments.images, arguments.limit, jobs)
        loop = loop_seconds(images, points, jobs)
        ratios.append(ours / loop)
        line = f"bench {ours:6.1f} s   xargs -P{jobs} {loop:6.1f} s   ratio {ratios[-1]:.3f}"
        print(line, file=sys.stderr)
    coded = f"{len(images)} images at {len(points)} points by x265, {jobs} jobs"
    print_figures({"coded": coded, f"bench run / xargs -P{jobs}": spread(ratios)}, arguments)


if __name__ == "__main__":
    main()
