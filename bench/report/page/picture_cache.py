"""Pictures of a gallery as files that a page can show, cached beside the report.

Decoding a picture and running a network on it takes half a second to some seconds.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image as PillowImage

from bench.errors import DataError, StoreError
from bench.images.colour import Pixels
from bench.instances.detections import Detections
from bench.report.page.outlines import outline
from bench.runtime.files import make_folder, replacing

# Changes whenever the same picture would look different.
_VERSION = 1
# Lossy WebP always subsamples chroma, which costs pictures of neural codecs about 4 dB.
LOSSY: dict[str, Any] = {"format": "JPEG", "quality": 95, "subsampling": 0, "optimize": True}
LOSSLESS: dict[str, Any] = {"format": "WEBP", "lossless": True}
MAX_SIDE = 16383  # of a WebP

Shapes = list[dict[str, Any]]


def shapes(found: Detections, least_score: float) -> Shapes:
    """Detections with at least that score, by falling score, as outlines or boxes."""
    order = sorted(range(len(found)), key=lambda row: -found.scores[row])
    return [
        {
            "class": found.names[found.classes[row]],
            "score": f"{found.scores[row]:.2f}",
            "box": [round(float(value), 1) for value in found.boxes[row]],
            "outline": outline(found.masks[row].decode()) if found.masks is not None else None,
        }
        for row in order
        if found.scores[row] >= least_score
    ]


class PictureCache:
    """A folder of pictures and the detections in each, named by what they depend on."""

    def __init__(self, folder: Path, *, lossless: bool) -> None:
        self.folder, self.lossless = folder, lossless
        self.media_type = "image/webp" if lossless else "image/jpeg"
        make_folder(folder)

    def picture(
        self, key: Sequence[str], make: Callable[[], tuple[Pixels, Shapes]]
    ) -> tuple[bytes, Shapes]:
        """A picture as a file's bytes, and the shapes in it; made if it is not in the folder."""
        path = self._path("lossless" if self.lossless else "lossy", *key)
        found = path.with_suffix(".json")
        file = path.with_suffix(".webp" if self.lossless else ".jpg")
        if not (found.is_file() and file.is_file()):
            pixels, detected = make()
            self._write(file, self._compressed(pixels))
            self._write(found, json.dumps(detected).encode())
        with self._usable():
            return file.read_bytes(), self._shapes(found)

    def shapes(self, key: Sequence[str], make: Callable[[], Shapes]) -> Shapes:
        """Shapes without a picture."""
        path = self._path("shapes", *key).with_suffix(".json")
        if not path.is_file():
            self._write(path, json.dumps(make()).encode())
        return self._shapes(path)

    def _shapes(self, path: Path) -> Shapes:
        with self._usable():
            content: Shapes = json.loads(path.read_bytes())
        return content

    def _write(self, path: Path, content: bytes) -> None:
        with self._usable(), replacing(path) as temporary:
            temporary.write_bytes(content)

    @contextmanager
    def _usable(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise StoreError(
                f"{self.folder}: cannot be used ({reason}); delete it, and it is made again"
            ) from error

    def _path(self, *key: str) -> Path:
        name = hashlib.sha256(json.dumps([_VERSION, *key]).encode()).hexdigest()
        return self.folder / name[:32]

    def _compressed(self, pixels: Pixels) -> bytes:
        if max(pixels.shape) > MAX_SIDE:
            raise DataError(f"a side of over {MAX_SIDE} pixels is more than a page can show")
        stream = io.BytesIO()
        PillowImage.fromarray(pixels).save(stream, **(LOSSLESS if self.lossless else LOSSY))
        return stream.getvalue()
