"""Every metric, one row each: its name, what it compares, and whether higher is better.

All codecs are measured alike, on the RGB that their decoders return. PSNR of Y, Cb and Cr is of
numbers with fractions (``bench.metrics.psnr``); for MS-SSIM and VMAF the original and the decoded
picture go through one conversion to 8 bits (``bench.images.colour``). For both, a picture of odd
width or height is first padded to even by repeating its last column or row, both alike.

PSNR is capped at 60 dB, as libvmaf caps it at 8 bits, and so are both MS-SSIM: ``1 - x`` has no
meaning beyond the six decimals that libvmaf prints. Identical pictures have a VMAF of 97.43.

A codec that works in 4:2:0 has the conversion's own ceiling: pictures that only went to YCbCr and
back reached 57.4 dB in Y, 57.3 in Cb, 56.9 in Cr, 57.5 in both MS-SSIM and 97.17 in VMAF at the
least, over ten street scenes of 2048x1024. In RGB they reached 45.9 to 49.8 dB and no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from functools import partial

from bench.images import colour
from bench.images.colour import Pixels
from bench.metrics.measure import figure_called
from bench.metrics.psnr import psnr
from bench.runtime.registry import Registry


class Group(Enum):
    """Where a value comes from."""

    RATE = "the bitstream"
    QUALITY = "the original and the decoded picture"
    COST = "the run of the encoder or decoder"
    TASK = "what a network finds in the decoded pictures"


@dataclass(frozen=True)
class Metric:
    """One row of the table; ``version`` changes whenever earlier values are no longer valid.

    A metric of another package is measured only if it is named, by its ``function`` of the original
    and the decoded picture, which several threads call.
    """

    name: str
    title: str
    unit: str
    higher_is_better: bool
    compares: str
    group: Group
    version: str = "1"
    default: bool = True  # measured unless others are named
    headline: bool = False
    ycbcr: bool = False  # of 8 bits, as ffmpeg converts it
    smallest_side: int = 1
    vmaf_model: str | None = None
    elsewhere: str = ""  # what a paper calls it
    function: Callable[[Pixels, Pixels], float] | None = None

    @property
    def footnote(self) -> str:
        """What a paper calls it, as a sentence; empty if it is called the same."""
        return f"{self.title}: {self.elsewhere}." if self.elsewhere else ""


_quality = partial(Metric, higher_is_better=True, group=Group.QUALITY)
# Version 2 rounds neither Y nor Cb nor Cr to 8 bits.
_psnr = partial(_quality, unit="dB", version="2")
_ms_ssim = partial(_quality, unit="dB", ycbcr=True, smallest_side=176)
_vmaf = partial(_quality, unit="", ycbcr=True, smallest_side=17)
_cost = partial(Metric, unit="s", higher_is_better=False, group=Group.COST)
_Y = "Y of 4:2:0 YCbCr, 8 bit"
_CPU = "CPU time of the process and its children"

_OWN = (
    Metric("bpp", "Rate", "bit/pixel", False, "all bits of the stream", Group.RATE),
    _psnr("psnr_y", "PSNR Y", compares="Y of 4:2:0 YCbCr, not rounded", headline=True),
    _psnr("psnr_cb", "PSNR Cb", compares="Cb of the same"),
    _psnr("psnr_cr", "PSNR Cr", compares="Cr of the same"),
    _psnr("psnr_611", "PSNR YCbCr 6:1:1", compares="(6 Y + Cb + Cr) / 8 of the three in dB"),
    _quality("psnr_rgb", "PSNR RGB", "dB", compares="R, G and B, one mean", function=psnr),
    _ms_ssim(
        "ssim_db",
        "MS-SSIM (libvmaf)",
        compares=f"{_Y}: what the VMAF tool calls MS-SSIM, as -10 log10(1 - x)",
        version="libvmaf float_ms_ssim 1",
        headline=True,
        elsewhere="SSIM in Fischer, Brand and Kaup (2022)",
    ),
    _ms_ssim(
        "ms_ssim_db",
        "MS-SSIM",
        compares=f"{_Y}: MS-SSIM as Wang et al. and pytorch-msssim define it, as -10 log10(1 - x)",
        version="pytorch-msssim 1",
    ),
    _vmaf(
        "vmaf",
        "VMAF v0.6.1",
        compares="YCbCr 4:2:0, 8 bit, each picture a video of one frame",
        vmaf_model="vmaf_v0.6.1",
        headline=True,
    ),
    _vmaf(
        "vmaf_neg",
        "VMAF v0.6.1 NEG",
        compares="the same; no gain for enhancement",
        vmaf_model="vmaf_v0.6.1neg",
        default=False,
    ),
    _vmaf(
        "vmaf_v1",
        "VMAF v1.0.16, 1080p at 3H",
        compares="the same, with chroma and banding; its authors advise 10 bit, it gets 8",
        vmaf_model="vmaf_v1.0.16_3d0h",
        smallest_side=216,
        default=False,
    ),
    _cost("encode_cpu", "Encoding CPU time", compares=_CPU),
    _cost("encode_wall", "Encoding wall time", compares="start to end"),
    _cost("decode_cpu", "Decoding CPU time", compares=_CPU),
    _cost("decode_wall", "Decoding wall time", compares="start to end"),
)
METRICS: Registry[Metric] = Registry(
    "metric",
    {metric.name: metric for metric in _OWN},
    "bench.metrics",
    "a bench.metrics.Metric of that name with default=False and a function",
    lambda name, metric: (
        isinstance(metric, Metric)
        and (metric.name, metric.group, metric.default) == (name, Group.QUALITY, False)
        and callable(metric.function)
    ),
)


def scorer_of(metric: str) -> str | None:
    """The task network that a metric is a figure of, if it is one: FIGURE:NETWORK."""
    return metric.partition(":")[2] or None


def describe(name: str) -> Metric:
    """A metric's row; a task network's is made here, for there are as many as networks."""
    scorer = scorer_of(name)
    figure = figure_called(name.partition(":")[0]) if scorer else None
    if figure is None:
        return METRICS[name]
    compares = "what it finds in the decoded pictures, with the truth; of the whole set"
    title, better = f"{figure.title}, {scorer}", figure.higher_is_better
    return Metric(name, title, figure.unit, better, compares, Group.TASK, headline=True)


def quality_metrics(names: Iterable[str] | None = None) -> list[Metric]:
    """Those of the named metrics (of the defaults) that are measured on pictures, each once."""
    chosen = [METRICS[name] for name in dict.fromkeys(METRICS.own if names is None else names)]
    return [
        metric
        for metric in chosen
        if metric.group is Group.QUALITY and (metric.default or names is not None)
    ]


def why_undefined(name: str, width: int, height: int) -> str | None:
    """Why a metric has no value (NaN) for pictures of that size, or None where it has one."""
    metric = METRICS[name]
    if min(width, height) >= metric.smallest_side:
        return None
    return (
        f"{metric.title} needs pictures of at least {metric.smallest_side} pixels a side, "
        f"not {width}x{height}"
    )


def fingerprint(name: str) -> str:
    """What a value depends on besides the two pictures; stored values are keyed by it."""
    metric = METRICS[name]
    parts = [metric.name, metric.version]
    if metric.vmaf_model:
        parts.append(metric.vmaf_model)
    if metric.ycbcr:
        parts.append(colour.fingerprint())  # names the ffmpeg, and so the libvmaf, too
    return " | ".join(parts)


def version_in(fingerprint: str) -> str:
    """The metric's version that a fingerprint names."""
    return fingerprint.partition(" | ")[2].partition(" | ")[0]


def metric_fingerprints(names: Iterable[str] | None = None) -> dict[str, str]:
    """The fingerprint of each metric that ``measure`` is to give, by name."""
    return {metric.name: fingerprint(metric.name) for metric in quality_metrics(names)}
