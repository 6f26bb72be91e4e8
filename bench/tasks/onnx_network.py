"""A network in an ONNX file as a task, run by onnxruntime on one thread of the CPU."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.errors import DataError, UnavailableError
from bench.images.colour import Pixels
from bench.instances.pseudo_truth import Prediction
from bench.runtime.cache import file_digest
from bench.tasks.onnx_card import Input, read_onnx_card
from bench.tasks.onnx_outputs import Fit, read_outputs

# Changes whenever the same network would give another prediction for the same picture.
_VERSION = "1"
_GREY = 114  # around a picture in a letterbox, as YOLO's authors have it
_TYPES = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8, "tensor(float16)": np.float16}


class OnnxNetwork:
    """A task; the network is loaded on first use."""

    def __init__(self, path: Path, file: Path | None = None) -> None:
        self._card = card = read_onnx_card(path)
        self.name, self.title, self.finds, self.classes = (
            path.stem,
            card.title,
            card.finds,
            card.names,
        )
        self._path = path.parent / card.file if file is None else file
        get = f"; {card.get}" if card.get else ""
        if not self._path.is_file():
            raise UnavailableError(f"{path}: no network at {self._path}{get}")
        digest = file_digest(self._path)
        if card.sha256 and digest != card.sha256.lower():
            raise DataError(f"{self._path}: not the file of {path}, by its SHA-256{get}")
        self.fingerprint = f"onnx {_VERSION} {card.digest} {digest}"
        self._loading = threading.Lock()
        self._session: Any = None

    def predict(self, pixels: Pixels) -> Prediction:
        """What the network says of an RGB picture."""
        with self._loading:
            if self._session is None:
                self._session = _load(self._path)
        (wanted,) = self._session.get_inputs()
        planes, fit = prepare(self._card.input, pixels)
        planes = planes.astype(_TYPES.get(wanted.type, np.float32))
        names = [output.name for output in self._session.get_outputs()]
        try:
            outputs = self._session.run(None, {wanted.name: planes})
        except Exception as error:  # onnxruntime's own, of many kinds
            reason = str(error).splitlines()[0]
            raise DataError(
                f"{self._path}: cannot be run on an input of {planes.shape}: {reason}"
            ) from error
        return read_outputs(self._card, dict(zip(names, outputs, strict=True)), fit)


def _load(path: Path) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise UnavailableError(
            f"{path}: onnxruntime is not installed; pip install '.[onnx]'"
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # images are looked at side by side, one on each core
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(
            path.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's own, of many kinds
        raise DataError(f"{path}: not a network: {str(error).splitlines()[0]}") from error
    if len(session.get_inputs()) != 1:
        raise DataError(f"{path}: {len(session.get_inputs())} inputs, expected one")
    return session


def prepare(how: Input, pixels: Pixels) -> tuple[NDArray[np.float32], Fit]:
    """A picture as the network's input, and where it lies in it."""
    height, width = size = pixels.shape[0], pixels.shape[1]
    whole = tuple(side + -side % how.multiple for side in size)
    if how.size:
        scales = [side / own for side, own in zip(how.size, size, strict=True)]
        if how.fit == "letterbox":
            scales = [min(scales)] * 2
        height, width = (max(1, round(s * own)) for s, own in zip(scales, size, strict=True))
        whole = how.size
    top, left = ((side - own) // 2 for side, own in zip(whole, (height, width), strict=True))
    if not how.size:
        top = left = 0
    if (height, width) != size:
        resized = Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR)
        pixels = np.asarray(resized)
    canvas = np.full((*whole, 3), _GREY, np.uint8)
    canvas[top : top + height, left : left + width] = pixels
    mean, deviation = (np.array(three, np.float32) for three in (how.mean, how.deviation))
    planes = ((canvas[:, :, ::-1] if how.colours == "BGR" else canvas) - mean) / deviation
    if how.layout != "NHWC":
        planes = planes.transpose(2, 0, 1)
    if how.layout != "CHW":
        planes = planes[None]
    return np.ascontiguousarray(planes, np.float32), Fit(size, whole, (top, left, height, width))
