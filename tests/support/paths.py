"""Where tests find what they share."""

import os
from pathlib import Path

import bench

TESTS = Path(__file__).parents[1]
CHECKOUT = TESTS.parent
# Of the bench that is tested, for other processes: of the checkout, or of an installed wheel.
IMPORTED_FROM = Path(bench.__file__).parents[1]
RECORDED = TESTS / "recorded"
# Data that is not part of the project, if it is beside the checkout.
SHARED = CHECKOUT.parent / "shared"


def environment(*folders: Path) -> dict[str, str]:
    """For another process that is to import from these folders, and the bench that is tested.

    An installed one is found anyway; its folder also holds what would hide Python's own modules.
    """
    paths = [*folders, *([IMPORTED_FROM] if IMPORTED_FROM == CHECKOUT else [])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
