"""Damaged pages and records of a store: figures, or one line that says what is wrong."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from adversary.attack import Answer, Figures, Victim
from support.paths import RECORDED
from support.pictures import Pictures

pytestmark = pytest.mark.slow

KEPT = RECORDED / "stores" / "version-3"
PAGE = 4096
MAX_MB = 300
COMMANDS = (
    ["report", "--out", "out"],
    ["export", "--out", "out.csv"],
    ["run", "--codec", "jpeg", "--points", "30", "--metric", "psnr_rgb", "--data", "pictures"],
)
SLOW = ["report", "paper", "--data", "toyscapes:val[:3]", "--out", "paper"]


def damaged(store: bytes, chance: random.Random) -> bytes:
    pages = [store[start : start + PAGE] for start in range(0, len(store), PAGE)]
    for _ in range(chance.choice((1, 1, 3))):
        place = chance.randrange(len(pages))
        page = bytearray(pages[place])
        match chance.randrange(5):
            case 0:
                page[:] = chance.randbytes(PAGE)
            case 1:
                page[:] = bytes(PAGE)
            case 2:
                page[:] = chance.choice(pages)
            case _:
                for _ in range(chance.choice((1, 8, 60))):
                    page[chance.randrange(PAGE)] ^= 1 << chance.randrange(8)
        pages[place] = bytes(page)
    whole = b"".join(pages)
    return whole[: chance.randrange(len(whole))] if chance.random() < 0.1 else whole


def test_damaged_stores(pictures: Pictures, figures: Figures, tmp_path: Path) -> None:
    store = Path(shutil.copytree(KEPT, tmp_path / "store"))
    pictures()
    victim = Victim(tmp_path)
    answers: list[Answer] = []
    try:
        for command in COMMANDS:  # which also bring the store up to date
            victim.warm_up(bench=[*command, "--results", "store"])
        whole = (store / "store.sqlite").read_bytes()
        for number, chance in enumerate(figures.chances("stores")):
            command = SLOW if number % 50 == 49 else chance.choice(COMMANDS)
            (store / "store.sqlite").write_bytes(damaged(whole, chance))
            for journal in store.glob("store.sqlite-*"):
                journal.unlink()
            answers.append(found := victim.ask(bench=[*command, "--results", "store"]))
            what = f"{command}, damage {number}: {found}"
            assert found.outcome in ("status 0", "status 1"), what
            if found.outcome == "status 1":
                lines = found.message.splitlines()
                assert lines[-1].startswith("bench: "), what
                assert len(lines) == 1 or command[0] == "run", what
            assert found.peak < MAX_MB, what
    finally:
        victim.end()
        figures.record("damaged stores", answers)
