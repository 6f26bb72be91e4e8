"""How much of this machine is ours."""

import os


def available_cores() -> int:
    """The cores this process may use, which on a shared machine are not all there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
