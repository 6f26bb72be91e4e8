"""Cityscapes' labels, and which of them are evaluated as instances."""

from __future__ import annotations

from typing import NamedTuple


class Label(NamedTuple):
    """One label; predictions on void are ignored."""

    name: str
    id: int
    void: bool = False
    has_instances: bool = False


LABELS = (
    Label("unlabeled", 0, void=True),
    Label("ego vehicle", 1, void=True),
    Label("rectification border", 2, void=True),
    Label("out of roi", 3, void=True),
    Label("static", 4, void=True),
    Label("dynamic", 5, void=True),
    Label("ground", 6, void=True),
    Label("road", 7),
    Label("sidewalk", 8),
    Label("parking", 9, void=True),
    Label("rail track", 10, void=True),
    Label("building", 11),
    Label("wall", 12),
    Label("fence", 13),
    Label("guard rail", 14, void=True),
    Label("bridge", 15, void=True),
    Label("tunnel", 16, void=True),
    Label("pole", 17),
    Label("polegroup", 18, void=True),
    Label("traffic light", 19),
    Label("traffic sign", 20),
    Label("vegetation", 21),
    Label("terrain", 22),
    Label("sky", 23),
    Label("person", 24, has_instances=True),
    Label("rider", 25, has_instances=True),
    Label("car", 26, has_instances=True),
    Label("truck", 27, has_instances=True),
    Label("bus", 28, has_instances=True),
    Label("caravan", 29, void=True, has_instances=True),
    Label("trailer", 30, void=True, has_instances=True),
    Label("train", 31, has_instances=True),
    Label("motorcycle", 32, has_instances=True),
    Label("bicycle", 33, has_instances=True),
    Label("license plate", -1, void=True),
)

# The order of the classes is that of the official evaluation.
EVALUATED = tuple(label for label in LABELS if label.has_instances and not label.void)
CLASSES = tuple(label.name for label in EVALUATED)
SEMANTIC = tuple(label.name for label in LABELS if not label.void)
LABEL_IDS = {label.name: label.id for label in EVALUATED}
