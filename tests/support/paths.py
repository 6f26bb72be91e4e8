"""Where tests find what they share."""

from pathlib import Path

import bench

TESTS = Path(__file__).parents[1]
CHECKOUT = TESTS.parent
# Of the bench that is tested, for other processes: of the checkout, or of an installed wheel.
IMPORTED_FROM = Path(bench.__file__).parents[1]
RECORDED = TESTS / "recorded"
# Data that is not part of the project, if it is beside the checkout.
SHARED = CHECKOUT.parent / "shared"
