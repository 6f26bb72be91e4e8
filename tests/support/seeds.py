"""Seeds of tests whose input is drawn by chance."""

from __future__ import annotations

import pytest


def seeds(count: int, quick: int) -> list[object]:
    """So many seeds, the first of which take part in the quick tests."""
    return [pytest.param(seed, marks=[pytest.mark.slow] * (seed >= quick)) for seed in range(count)]
