"""Files of weights: every format, and every way in which one can be wrong."""

from __future__ import annotations

import json
import os
import pickle
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from oracles.detectron2 import SMALL
from safetensors.torch import save_file
from torch import Tensor

from bench.errors import DataError
from bench.runtime.checkpoint import read_checkpoint
from bench.vision.architecture import Architecture, read_architecture
from bench.vision.checkpoint import load_weights, save_weights
from bench.vision.rcnn import RCNN

TINY = replace(SMALL, stem=4, res2=8, blocks=(1, 1, 1, 1), pyramid=4, box_hidden=5, mask_hidden=3)
Weights = dict[str, Tensor]


def tiny(architecture: Architecture = TINY, seed: int = 0) -> RCNN:
    torch.manual_seed(seed)
    return RCNN(architecture)


def as_arrays(weights: Weights) -> dict[str, Any]:
    return {name: tensor.numpy() for name, tensor in weights.items()}


def pickled(saved: Any, path: Path, protocol: int = 4) -> Path:
    path.write_bytes(pickle.dumps(saved, protocol))
    return path


def saved_by_torch(saved: Any, path: Path) -> Path:
    torch.save(saved, path)
    return path


def in_older_format(saved: Any, path: Path) -> Path:
    torch.save(saved, path, _use_new_zipfile_serialization=False)
    return path


WRITERS: dict[str, Callable[[Weights, Path], Path]] = {
    "detectron2": lambda w, path: pickled(
        {"model": as_arrays(w), "__author__": "Detectron2 Model Zoo"}, path
    ),
    "pickle, protocol 2": lambda w, path: pickled({"model": as_arrays(w)}, path, 2),
    "pickle, protocol 5": lambda w, path: pickled(OrderedDict(as_arrays(w)), path, 5),
    "torch": saved_by_torch,
    "torch, in a training's": lambda w, path: saved_by_torch({"model": w, "iteration": 7}, path),
    "torch, in a state": lambda w, path: saved_by_torch({"state_dict": OrderedDict(w)}, path),
    "torch, older": in_older_format,
    "safetensors": lambda w, path: (save_file(w, path), path)[1],
}


@pytest.mark.parametrize("suffix", [".pkl", ".pth", ".safetensors", ""])
@pytest.mark.parametrize("form", WRITERS)
def test_every_format_is_read_whatever_the_file_is_called(
    form: str, suffix: str, tmp_path: Path
) -> None:
    weights = tiny(seed=1).state_dict()
    path = WRITERS[form](weights, tmp_path / f"weights{suffix}")
    network = tiny(seed=2)
    load_weights(network, read_checkpoint(path), path)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, weights[name]), name


def test_what_old_numpy_and_python_2_wrote(tmp_path: Path) -> None:
    """Names as before numpy 2, bytes as text, and the other byte order."""
    values = np.arange(-6, 6, dtype=">f4").reshape(3, 4)
    content = pickle.dumps({"a": values, "b": np.asfortranarray(values)}, 2)
    content = content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    (tmp_path / "old.pkl").write_bytes(content)
    read = read_checkpoint(tmp_path / "old.pkl").tensors
    assert read["a"].tolist() == read["b"].tolist() == values.tolist()
    assert read["a"].dtype == torch.float32


def test_what_python_2_wrote_as_text(tmp_path: Path) -> None:
    """There bytes are a string, which is read as Latin-1."""
    data = np.array([1.5, -2.25], "<f4").tobytes()
    content = (
        b"\x80\x02}U\x01acnumpy.core.multiarray\n_reconstruct\n"
        b"cnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x02\x85cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R"
        b"(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89U\x08" + data + b"tbs."
    )
    (tmp_path / "old.pkl").write_bytes(content)
    assert read_checkpoint(tmp_path / "old.pkl").tensors["a"].tolist() == [1.5, -2.25]


def test_what_is_no_weight_is_not_missed(tmp_path: Path) -> None:
    weights = tiny(seed=1).state_dict()
    extra = {
        "pixel_mean": torch.zeros(3, 1, 1),
        "pixel_std": torch.ones(3, 1, 1),
        "proposal_generator.anchor_generator.cell_anchors.0": torch.zeros(3, 4),
        "backbone.bottom_up.stem.conv1.norm.num_batches_tracked": torch.tensor(5),
    }
    path = saved_by_torch({**weights, **extra}, tmp_path / "weights.pth")
    load_weights(tiny(), read_checkpoint(path), path)


def test_saved_in_half_precision_with_its_architecture(tmp_path: Path) -> None:
    path, network = tmp_path / "weights.safetensors", tiny(seed=1)
    save_weights(network, path)
    assert path.stat().st_size < 2.2 * sum(t.numel() for t in network.state_dict().values()) + 2e4
    assert read_architecture(path, read_checkpoint(path).metadata, Architecture) == TINY
    other = tiny(seed=2)
    load_weights(other, read_checkpoint(path), path)
    for name, tensor in other.state_dict().items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, network.state_dict()[name].half().float())


def test_weights_too_large_for_half_precision_replace_nothing(tmp_path: Path) -> None:
    path, network = tmp_path / "weights.safetensors", tiny()
    save_weights(network, path)
    before = path.read_bytes()
    with torch.no_grad():
        network.backbone.bottom_up.stem.conv1.norm.weight[1] = 1e5
    with pytest.raises(DataError, match=r"stem\.conv1\.norm\.weight is not finite in half"):
        save_weights(network, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_weights_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be written"):
        save_weights(tiny(), tmp_path / "nowhere" / "weights.safetensors")


def refused(path: Path, network: RCNN | None = None) -> str:
    """The one line that a file's weights are refused with; the network is left as it was."""
    network = network or tiny()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(DataError) as caught:
        load_weights(network, read_checkpoint(path), path)
    assert all(torch.equal(t, before[name]) for name, t in network.state_dict().items())
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message and len(message) < 300 + len(str(path))
    return message


class Hostile:
    """Unpickled as usual, it would make a file."""

    def __init__(self, path: Path) -> None:
        self.command = f"touch {path}"

    def __reduce__(self) -> Any:
        return os.system, (self.command,)


@pytest.mark.parametrize("writer", [pickled, saved_by_torch, in_older_format])
def test_nothing_in_a_file_is_executed(writer: Callable[[Any, Path], Path], tmp_path: Path) -> None:
    proof = tmp_path / "executed"
    path = writer({"model": {"a": Hostile(proof)}}, tmp_path / "weights.pkl")
    assert "it calls posix.system, " in refused(path)
    assert not proof.exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("builtins", "eval"),
        ("numpy", "load"),
        ("numpy.core.multiarray", "scalar"),
        ("bench.runtime.checkpoint", "pickle.loads"),
        ("_codecs", "decode"),
    ],
)
def test_a_pickle_is_given_nothing_but_arrays(module: str, name: str, tmp_path: Path) -> None:
    content = b"\x80\x04" + b"".join(
        b"\x8c" + bytes([len(text)]) + text.encode() for text in (module, name)
    )
    (tmp_path / "weights.pkl").write_bytes(content + b"\x93)R.")
    assert f"it calls {module}.{name}, " in refused(tmp_path / "weights.pkl")


def test_an_array_of_objects_is_refused(tmp_path: Path) -> None:
    array = np.array([None, {}], object)
    assert "not numbers" in refused(pickled({"a": array}, tmp_path / "weights.pkl"))
    record = np.zeros(3, [("a", "f4")])
    assert "not numbers" in refused(pickled({"a": record}, tmp_path / "weights.pkl"))


@pytest.mark.parametrize("form", WRITERS)
def test_damaged_files(form: str, tmp_path: Path) -> None:
    path = WRITERS[form](tiny().state_dict(), tmp_path / "weights")
    content = path.read_bytes()
    for length in (0, 1, 2, 9, 40, len(content) // 2, len(content) - 40, len(content) - 1):
        path.write_bytes(content[:length])
        refused(path)


@pytest.mark.parametrize(
    ("content", "result"),
    [
        (b"", "empty"),
        (b"GIF89a, but not quite", "not a checkpoint"),
        (b"cposix\nsystem\n(S'true'\ntR.", "not a checkpoint"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "not a checkpoint"),
        (b'{"weights": 1}', "not a checkpoint"),
        (pickle.dumps([1, 2]), "holds a list"),
        (pickle.dumps({}), "no tensors"),
        (pickle.dumps({"a": 1}), "'a' is a int"),
        (pickle.dumps({"model": {"a": "b"}}), "'a' is a str"),
        (pickle.dumps({"blobs": {"conv1_w": np.zeros(3)}}), "Caffe2"),
    ],
)
def test_what_is_no_checkpoint(content: bytes, result: str, tmp_path: Path) -> None:
    (tmp_path / "weights.pkl").write_bytes(content)
    assert result in refused(tmp_path / "weights.pkl")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "weights.pkl")
    assert "a folder" in refused(tmp_path)


def test_weights_of_another_network(tmp_path: Path) -> None:
    faster, masked = replace(TINY, masks=False), TINY
    path = tmp_path / "weights.safetensors"
    save_weights(tiny(faster), path)
    message = refused(path, tiny(masked))
    assert "no roi_heads.mask_head." in message and "one of 12 missing tensors" in message
    save_weights(tiny(masked), path)
    message = refused(path, tiny(faster))
    assert "roi_heads.mask_head." in message and "one of 12 unexpected" in message
    save_weights(tiny(replace(TINY, classes=80)), path)
    message = refused(path)
    assert "roi_heads.box_predictor.cls_score.weight is 81×5" in message
    assert "expected 9×5" in message


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300])
def test_weights_that_are_no_numbers(value: float, tmp_path: Path) -> None:
    weights = tiny().state_dict()
    name = "roi_heads.box_head.fc2.weight"
    broken = weights[name].double()
    broken[2, 3] = value
    path = saved_by_torch({**weights, name: broken}, tmp_path / "weights.pth")
    assert f"{name} has values that are not finite" in refused(path)


def test_files_that_say_nothing_of_an_architecture(tmp_path: Path) -> None:
    weights = tiny().state_dict()
    for writer in WRITERS.values():
        path = writer(weights, tmp_path / "weights")
        assert read_architecture(path, read_checkpoint(path).metadata, Architecture) is None


RIGHT = json.loads(TINY.to_json())


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("", "Expecting value"),
        ("[]", "table []"),
        ("3", "table 3"),
        ("[" * 10**5, "recursion"),
        (json.dumps({**RIGHT, "colour": 3}), "'colour'"),
        (json.dumps({k: v for k, v in RIGHT.items() if k != "stem"}), "'stem' missing"),
        (json.dumps({**RIGHT, "stem": "4"}), "'stem' whole '4'"),
        (json.dumps({**RIGHT, "stem": 4.0}), "'stem' whole 4.0"),
        (json.dumps({**RIGHT, "stem": True}), "'stem' whole True"),
        (json.dumps({**RIGHT, "stem": -1}), "'stem' 0 -1"),
        (json.dumps({**RIGHT, "stem": 10**30}), "'stem' 1048576 1000000"),
        (json.dumps({**RIGHT, "masks": 1}), "'masks' true 1"),
        (json.dumps({**RIGHT, "blocks": [1, 1]}), "'blocks missing"),
        (json.dumps({**RIGHT, "anchor_sizes": 8}), "'anchor_sizes' list 8"),
        (json.dumps({**RIGHT, "pixel_std": [1, 0, 1]}), "'pixel_std' above 0"),
        (json.dumps({**RIGHT, "pixel_mean": [1, float("nan"), 1]}), "'pixel_mean' nan"),
        (json.dumps({**RIGHT, "stem": 0, "res2": "x"}), "'stem' 0 'res2' 'x'"),
    ],
)
def test_an_architecture_that_cannot_be_used(text: str, facts: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file({"a": torch.zeros(1)}, path, {"architecture": text})
    with pytest.raises(DataError) as caught:
        read_architecture(path, read_checkpoint(path).metadata, Architecture)
    assert str(caught.value).startswith(f"{path}: its architecture cannot be used: ")
    assert all(fact in str(caught.value) for fact in facts.split())
