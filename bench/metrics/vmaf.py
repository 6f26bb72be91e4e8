"""Many pairs of pictures through one ffmpeg: their 8-bit Y, and libvmaf's scores.

libvmaf takes its input for a video. Its motion term would compare each picture with the one
before, another image here, and raise scores by up to 29 points; ``motion_force_zero`` gives each
picture the score of a video of one frame. The distorted picture is the first input. Its frames
leave through libvmaf, and are counted, so that none can get lost without notice.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.errors import CodecError, UnavailableError
from bench.images import colour
from bench.images.colour import Pixels
from bench.runtime import ffmpeg
from bench.runtime.programs import workspace

_LOG = "vmaf.json"
# One thread each: the jobs run side by side.
_ONE_THREAD = ("-threads", "1", "-filter_threads", "1", "-filter_complex_threads", "1")


@dataclass(frozen=True, eq=False)
class Converted:
    """The Y of a pair as it was measured, with the score of each requested model."""

    original: Pixels
    decoded: Pixels
    scores: dict[str, float]


def convert(pairs: Sequence[tuple[Pixels, Pixels]], models: Sequence[str]) -> list[Converted]:
    """Convert (original, decoded) pairs of one even size, scoring each pair by each model."""
    if models and "libvmaf" not in ffmpeg.filters():
        raise UnavailableError(
            "this ffmpeg has no libvmaf: leave VMAF out, or name one that has in IMAGEIO_FFMPEG_EXE"
        )
    height, width, _ = pairs[0][0].shape
    # One tall frame for each pair, distorted above reference: they cannot get out of step.
    frames = [
        np.ascontiguousarray(pixels).data.cast("B")
        for original, decoded in pairs
        for pixels in (decoded, original)
    ]
    arguments = [
        *_ONE_THREAD,
        *colour.raw_input("rgb24", f"{width}x{2 * height}"),
        "-filter_complex",
        _graph(width, height, models),
        *("-map", "[out]", "-f", "rawvideo", "pipe:1"),
    ]
    with workspace() as folder:
        converted = ffmpeg.run_ffmpeg(arguments, frames, folder=folder).stdout
        log = folder / _LOG
        scores = _read_scores(log.read_text() if log.exists() else "", models)
    if models and len(scores) != len(pairs):
        raise CodecError(f"libvmaf scored {len(scores)} pictures of {len(pairs)}")
    if len(converted) != len(pairs) * 2 * height * width:
        raise CodecError(f"ffmpeg gave {len(converted)} bytes for {len(pairs)} pairs of pictures")
    tall = np.frombuffer(converted, np.uint8).reshape(len(pairs), 2, height, width)
    return [
        Converted(original, decoded, scores[index] if models else {})
        for index, (decoded, original) in enumerate(tall)
    ]


def _graph(width: int, height: int, models: Sequence[str]) -> str:
    """Cut the tall frame first, so that no chroma is taken across the seam."""
    crop = f"crop={width}:{height}:0"
    graph = (
        f"[0:v]split[top][bottom];[top]{crop}:0,{colour.TO_YCBCR}[distorted];"
        f"[bottom]{crop}:{height},{colour.TO_YCBCR}"
    )
    if not models:
        return f"{graph}[reference];[distorted][reference]vstack,extractplanes=y[out]"
    described = "|".join(
        f"version={model}\\:name={model}\\:motion.motion_force_zero=true" for model in models
    )
    return (
        f"{graph},split[reference][copy];"
        f"[distorted][reference]libvmaf=model='{described}':n_threads=1:shortest=1:"
        f"log_fmt=json:log_path={_LOG}[scored];[scored][copy]vstack,extractplanes=y[out]"
    )


def _read_scores(log: str, models: Sequence[str]) -> list[dict[str, float]]:
    """One record for each frame; libvmaf may succeed without having written any."""
    if not models:
        return []
    try:
        frames = json.loads(log)["frames"]
        return [{model: float(frame["metrics"][model]) for model in models} for frame in frames]
    except (ValueError, KeyError, TypeError) as error:
        raise CodecError(f"libvmaf left no scores of {', '.join(models)}") from error
