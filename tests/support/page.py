"""What a page's file holds, and names that would break out of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>&amp;\u2028'\"`${1}"


def figures_in(file: Path) -> dict[str, Any]:
    found = re.search(r'id="figures">(.*?)</script>', file.read_text("utf-8"), re.DOTALL)
    assert found
    held: dict[str, Any] = json.loads(found[1])
    return held
