"""The task networks: detectors and a classifier in plain torch."""

from pathlib import Path

SHIPPED_WEIGHTS = Path(__file__).parent / "weights"
