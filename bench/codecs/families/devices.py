"""Where the networks of learned codecs run, and how exactly."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch


def coding_device() -> torch.device:
    """A GPU if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def full_precision() -> AbstractContextManager[None]:
    """Without the shortened factors that a GPU's convolutions have unless told otherwise."""
    return torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
