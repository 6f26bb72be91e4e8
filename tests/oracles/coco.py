"""COCO's own tool."""

from __future__ import annotations

import contextlib
import io
from typing import Any, Literal

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def evaluate(
    content: dict[str, list[Any]], results: list[dict[str, Any]], kind: Literal["bbox", "segm"]
) -> COCOeval:
    """The tool after its run on a data set's JSON and a list of results, its printing left out."""
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = content
        coco.createIndex()
        tool = COCOeval(coco, coco.loadRes(results), kind)
        tool.evaluate()
        tool.accumulate()
        tool.summarize()
    return tool
