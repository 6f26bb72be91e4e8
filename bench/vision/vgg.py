"""VGG: the convolutions of a classifier, as features for an LSMnet."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from bench.errors import UnavailableError
from bench.runtime.checkpoint import check_tensors, read_checkpoint
from bench.runtime.settings import user_path
from bench.vision import SHIPPED_WEIGHTS

# Up to relu5_3, torchvision's features[:30]; None halves the size.
VGG16 = (64, 64, None, 128, 128, None, 256, 256, 256, None, 512, 512, 512, None, 512, 512, 512)
# As deep, but narrow.
VGG_TOY = (16, 16, None, 24, 24, None, 48, 48, 48, None, 96, 96, 96, None, 96, 96, 96)
# Of R, G, B from 0 to 1.
VGG_MEAN, VGG_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

_FEATURES = "features."


Widths = Sequence[int | None]
# By name: the widths, and the variable that names the file of weights unless they are shipped.
_KNOWN: dict[str, tuple[Widths, str | None]] = {
    "vgg-toy": (VGG_TOY, None),
    "vgg16": (VGG16, "BENCH_VGG16"),
}


def vgg_layers(widths: Widths) -> nn.Sequential:
    """Numbered as torchvision numbers them."""
    layers: list[nn.Module] = []
    inputs = 3
    for width in widths:
        if width is None:
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU(inplace=True)]
            inputs = width
    return nn.Sequential(*layers)


def is_vgg(name: str) -> bool:
    return name in _KNOWN


def trained_vgg(name: str) -> tuple[nn.Sequential, Widths]:
    """The convolutions of a known classifier, and their widths."""
    widths, variable = _KNOWN[name]
    path = user_path(variable) if variable else SHIPPED_WEIGHTS / f"{name}.safetensors"
    if path is None:
        get = f"set {variable} to torchvision's file, vgg16-397923af.pth"
        raise UnavailableError(f"{name}: no weights; {get}")
    if not variable and not path.is_file():
        raise UnavailableError(f"{name}: no weights; 'bench train {name}' makes them")
    layers = vgg_layers(widths)
    # The file also has the classifier after them.
    found = {
        name.removeprefix(_FEATURES): tensor
        for name, tensor in read_checkpoint(path).tensors.items()
        if name.startswith(_FEATURES)
    }
    check_tensors(path, layers.state_dict(), found)
    layers.load_state_dict(found)
    return layers, widths
