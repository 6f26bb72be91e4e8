"""Cards of codecs so narrow, and trained so shortly, that a test can."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

CARD = """
title = "Narrow"
family = "ncn"

[points]
unit = "λ"
falling = true

[ncn]
lsm = "{lsm}"

[weights.red]
files = "lambda_{{point}}.safetensors"

[training.red]
data = "cityscapes:val"
channels = 8
crop = [192, 192]
batch = 2
rate = 1e-3
steps = 3
tune_steps = 2
"""
TASK = """
loss = "task"
network = "mask-rcnn-toy"
validate = "cityscapes:val"
lambdas = [3.0, 1]
"""
RECIPES = {
    "base": ("none", 'loss = "hvs"\nlambdas = [0.03, 0.3]'),
    "feature": (
        "none",
        'loss = "feature"\nnetwork = "mask-rcnn-toy"\nstarts_from = "base"\nlambdas = [80.0]',
    ),
    "task": ("none", TASK + 'starts_from = "base"\nenlarge = 1.5'),
    "lsm": ("resnet", TASK + 'starts_from = "task"\nfeatures = "mask-rcnn-toy"\nenlarge = 1.5'),
    "frozen": (
        "resnet",
        TASK
        + 'starts_from = "task"\nfeatures = "mask-rcnn-toy"\nmask_only = true\nwarm_mask = true',
    ),
}


TOGETHER = "gains = true"


def write_cards(folder: Path, **changes: str) -> Path:
    """A card for each kind of training, in a folder."""
    folder.mkdir(exist_ok=True)
    for name, (lsm, recipe) in RECIPES.items():
        change = changes.get(name, "")
        text = dedent(CARD).format(lsm=lsm) + recipe + "\n" + change
        if TOGETHER in change:
            text = text.replace("tune_steps = 2\n", "")
        (folder / f"{name}.toml").write_text(text)
    return folder
