"""The fake codec's card, and its programs where a card looks for them."""

from __future__ import annotations

import sys
from pathlib import Path

CARD = """
title = "Fake"
family = "external"
[points]
unit = "step"
default = [8, 4, 1]
[external]
folder = "BENCH_FAKE"
encoder = ["fake-newer", "fake"]
decoder = ["fake"]
get = "ask for it"
version = "1.2"
version_command = "{encoder} --version"
version_pattern = 'version \\[([\\d.]+)\\]'
input = "yuv420p"
output = "yuv420p"
size_from = "header"
multiple = 4
encode = "{encoder} encode {input} {stream} {reconstruction} {width} {height} {point}"
decode = "{decoder} decode {stream} {output}"
minutes_per_2_megapixels = 0.001
"""


def install(folder: Path) -> None:
    """Both programs, as one script."""
    folder.mkdir(parents=True)
    program = folder / "fake"
    program.write_text(f"#!{sys.executable} -I\n{Path(__file__).with_name('codec.py').read_text()}")
    program.chmod(0o755)
