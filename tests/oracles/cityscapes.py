"""Cityscapes' own evaluation, run as it is published.

Its code has not followed numpy: it asks for ``np.in1d``, which numpy 2.4 has no more, and writes a
``matches.json`` that it cannot write with numpy 2.3 or later. So its module is lent a numpy that
has the function, and what it would write is let go; none of its arithmetic is touched.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from cityscapesscripts.evaluation import (
    evalInstanceLevelSemanticLabeling,
    evalPixelLevelSemanticLabeling,
)
from numpy.typing import NDArray

CRASHED = -1.0
script: Any = evalInstanceLevelSemanticLabeling
semantic_script: Any = evalPixelLevelSemanticLabeling


class _LentNumpy(ModuleType):
    in1d = staticmethod(np.isin)

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


script.np = semantic_script.np = _LentNumpy("numpy")
script.writeDict2JSON = lambda content, path: None


def evaluate(truths: Sequence[Path], predictions: Sequence[Path], root: Path) -> dict[str, Any]:
    """Its results for instance-id PNG files and prediction text files, which lie under the root."""
    found: dict[str, Any] = script.evaluateImgLists(
        [str(path) for path in predictions], [str(path) for path in truths], _settings(root)
    )
    return found


def matrix(truths: Sequence[Path], predictions: Sequence[Path], root: Path) -> NDArray[np.float64]:
    """AP by class and overlap, each on its own, for one that it cannot compute ends all of it."""
    settings = _settings(root)
    script.setInstanceLabels(settings)
    labels, overlaps = settings.instLabels, settings.overlaps
    instances = script.getGtInstances([str(path) for path in truths], settings)
    matches = script.matchGtWithPreds(
        [str(path) for path in predictions], [str(path) for path in truths], instances, settings
    )
    found = np.full((len(labels), len(overlaps)), CRASHED)
    for row, label in enumerate(labels):
        for column, overlap in enumerate(overlaps):
            settings.instLabels, settings.overlaps = [label], np.array([overlap])
            with contextlib.suppress(IndexError):
                found[row, column] = script.evaluateMatches(matches, settings).item()
    return found


def _settings(root: Path) -> Any:
    settings = copy.copy(script.args)
    settings.predictionPath = str(root)
    settings.gtInstancesFile = str(root / "no-such-file.json")
    settings.JSONOutput = False
    settings.quiet = True
    return settings


def mean_iou(truths: Sequence[Path], predictions: Sequence[Path]) -> dict[str, Any]:
    """Its results for PNG files of label ids: ``averageScoreClasses``, ``classScores``, …"""
    settings = copy.copy(semantic_script.args)
    settings.JSONOutput, settings.quiet, settings.evalInstLevelScore = False, True, False
    found: dict[str, Any] = semantic_script.evaluateImgLists(
        [str(path) for path in predictions], [str(path) for path in truths], settings
    )
    return found
