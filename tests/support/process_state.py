"""What a process has set for itself, and a library must leave alone."""

from __future__ import annotations

import csv
import locale
import logging
import os
import random
import signal
import sys
import threading
import warnings
from typing import Any

import matplotlib
import numpy as np
import PIL.Image
import PIL.ImageFile
import torch


def process_state() -> dict[str, str]:
    """Whatever a library could set, and must not."""
    state: dict[str, Any] = {
        "arguments": sys.argv,
        "environment": sorted(os.environ.items()),
        "folder": os.getcwd(),
        "import path": sys.path,
        "warnings": warnings.filters,
        "signals": {str(number): signal.getsignal(number) for number in signal.valid_signals()},
        "hooks": (sys.excepthook, threading.excepthook, sys.displayhook),
        "locale": locale.setlocale(locale.LC_ALL),
        "log": (logging.root.level, logging.root.handlers, logging.getLogger("bench").handlers),
        "recursion": sys.getrecursionlimit(),
        "csv": csv.field_size_limit(),
        "Pillow": (PIL.Image.MAX_IMAGE_PIXELS, PIL.ImageFile.LOAD_TRUNCATED_IMAGES),
        "numpy": (np.geterr(), np.get_printoptions()),
        "random": (random.getstate(), np.random.get_state()),
        "matplotlib": sorted(matplotlib.rcParams.items()),
        "torch": (
            torch.get_num_threads(),
            torch.get_num_interop_threads(),
            torch.get_rng_state().tolist(),
            torch.get_default_dtype(),
            torch.is_grad_enabled(),
            torch.are_deterministic_algorithms_enabled(),
            torch.backends.cudnn.benchmark,
            torch.backends.cudnn.allow_tf32,
        ),
    }
    return {name: repr(value) for name, value in state.items()}
