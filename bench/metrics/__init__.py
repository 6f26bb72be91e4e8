"""What is measured: image quality on decoded pictures, and figures for whole curves."""

from bench.metrics.quality import measure
from bench.metrics.table import (
    METRICS,
    Group,
    Metric,
    fingerprint,
    metric_fingerprints,
    quality_metrics,
    why_undefined,
)

__all__ = [
    "METRICS",
    "Group",
    "Metric",
    "fingerprint",
    "measure",
    "metric_fingerprints",
    "quality_metrics",
    "why_undefined",
]
