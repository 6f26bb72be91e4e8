"""LSMnet: which elements of the latent a detection network could do without.

A branch beside the encoder takes features of the image at a sixteenth of its size, after *res4* of
a Mask R-CNN's ResNet or after VGG-16's last convolution; a 1×1 convolution and a sigmoid make α of
them, and y is drawn towards what the decoder expects anyway: y' = y - α (y - μ). The decoder knows
nothing of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from bench.vision.backbone import ResNet

# The convolutions of VGG-16 up to relu5_3, torchvision's features[:30]; None halves the size.
_VGG16 = (64, 64, None, 128, 128, None, 256, 256, 256, None, 512, 512, 512, None, 512, 512, 512)
# In the order R, G, B. The published branch gets RGB although its ResNet was trained on BGR.
_RESNET_MEAN, _RESNET_STD = (123.675, 116.28, 103.53), (1.0, 1.0, 1.0)
_VGG_MEAN, _VGG_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class LSMnet(nn.Module):
    """x to α, which has N channels at a sixteenth of the image's size."""

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        kind: str,
        features: nn.Module,
        channels: int,
        outputs: int,
        mean: Sequence[float],
        std: Sequence[float],
    ) -> None:
        super().__init__()
        self.kind = kind
        self.features = features
        self.to_alpha = nn.Conv2d(channels, outputs, 1)
        for name, values in (("mean", mean), ("std", std)):
            self.register_buffer(name, torch.tensor(values)[:, None, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """α of images whose samples are 0 to 1."""
        scale = 255 if self.mean[0] > 1 else 1
        features = self.features((x * scale - self.mean) / self.std)
        return torch.sigmoid(self.to_alpha(features))


def masked(y: Tensor, mu: Tensor, alpha: Tensor) -> Tensor:
    """y, as far drawn towards μ as α says."""
    return y - alpha * (y - mu)


def resnet_lsm(
    outputs: int,
    stem: int = 64,
    res2: int = 256,
    blocks: Sequence[int] = (3, 4, 6),
    mean: Sequence[float] = _RESNET_MEAN,
    std: Sequence[float] = _RESNET_STD,
) -> LSMnet:
    """With the stem, res2, res3 and res4 of a ResNet; 50 layers deep unless said otherwise."""
    features = _Last(ResNet(stem, res2, blocks))
    return LSMnet("resnet", features, res2 << (len(blocks) - 1), outputs, mean, std)


class _Last(nn.Module):
    def __init__(self, resnet: ResNet) -> None:
        super().__init__()
        self.resnet = resnet

    def forward(self, x: Tensor) -> Tensor:
        features: list[Tensor] = self.resnet(x)
        return features[-1]


def vgg_lsm(outputs: int, widths: Sequence[int | None] = _VGG16) -> LSMnet:
    """With the convolutions of a VGG; 16 layers deep unless said otherwise."""
    layers: list[nn.Module] = []
    inputs = 3
    for width in widths:
        if width is None:
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU(inplace=True)]
            inputs = width
    return LSMnet("vgg", nn.Sequential(*layers), inputs, outputs, _VGG_MEAN, _VGG_STD)
