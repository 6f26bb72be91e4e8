"""Where tests find what they share."""

from pathlib import Path

TESTS = Path(__file__).parents[1]
CHECKOUT = TESTS.parent
RECORDED = TESTS / "recorded"
# Data that is not part of the project, if it is beside the checkout.
SHARED = CHECKOUT.parent / "shared"
