"""What a sweep's workers share: each image is read once, and so is what is truly in it."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import Future

from bench.datasets import Entry
from bench.errors import DataError
from bench.images.image import Image, pixel_digest
from bench.instances.ground_truth import Truth
from bench.store import Store
from bench.sweep.plan import Plan, truth_name
from bench.tasks.scorer import Scorer


def check_unchanged(image: Image, entry: Entry, digest: str) -> None:
    if pixel_digest(image.pixels) != digest:
        raise DataError(f"{entry.path}: changed since the sweep was planned")


class Truths:
    """What is truly in each image: read or painted once, and held, for it is small."""

    def __init__(self, plan: Plan, store: Store) -> None:
        self._plan = plan
        self._painted = {
            scorer: store.kept_originals(scorer)
            for scorer in plan.scorers
            if scorer.pseudo is not None
        }
        self._known: dict[tuple[Scorer, str], Future[Truth]] = {}
        self._lock = threading.Lock()

    def get(self, scorer: Scorer, image: Image, entry: Entry) -> tuple[str, Truth]:
        """Its name and itself."""
        key = (scorer, entry.name)
        with self._lock:
            future = self._known.get(key)
            first = future is None
            if future is None:
                future = self._known[key] = Future()
        if first:
            try:
                future.set_result(self._make(scorer, image, entry))
            except BaseException as error:
                future.set_exception(error)
        return truth_name(scorer, self._plan.dataset, entry), future.result()

    def check_any(self) -> None:
        """A set in which nothing was found has no pseudo ground truth."""
        if self._plan.images < len(self._plan.dataset.entries):
            return
        for scorer, kept in self._painted.items():
            truths: list[Truth | None] = [truth for _, truth in kept.values()]
            truths += [known.result() for (of, _), known in self._known.items() if of is scorer]
            if not any(truth is not None and (truth.ids >= 1000).any() for truth in truths):
                raise DataError(
                    f"{scorer.task.name} finds nothing with a score of {scorer.pseudo:g} or more "
                    "in any image, so there is no pseudo ground truth; see --truth-score"
                )

    def _make(self, scorer: Scorer, image: Image, entry: Entry) -> Truth:
        kept = self._painted.get(scorer, {})
        _, pseudo_ground_truth = kept.get(self._plan.dataset.digests[entry.name], ("", None))
        truth = pseudo_ground_truth or scorer.truth_of(image)
        if scorer.pseudo is None and truth.digest != truth_name(scorer, self._plan.dataset, entry):
            raise DataError(f"{entry.instances}: changed since the sweep was planned")
        return truth


class Images:
    """Images in use: each is read once, by the first worker to want it, and then let go."""

    def __init__(self, uses: Counter[Entry]) -> None:
        self._uses = uses
        self._loaded: dict[Entry, Future[Image]] = {}
        self._lock = threading.Lock()

    def get(self, entry: Entry) -> Image:
        with self._lock:
            future = self._loaded.get(entry)
            first = future is None
            if future is None:
                future = self._loaded[entry] = Future()
        if first:
            try:
                future.set_result(entry.load())
            except BaseException as error:
                future.set_exception(error)
        return future.result()

    def release(self, entry: Entry) -> None:
        with self._lock:
            self._uses[entry] -= 1
            if not self._uses[entry]:
                self._loaded.pop(entry, None)
