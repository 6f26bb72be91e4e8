"""What a process has set for itself is as it was after whatever a library call does."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from fakes.network import TINY
from fakes.task import red_cityscapes
from support.paths import TESTS, environment
from support.pictures import Pictures
from support.process_state import process_state

import bench
from bench import api
from bench.runtime.torch_threads import one_thread
from bench.training import recipes
from bench.training.recipes import Recipe
from bench.training.schedule import Schedule


def assert_sets_nothing(call: Callable[[Path], object], folder: Path) -> None:
    """Call it twice: what libraries set for themselves, they set when they are first used."""
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        call(folder / "first")
        before = process_state()
        call(folder / "second")
        after = process_state()
        assert [name for name in before if after[name] != before[name]] == []
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(threads)


@pytest.mark.slow
def test_importing_sets_nothing() -> None:
    names = [
        module.name
        for module in pkgutil.walk_packages(bench.__path__, "bench.")
        if not module.name.startswith("bench.cli")
        and not module.name.startswith("bench.codecs.families.compressai.")  # needs CompressAI
        and module.name.rpartition(".")[2] not in ("__main__", "worker")  # are run, not imported
    ]
    assert len(names) > 100
    script = (
        "import importlib, json, sys\n"
        "from support.process_state import process_state\n"
        "before = process_state()\n"
        "for name in json.loads(sys.argv[1]):\n"
        "    importlib.import_module(name)\n"
        "after = process_state()\n"
        "assert 'bench.images.image' in sys.modules\n"
        "print([name for name in before if after[name] != before[name]])\n"
    )
    command = [sys.executable, "-c", script, json.dumps(names)]
    done = subprocess.run(command, env=environment(TESTS), capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.slow
def test_a_sweep_of_networks_sets_nothing(pictures: Pictures, tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "data": str(pictures(1, 64, 64)),
        "metrics": ["psnr_rgb"],
        "tasks": ["mask-rcnn-toy"],
        "truth": "pseudo",
        "truth_score": 0.01,
    }
    codecs = ["ncn-task:toyscapes", "jpeg"]
    assert_sets_nothing(lambda folder: api.run(codecs, results=folder, **options), tmp_path)


@pytest.mark.slow
def test_training_sets_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    schedule = Schedule(steps=2, batch=2, rate=1e-3, warm_up=1)
    network = replace(TINY, masks=False, pixel_std=(58.0, 57.0, 57.0))
    recipe = Recipe(network, "cityscapes:val", schedule)
    monkeypatch.setitem(recipes.RECIPES, "faster-rcnn-toy", recipe)
    root = red_cityscapes(tmp_path / "cityscapes")
    assert_sets_nothing(lambda folder: api.train("faster-rcnn-toy", folder, root=root), tmp_path)


def test_the_last_to_leave_restores_torchs_threads() -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    first, second = one_thread(), one_thread()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert torch.get_num_threads() == 1
    second.__exit__(None, None, None)
    assert torch.get_num_threads() == 3
    torch.set_num_threads(threads)
