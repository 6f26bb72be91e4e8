"""Results whose figures are known: codecs that save so much rate, on images of so much cost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from rich.console import Console

from bench.cli.report_screen import terminal
from bench.report.compare import Report, compare
from bench.store import CodecResults, Results, Run

IMAGES = 24
POINTS = (37, 32, 27, 22)
RUN = Run(
    "2026-01-05T09:00:00Z",
    "bench run --codec quick",
    {"name": "atlas", "processor": "A processor", "system": "Linux", "bench": "0.1.0"},
)


def codec(
    name: str,
    *,
    title: str = "",
    saving: float = 0.0,
    rates: tuple[float, float] = (0.1, 1.0),
    holes: tuple[tuple[int, int], ...] = (),
    anchor: bool = False,
    oracle: bool = False,
) -> CodecResults:
    """A codec that needs so much less rate than another for the same quality."""
    shape = (IMAGES, len(POINTS))
    spread = np.exp(np.random.default_rng(5).normal(0, 0.2, (IMAGES, 1)))
    bpp = np.geomspace(*rates, len(POINTS)) * spread
    quality = np.log2(bpp / (1 - saving))
    values = {
        "psnr_y": 40 + 3 * quality,
        "vmaf": 80 + 9 * quality,
        **{name: np.full(shape, 0.25) for name in ("encode_cpu", "encode_wall")},
        **{name: np.full(shape, 0.02) for name in ("decode_cpu", "decode_wall")},
    }
    for hole in holes:
        bpp[hole] = np.nan
        for value in values.values():
            value[hole] = np.nan
    made = ("00" * 32, "2026-01-05T10:00:00Z", RUN)
    provenance = {where: made for where in np.ndindex(*shape) if where not in holes}
    size = np.round(bpp * 2048 * 1024 / 8)
    identity = (name, title or name, "QP", anchor, oracle, "ab" * 32, POINTS)
    return CodecResults(*identity, size, bpp, values, provenance, version="libx265 4.3")


def results(*codecs: CodecResults, **changes: object) -> Results:
    found = Results(
        "street",
        "folder",
        "cd" * 32,
        tuple(f"image_{i:02}" for i in range(IMAGES)),
        ((2048, 1024),) * IMAGES,
        codecs,
        (),
    )
    return replace(found, **changes)


def pair(**test: object) -> Report:
    return compare(results(codec("hm", anchor=True), codec("vtm", **{"saving": 0.2} | test)))


def printed(report: Report, width: int = 80) -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(terminal(report))
    return capture.get()


def words(text: str) -> str:
    return " ".join(text.split())
