"""The number of available cores."""

import os


def available_cores() -> int:
    """The number of cores that this process may use; on a shared machine, not all of them."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
