"""LSMnet: which elements of the latent a detection network could do without.

A branch beside the encoder takes features of the image at a sixteenth of its size, after *res4* of
a Mask R-CNN's ResNet or after VGG-16's last convolution; a 1×1 convolution and a sigmoid make α of
them, and y is drawn towards what the decoder expects anyway: y' = y - α (y - μ). The decoder knows
nothing of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from bench.codecs.families.ncn.network import Y_STEP
from bench.errors import DataError
from bench.tasks.task import is_shipped, task_network
from bench.vision.backbone import ResNet
from bench.vision.vgg import VGG16, VGG_MEAN, VGG_STD, is_vgg, trained_vgg, vgg_layers

# Mean and deviation of the input, in the order R, G, B. The published branch gets RGB although its
# ResNet was trained on BGR.
_NORMAL = {"resnet": ((123.675, 116.28, 103.53), (1.0, 1.0, 1.0)), "vgg": (VGG_MEAN, VGG_STD)}
# The α that training begins with is so small that it takes nothing away.
_FIRST_BIAS = -3.0


class LSMnet(nn.Module):
    """x to α, which has N channels at a sixteenth of the image's size."""

    mean: Tensor
    std: Tensor

    def __init__(self, kind: str, features: nn.Module, channels: int, outputs: int) -> None:
        super().__init__()
        self.kind = kind
        self.enlargement = 1.0  # of what its features see
        self.borrowed_from = ""  # the shipped network that has its features, if any
        self.features = features
        self.to_alpha = nn.Conv2d(channels, outputs, 1)
        for name, values in zip(("mean", "std"), _NORMAL[kind], strict=True):
            self.register_buffer(name, torch.tensor(values)[:, None, None], persistent=False)

    def forward(self, x: Tensor, bias: Tensor | int = 0) -> Tensor:
        """α of images whose samples are 0 to 1; the bias is added before the sigmoid."""
        return torch.sigmoid(self.to_alpha(self.seen(x)) + bias)

    def seen(self, x: Tensor) -> Tensor:
        """The features that α is made of."""
        scale = 255 if self.mean[0] > 1 else 1
        size = (x.shape[2] // Y_STEP, x.shape[3] // Y_STEP)
        if self.enlargement != 1:
            x = functional.interpolate(x, scale_factor=self.enlargement, mode="bilinear")
        features: Tensor = self.features((x * scale - self.mean) / self.std)
        if features.shape[2:] != size:
            features = functional.interpolate(features, size, mode="bilinear")
        return features


def masked(y: Tensor, mu: Tensor, alpha: Tensor) -> Tensor:
    """y, as far drawn towards μ as α says."""
    return y - alpha * (y - mu)


def resnet_lsm(
    outputs: int, stem: int = 64, res2: int = 256, blocks: Sequence[int] = (3, 4, 6)
) -> LSMnet:
    """With the stem, res2, res3 and res4 of a ResNet; 50 layers deep by default."""
    features = _Last(ResNet(stem, res2, blocks))
    channels = res2 << (len(blocks) - 1)
    return LSMnet("resnet", features, channels, outputs)


def new_lsm(features: str, outputs: int, enlargement: float) -> LSMnet:
    """On the trained features of a network, with an untrained 1×1 convolution."""
    lsm = _on_vgg(features, outputs) if is_vgg(features) else _on_task(features, outputs)
    lsm.enlargement = enlargement
    lsm.borrowed_from = features if is_shipped(features) else ""
    nn.init.constant_(lsm.to_alpha.bias, _FIRST_BIAS)  # type: ignore[arg-type]
    return lsm


def _on_vgg(name: str, outputs: int) -> LSMnet:
    layers, widths = trained_vgg(name)
    lsm = vgg_lsm(outputs, widths)
    lsm.features.load_state_dict(layers.state_dict())
    return lsm


def _on_task(name: str, outputs: int) -> LSMnet:
    """With the ResNet of a task network, which if it is ours is shown what it was trained on."""
    network = task_network(name)
    architecture = network.architecture
    if architecture.vovnet:
        raise DataError(f"{name}: an LSMnet needs the features of a ResNet, not of a VoVNet")
    lsm = resnet_lsm(outputs, architecture.stem, architecture.res2, architecture.blocks[:3])
    features = cast(_Last, lsm.features)
    trained = network.backbone.bottom_up.state_dict()
    features.resnet.load_state_dict({name: trained[name] for name in features.resnet.state_dict()})
    if is_shipped(name):
        features.reverse = True
        lsm.mean.copy_(torch.tensor(architecture.pixel_mean[::-1])[:, None, None])
        lsm.std.copy_(torch.tensor(architecture.pixel_std[::-1])[:, None, None])
    return lsm


class _Last(nn.Module):
    """What comes out of a ResNet in the end, of B, G, R where ``reverse`` is set."""

    def __init__(self, resnet: ResNet) -> None:
        super().__init__()
        self.resnet, self.reverse = resnet, False

    def forward(self, x: Tensor) -> Tensor:
        features: list[Tensor] = self.resnet(x.flip(1) if self.reverse else x)
        return features[-1]


def vgg_lsm(outputs: int, widths: Sequence[int | None] = VGG16) -> LSMnet:
    """With the convolutions of a VGG; 16 layers deep by default."""
    channels = [width for width in widths if width is not None][-1]
    return LSMnet("vgg", vgg_layers(widths), channels, outputs)
