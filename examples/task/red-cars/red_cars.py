"""A task network: whatever is red is a car. Replace 'predict' by a network of yours.

docs/adding-a-task.md explains each member.
"""

import numpy as np
from scipy import ndimage

from bench.instances.detections import Detections
from bench.instances.run_lengths import encode


class RedCars:
    name = "red-cars"  # the name of the entry point
    title = "Whatever is red is a car"
    finds = "masks"  # or "boxes", "semantic" (a class for each pixel), "class" (of the image)
    classes = ("car",)  # they meet those of the data set by name

    def __init__(self, weights):
        """With the path in --task red-cars=WEIGHTS, or None."""
        self.share = float(weights.read_text()) if weights else 0.4
        # Results are kept under it: it changes whenever a picture could give another prediction.
        self.fingerprint = f"red-cars 1 {self.share}"

    def predict(self, pixels):
        """What it finds in RGB (height, width, 3) of 8 bits; several threads call it at once."""
        red = pixels[..., 0] > self.share * pixels.sum(axis=2)
        patches, count = ndimage.label(red)
        masks = [encode(patches == number) for number in range(1, count + 1)]
        masks = tuple(mask for mask in masks if mask.area >= 60)
        areas = np.array([mask.area for mask in masks], float)
        return Detections(
            size=red.shape,
            classes=np.zeros(len(masks), int),  # places in the names
            scores=areas / (areas + 1000),  # the larger, the surer
            boxes=np.array([mask.box() for mask in masks], float).reshape(-1, 4),
            masks=masks,
            names=self.classes,
        )
