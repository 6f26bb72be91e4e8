"""What a safetensors file says of itself, read without torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.errors import DataError
from bench.files import check_regular

LONGEST_HEADER = 10**7  # bytes; parsed, it takes some 25 times as much memory


def safetensors_header(path: Path) -> dict[str, Any]:
    """The JSON in front of the tensors; empty for a file of another format."""
    try:
        check_regular(path)
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            text = file.read(length) if length <= LONGEST_HEADER else b""
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return header if isinstance(header, dict) else {}
