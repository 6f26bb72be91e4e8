"""Torchvision's own detectors by name, without importing it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from bench.errors import DataError, UnavailableError
from bench.runtime.text import did_you_mean

TORCHVISION = "torchvision"
DETECTORS = {
    "fasterrcnn_mobilenet_v3_large_320_fpn": "Faster R-CNN, MobileNetV3 FPN, 320",
    "fasterrcnn_mobilenet_v3_large_fpn": "Faster R-CNN, MobileNetV3 FPN",
    "fasterrcnn_resnet50_fpn": "Faster R-CNN, ResNet-50 FPN",
    "fasterrcnn_resnet50_fpn_v2": "Faster R-CNN v2, ResNet-50 FPN",
    "fcos_resnet50_fpn": "FCOS, ResNet-50 FPN",
    "maskrcnn_resnet50_fpn": "Mask R-CNN, ResNet-50 FPN",
    "maskrcnn_resnet50_fpn_v2": "Mask R-CNN v2, ResNet-50 FPN",
    "retinanet_resnet50_fpn": "RetinaNet, ResNet-50 FPN",
    "retinanet_resnet50_fpn_v2": "RetinaNet v2, ResNet-50 FPN",
    "ssd300_vgg16": "SSD300, VGG-16",
    "ssdlite320_mobilenet_v3_large": "SSDlite320, MobileNetV3",
}


def check_detector(name: str, given: str) -> tuple[str, str]:
    """Its title, and the version of torchvision that is installed."""
    if name not in DETECTORS:
        known = f"known: {', '.join(DETECTORS)}"
        raise DataError(f"{given}: unknown detector; {did_you_mean(name, DETECTORS, known)}")
    try:
        return f"{DETECTORS[name]}, COCO", version(TORCHVISION)
    except PackageNotFoundError as error:
        raise UnavailableError(
            f"{given}: torchvision is not installed; pip install '.[torchvision]'"
        ) from error
