"""The metadata of a safetensors file."""

from __future__ import annotations

import json

MAX_HEADER_BYTES = 10**7  # bytes; parsed, it takes some 25 times as much memory


def safetensors_metadata(content: bytes) -> dict[str, str]:
    """The metadata in a file's bytes; empty if it has another format."""
    length = int.from_bytes(content[:8], "little")
    text = content[8 : 8 + length] if length <= MAX_HEADER_BYTES else b""
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    metadata = header.get("__metadata__") if isinstance(header, dict) else None
    return metadata if isinstance(metadata, dict) else {}
