"""An NCN's weights: the published files are read by their names, and ours are written under them.

The numbers of channels follow from the shapes in a file; whether there is a linear transform or an
LSMnet, and of which kind, from the names.

Where one network serves all λ, a file beside those of the λ has it. Theirs have what differs: a
gain for each channel of y in the encoder, one in the decoder, and the bias of the LSMnet's last
convolution.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.random import fork_rng

from bench.codecs.families.inference import weights_digest
from bench.codecs.families.ncn.masking import LSMnet, new_lsm, resnet_lsm, vgg_lsm
from bench.codecs.families.ncn.network import NCN
from bench.codecs.families.neural_stream import MODEL_DIGEST
from bench.codecs.weights import beside
from bench.errors import DataError
from bench.runtime.cache import file_digest
from bench.runtime.checkpoint import (
    Checkpoint,
    check_tensors,
    outline,
    read_checkpoint,
    save_tensors,
)
from bench.tasks.task import is_shipped

# Where a layer of ours is in the published files.
_PRIOR = "LSUnits.0.priorNetwork"
_NAMES = {
    "g_enc.0": "encoder.0",
    "g_enc.2": "encoder.1",
    "g_enc.4": "encoder.2",
    "g_enc.6": "LSUnits.0.convEnc",
    "g_enc.8": "LSUnits.0.LSGen",
    "g_dec.0": "LSUnits.0.deconvDec",
    "g_dec.2": "decoder.0",
    "g_dec.4": "decoder.1",
    "g_dec.6": "decoder.2",
    # Ours alone, where a linear transform stands beside the others.
    "g_enc.linear": "linear.encoder",
    "g_dec.linear": "linear.decoder",
    "h_enc.0": f"{_PRIOR}.encoder_first",
    "h_enc.1": f"{_PRIOR}.encoder_GDN.0",
    "h_enc.2": f"{_PRIOR}.encoder.0",
    "h_dec.0": f"{_PRIOR}.decoder.0",
    "h_dec.1": f"{_PRIOR}.decoder_GDN.0",
    "h_dec.2": f"{_PRIOR}.decoder.1",
    "h_dec.3": f"{_PRIOR}.decoder_GDN.1",
    "h_dec.4": f"{_PRIOR}.decoder_final",
    "z_prior": f"{_PRIOR}.autoregressive",
}
_TO_ALPHA = "LSUnits.0.resNetToMask.0"
_BRANCH = "parallelBranch"
# What a file says of weights that it has not itself.
_FEATURES, _FEATURES_DIGEST, _ENLARGEMENT = "features", "features_digest", "enlargement"
_NCN, _NCN_DIGEST = "ncn", "ncn_digest"
_SHARED_DIGEST = "shared_digest"
SHARED = "shared.safetensors"
_GAINS = ("gains.encoder", "gains.decoder")
_CODEC = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_VGG_LAYER = re.compile(rf"{_BRANCH}\.(\d{{1,2}})\.weight")
# The inputs that are always zero: which axis has them, and whether they come first.
_DEAD = {
    "LSUnits.0.LSGen.weight": (1, False),
    "LSUnits.0.deconvDec.weight": (0, True),
    f"{_PRIOR}.encoder_first.weight": (1, False),
    f"{_PRIOR}.decoder_final.weight": (1, False),
}
_PAST = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1, 1], dtype=torch.bool).reshape(3, 3)


@fork_rng([])  # layers that are made draw their first weights
def load_ncn(path: Path, digest: str | None = None) -> tuple[NCN, LSMnet | None]:
    """The networks in a file, ready to code; if a digest is given, the file must have it."""
    found, metadata = _with_borrowed(path, read_checkpoint(path, digest))
    gains = {name: found.pop(name) for name in _GAINS if name in found}
    build = _ncn_builder(path, found)
    branch = {n: tensor for n, tensor in found.items() if n.startswith((_TO_ALPHA, _BRANCH))}
    shapes = outline(path, build).state_dict()
    wanted = {_published(name): tensor for name, tensor in shapes.items()}
    tensors = {n: _live(n, tensor, wanted) for n, tensor in found.items() if n not in branch}
    check_tensors(path, wanted, tensors)
    ncn = build()
    ncn.load_state_dict({name: tensors[_published(name)] for name in ncn.state_dict()})
    if gains:
        check_tensors(path, dict.fromkeys(_GAINS, torch.empty(ncn.channels)), gains)
        ncn.scale(*(gains[name].float() for name in _GAINS))
    lsm = None
    if f"{_TO_ALPHA}.weight" in branch:
        lsm = _load_lsm(branch, ncn.channels, path, metadata)
    else:
        check_tensors(path, {}, branch)
    for network in (ncn, lsm):
        if network is not None:
            network.eval().requires_grad_(False)
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return ncn, lsm


def _ncn_builder(path: Path, found: dict[str, Tensor]) -> Callable[[], NCN]:
    """What makes the network that the shapes describe."""
    first = found.get("encoder.0.weight")
    if first is None or first.shape[1:] != (3, 5, 5) or len(first) < 2:
        raise DataError(f"{path}: no encoder.0.weight N×3×5×5: not the weights of an NCN")
    channels = _outputs(found, "LSUnits.0.convEnc.weight", len(first))
    widths = [_outputs(found, f"encoder.{index}.weight", channels) for index in range(3)]
    hyper = _outputs(found, f"{_PRIOR}.encoder_first.weight", channels)
    return partial(NCN, channels, widths, hyper, linear="linear.encoder.weight" in found)


def save_ncn(ncn: NCN, lsm: LSMnet | None, path: Path, ncn_of: str = "") -> None:
    """Write weights in half precision, under the published names.

    Weights that another file has are not stored again: the features of a shipped network and, if
    ``ncn_of`` names a codec, that codec's NCN in the file beside this one.
    """
    tensors, metadata = {}, dict[str, str]()
    if lsm is not None:
        tensors = {_published_of_lsm(name): tensor for name, tensor in _own(lsm).items()}
        metadata[_ENLARGEMENT] = repr(lsm.enlargement)
        if lsm.borrowed_from:
            metadata[_FEATURES] = lsm.borrowed_from
            metadata[_FEATURES_DIGEST] = weights_digest(lsm.features).hex()
    if ncn_of:
        metadata |= {_NCN: ncn_of, _NCN_DIGEST: file_digest(beside(path, ncn_of))}
    else:
        tensors |= {_published(name): tensor for name, tensor in ncn.state_dict().items()}
    save_tensors(tensors, path, metadata)


def save_gains(gains: tuple[Tensor, Tensor], bias: Tensor | None, path: Path) -> None:
    """Write what of a λ differs from the network in the shared file beside it.

    The gains are the encoder's and the decoder's, the bias is that of an LSMnet's last layer.
    """
    tensors = dict(zip(_GAINS, gains, strict=True))
    if bias is not None:
        tensors[f"{_TO_ALPHA}.bias"] = bias
    save_tensors(tensors, path, {_SHARED_DIGEST: file_digest(path.with_name(SHARED))})


def load_gains(path: Path) -> tuple[Tensor, Tensor]:
    """The gains in the file of a λ."""
    found = read_checkpoint(path).tensors
    encoder, decoder = (found.get(name) for name in _GAINS)
    if encoder is None or decoder is None:
        raise DataError(f"{path}: no {' and '.join(_GAINS)}: weights of one λ alone")
    return encoder.float(), decoder.float()


def _with_borrowed(path: Path, read: Checkpoint) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The weights of a file with those that are in others, and the metadata of all of them."""
    found, metadata = _weights(path, read), read.metadata
    if _SHARED_DIGEST in metadata and path.name != SHARED:
        what, shared = "its network is shared by all λ", path.with_name(SHARED)
        read = _unchanged(path, what, shared, metadata[_SHARED_DIGEST])
        others, of_others = _with_borrowed(shared, read)
        found, metadata = others | found, of_others | metadata
    elif _NCN in metadata:
        codec = metadata[_NCN]
        if not _CODEC.fullmatch(codec):
            raise DataError(f"{path}: invalid name '{codec}' of the codec that has its NCN")
        what, other = f"its NCN is that of {codec}", beside(path, codec)
        found = _ncn_of(other, _unchanged(path, what, other, metadata.get(_NCN_DIGEST, ""))) | found
    return found, metadata


def _unchanged(path: Path, what: str, other: Path, digest: str) -> Checkpoint:
    """What another file holds, which must be the one that was there when ``path`` was written."""
    if not other.is_file():
        raise DataError(f"{path}: {what}, but there is no {other}")
    read = read_checkpoint(other)
    if read.digest != digest:
        raise DataError(f"{path}: {what}, but {other} has changed since")
    return read


def _ncn_of(path: Path, read: Checkpoint) -> dict[str, Tensor]:
    """The weights of a file without those of an LSMnet."""
    found = _weights(path, read).items()
    return {name: each for name, each in found if not name.startswith((_TO_ALPHA, _BRANCH))}


def _own(lsm: LSMnet) -> dict[str, Tensor]:
    """Its weights, without features that it borrows."""
    tensors = lsm.state_dict()
    if not lsm.borrowed_from:
        return tensors
    return {name: tensor for name, tensor in tensors.items() if name.startswith("to_alpha.")}


def decoder_digest(ncn: NCN) -> bytes:
    """Identifies the weights that a decoder needs, independent of their file."""
    return weights_digest(ncn.h_dec, ncn.z_prior, ncn.g_dec)[:MODEL_DIGEST]


def _published(name: str) -> str:
    name = name.replace(".deep.", ".")
    layer = max((layer for layer in _NAMES if name.startswith(f"{layer}.")), key=len)
    return _NAMES[layer] + name.removeprefix(layer)


def _published_of_lsm(name: str) -> str:
    if name.startswith("to_alpha."):
        return _TO_ALPHA + name.removeprefix("to_alpha")
    own = name.removeprefix("features.resnet.")
    if own == name:  # VGG's layers are numbered as torchvision does
        return f"{_BRANCH}.{name.removeprefix('features.')}"
    stage, rest = own.split(".", 1)
    index = 0 if stage == "stem" else int(stage.removeprefix("res")) - 1
    return f"{_BRANCH}.{index}.{rest}"


def _load_lsm(
    found: dict[str, Tensor], channels: int, path: Path, metadata: dict[str, str]
) -> LSMnet:
    """The LSMnet of a file, whose features are in it as well or are those of a shipped network."""
    try:
        enlargement = float(metadata.get(_ENLARGEMENT, "1"))
    except ValueError:
        enlargement = math.nan
    if not 0 < enlargement < 16:
        raise DataError(f"{path}: its LSMnet sees pictures enlarged by {metadata[_ENLARGEMENT]!r}")
    if _FEATURES in metadata:
        lsm = _borrowing(path, metadata, channels, enlargement)
    else:
        build = _lsm_builder(found, channels)
        shapes = outline(path, build).state_dict()
        check_tensors(path, {_published_of_lsm(name): t for name, t in shapes.items()}, found)
        lsm = build()
        lsm.enlargement = enlargement
    own = _own(lsm)
    check_tensors(path, {_published_of_lsm(name): tensor for name, tensor in own.items()}, found)
    weights = {name: found[_published_of_lsm(name)] for name in own}
    lsm.load_state_dict(weights, strict=not lsm.borrowed_from)
    return lsm


def _borrowing(path: Path, metadata: dict[str, str], channels: int, enlargement: float) -> LSMnet:
    features = metadata[_FEATURES]
    if not is_shipped(features):
        raise DataError(f"{path}: its features are those of '{features}', which is not shipped")
    lsm = new_lsm(features, channels, enlargement)
    if weights_digest(lsm.features).hex() != metadata.get(_FEATURES_DIGEST):
        raise DataError(f"{path}: its features are those of {features}, which has changed since")
    return lsm


def _lsm_builder(found: dict[str, Tensor], channels: int) -> Callable[[], LSMnet]:
    """What makes the network that the names and shapes describe."""
    if f"{_BRANCH}.0.conv1.weight" not in found:
        widths = _vgg_widths(found)
        return partial(vgg_lsm, channels, widths) if widths else partial(vgg_lsm, channels)
    blocks: dict[int, int] = {}
    for name in found:
        if block := re.match(rf"{_BRANCH}\.([1-9])\.(\d{{1,2}})\.", name):
            stage, index = int(block[1]), int(block[2])
            blocks[stage] = max(blocks.get(stage, 0), index + 1)
    stem = _outputs(found, f"{_BRANCH}.0.conv1.weight", 64)
    res2 = _outputs(found, f"{_BRANCH}.1.0.conv3.weight", 256)
    depths = [blocks[stage] for stage in sorted(blocks)] or [3, 4, 6]
    return partial(resnet_lsm, channels, stem, res2, depths)


def _outputs(found: dict[str, Tensor], name: str, usual: int) -> int:
    """The output channels of a convolution; the usual number, to be refused, if it is none."""
    weight = found.get(name)
    return usual if weight is None or weight.ndim != 4 else len(weight)


def _vgg_widths(found: dict[str, Tensor]) -> list[int | None]:
    """The widths of a VGG's convolutions, None where it halves, as its layers are numbered."""
    layers = {
        int(number[1]): tensor
        for name, tensor in found.items()
        if (number := _VGG_LAYER.fullmatch(name)) and tensor.ndim == 4
    }
    widths: list[int | None] = []
    before = -2
    for index in sorted(layers):
        widths += [None] * (index - before - 2) + [len(layers[index])]
        before = index
    return widths


def _weights(path: Path, read: Checkpoint) -> dict[str, Tensor]:
    """Without the masks of causal convolutions, which are only checked."""
    for name, tensor in read.tensors.items():
        if name.endswith(".mask") and not _masks_past(tensor.cpu()):
            raise DataError(f"{path}: {name} masks other weights than an NCN's")
    return {name: t for name, t in read.tensors.items() if not name.endswith(".mask")}


def _masks_past(mask: Tensor) -> bool:
    return mask.shape[-2:] == _PAST.shape and bool((mask.bool() == _PAST).all())


def _live(name: str, tensor: Tensor, wanted: dict[str, Tensor]) -> Tensor:
    """A weight without the half that sees only zeros, if it has it."""
    if name not in _DEAD or name not in wanted or tensor.ndim != 4:
        return tensor
    axis, comes_first = _DEAD[name]
    live, channels = wanted[name].shape[axis], wanted["LSUnits.0.convEnc.bias"].shape[0]
    if tensor.shape[axis] != live + channels:
        return tensor
    return tensor.narrow(axis, channels if comes_first else 0, live)
