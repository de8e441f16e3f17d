"""The processor cores this process may use, which a scheduler may have made fewer than there are."""

import os


def available() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
