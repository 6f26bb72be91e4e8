"""What is measured: image quality on decoded pictures, and figures for whole curves."""

from bench.metrics.quality import measure
from bench.metrics.table import (
    METRICS,
    Group,
    Metric,
    describe,
    fingerprint,
    metric_fingerprints,
    quality_metrics,
    scorer_of,
    version_in,
    why_undefined,
)

__all__ = [
    "METRICS",
    "Group",
    "Metric",
    "describe",
    "fingerprint",
    "measure",
    "metric_fingerprints",
    "quality_metrics",
    "scorer_of",
    "version_in",
    "why_undefined",
]
