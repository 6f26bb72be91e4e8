"""bench's own networks: what they find, where their weights are, and how they are loaded."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench.datasets.cityscapes_labels import CLASSES, SEMANTIC
from bench.errors import BenchError
from bench.images.colour import Pixels
from bench.instances.predictions import Finds
from bench.instances.pseudo_truth import Prediction
from bench.runtime.finding import Described, Finding, absent
from bench.runtime.lanes import lanes_of
from bench.runtime.settings import user_path
from bench.runtime.trace import holding
from bench.vision import SHIPPED_WEIGHTS
from bench.vision.architecture import V39, V39_BLOCKS, Architecture
from bench.vision.coco_classes import COCO
from bench.vision.nanodet_files import GET

if TYPE_CHECKING:
    import torch

Finder = Callable[[Pixels], Prediction]
_WORDS: Mapping[Finds, str] = {
    "masks": "boxes and masks",
    "boxes": "boxes",
    "semantic": "semantic maps",
}
# The default network of each data set.
DEFAULTS = {"toyscapes": "mask-rcnn-toy", "cityscapes": "mask-rcnn"}


@dataclass(frozen=True)
class Known(Described, ABC):
    """One of bench's own networks."""

    name: str
    title: str
    classes: tuple[str, ...] = CLASSES
    get: str = ""  # how to get the weights, unless they are shipped
    data: str = field(default="", kw_only=True)  # the kind of data set that it is trained for

    @property
    @abstractmethod
    def finds(self) -> Finds: ...

    @abstractmethod
    def load(self, weights: Path, on: Sequence[torch.device], digest: str) -> Finder:
        """The network with the weights in a file of that digest, on the devices that it uses."""

    @property
    def variable(self) -> str | None:
        """Names the file of weights, unless they are shipped."""
        return f"BENCH_{self.name.upper().replace('-', '_')}" if self.get else None

    def weights(self) -> Path | None:
        if self.variable is None:
            return SHIPPED_WEIGHTS / f"{self.name}.safetensors"
        return user_path(self.variable)

    def missing(self) -> str | None:
        try:
            weights = self.weights()
        except BenchError as error:  # settings that cannot be read
            return str(error)
        if weights is not None and weights.is_file():
            return None
        if weights is None:
            return f"no weights; name their file in {self.variable} ({self.get})"
        if self.variable is None:
            train = f"'bench train {self.name}' makes them"
            return f"no weights yet; {train}, for --task {self.name}=FILE"
        return f"no weights at {weights}, which {self.variable} names ({self.get})"

    def facts(self) -> Mapping[str, str]:
        weights = None if self.missing() else self.weights()
        return {
            "finds": _WORDS[self.finds],
            "default": ", ".join(data for data, usual in DEFAULTS.items() if usual == self.name),
            "weights": str(weights or ""),
            "use": f"--task {self.name}" if weights else f"--task {self.name}=FILE",
        }

    def findings(self) -> Iterable[Finding]:
        """The weights that are the user's to bring."""
        if self.variable and (missing := self.missing()):
            yield Finding(self.name, absent(self.variable), "not found", missing, "tasks")
        elif self.variable:
            yield Finding(self.name, True, f"weights {self.weights()}", group="tasks")


@dataclass(frozen=True)
class RegionDetector(Known):
    """Mask or Faster R-CNN, or CenterMask."""

    # unless the file of weights has its own
    architecture: Architecture = field(default_factory=Architecture)

    @property
    def finds(self) -> Finds:
        return "masks" if self.architecture.masks else "boxes"

    def load(self, weights: Path, on: Sequence[torch.device], digest: str) -> Finder:
        from bench.vision.checkpoint import load_network
        from bench.vision.detector import detect_by

        networks = [load_network(weights, self.architecture, each, digest) for each in on]
        return partial(detect_by, lanes_of(networks, on[0]), names=self.classes)


class NanoDet(Known):
    """Its weights are two files of known digests."""

    finds = "boxes"

    def load(self, weights: Path, on: Sequence[torch.device], digest: str) -> Finder:
        from bench.vision.nanodet import detect, load_nanodet

        find = partial(detect, load_nanodet(weights, on[0]))
        return find if on[0].type == "cpu" else one_by_one(find)


class Torchvision(RegionDetector):
    """A detector of torchvision's, which has the same name there."""

    def load(self, weights: Path, on: Sequence[torch.device], digest: str) -> Finder:
        from bench.tasks.torchvision_network import load_detector

        find = load_detector(self.name, weights, on[0], digest)
        return find if on[0].type == "cpu" else one_by_one(find)


class Segmenter(Known):
    """Its architecture is in its file of weights."""

    finds = "semantic"

    def load(self, weights: Path, on: Sequence[torch.device], digest: str) -> Finder:
        from bench.vision.semantic_fpn import load_segmenter, segment

        network = load_segmenter(weights, len(self.classes), on[0], digest)
        find = partial(segment, network, names=self.classes)
        return find if on[0].type == "cpu" else one_by_one(find)


COCO_NETWORK = Architecture(classes=80, shortest_side=800, longest_side=1333)
_ZOO = "Detectron2's zoo has them for"
_OWN = "with Cityscapes' 8 classes"
_V39 = Architecture(vovnet=V39, blocks=V39_BLOCKS)
NETWORKS = (
    RegionDetector("mask-rcnn-toy", "Mask R-CNN, narrow, Toyscapes", data="toyscapes"),
    RegionDetector(
        "faster-rcnn-toy",
        "Faster R-CNN, narrow, Toyscapes",
        architecture=Architecture(masks=False),
        data="toyscapes",
    ),
    Segmenter("semantic-toy", "Semantic FPN, narrow, Toyscapes", SEMANTIC, data="toyscapes"),
    RegionDetector(
        "mask-rcnn",
        "Mask R-CNN, ResNet-50 FPN",
        get=f"{_ZOO} Cityscapes: mask_rcnn_R_50_FPN, model_final_af9cf5.pkl",
        data="cityscapes",
    ),
    RegionDetector(
        "faster-rcnn",
        "Faster R-CNN, ResNet-50 FPN",
        get=f"train them with Detectron2's faster_rcnn_R_50_FPN, {_OWN}",
        architecture=Architecture(masks=False),
        data="cityscapes",
    ),
    RegionDetector(
        "mask-rcnn-v39",
        "Mask R-CNN, VoVNet-39 FPN",
        get=f"train them with vovnet-detectron2's mask_rcnn_V_39_FPN, {_OWN}",
        architecture=_V39,
        data="cityscapes",
    ),
    RegionDetector(
        "faster-rcnn-v39",
        "Faster R-CNN, VoVNet-39 FPN",
        get=f"train them with vovnet-detectron2's faster_rcnn_V_39_FPN, {_OWN}",
        architecture=replace(_V39, masks=False),
        data="cityscapes",
    ),
    RegionDetector(
        "centermask",
        "CenterMask, ResNet-50 FPN",
        get=f"train them with centermask2's centermask_R_50_FPN, {_OWN}",
        architecture=Architecture(one_stage=True),
        data="cityscapes",
    ),
    RegionDetector(
        "centermask-v39",
        "CenterMask, VoVNet-39 FPN",
        get=f"train them with centermask2's centermask_V_39_eSE_FPN, {_OWN}",
        architecture=replace(_V39, one_stage=True),
        data="cityscapes",
    ),
    RegionDetector(
        "mask-rcnn-coco",
        "Mask R-CNN, ResNet-50 FPN, COCO",
        COCO,
        f"{_ZOO} COCO: mask_rcnn_R_50_FPN_3x",
        COCO_NETWORK,
        data="coco",
    ),
    RegionDetector(
        "faster-rcnn-coco",
        "Faster R-CNN, ResNet-50 FPN, COCO",
        COCO,
        f"{_ZOO} COCO: faster_rcnn_R_50_FPN_3x",
        replace(COCO_NETWORK, masks=False),
        data="coco",
    ),
    NanoDet("nanodet", "NanoDet, COCO", COCO, GET, data="coco"),
)


def one_by_one(find: Finder) -> Finder:
    device = threading.Lock()

    def found(pixels: Pixels) -> Prediction:
        with holding(device, "the device"):
            return find(pixels)

    return found
