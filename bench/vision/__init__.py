"""The task networks: what looks at decoded images, and what it takes them to be."""

from pathlib import Path

SHIPPED_WEIGHTS = Path(__file__).parent / "weights"
