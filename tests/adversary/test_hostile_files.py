"""Files made or mutated to do harm: each is used or refused in a line, and nothing in it is run."""

from __future__ import annotations

import io
import json
import os
import pickle
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from adversary.attack import Answer, Figures, Victim, mutated
from oracles.scenes import Scene, write
from PIL import Image
from safetensors.numpy import save
from support.pictures import picture

from bench.codecs.catalog import card_paths
from bench.codecs.families.neural_stream import NcnStream
from bench.runtime.content import content_folder
from bench.vision.architecture import Architecture

pytestmark = pytest.mark.slow

MAX_MB = 900  # a picture of the largest size that is read takes this


class Kind:
    """Files that a command reads: whole ones, to be mutated, and some that were made for harm."""

    def __init__(
        self,
        arguments: str,
        whole: Callable[[Path], dict[str, bytes]],
        made: Callable[[Path], dict[str, bytes | Callable[[Path], object]]] = lambda folder: {},
    ) -> None:
        self.arguments, self.whole, self.made = arguments, whole, made


def saved(form: str, width: int = 48, height: int = 32) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture(3, width, height)).save(file, form)
    return file.getvalue()


def huge_jpeg() -> bytes:
    """A small file that claims 65500 by 65500 pixels."""
    content = bytearray(saved("JPEG"))
    start = content.index(b"\xff\xc0") + 5
    content[start : start + 4] = (65500).to_bytes(2, "big") * 2
    return bytes(content)


def huge_png() -> bytes:
    content = bytearray(saved("PNG"))
    content[16:24] = (16384).to_bytes(4, "big") + (16383).to_bytes(4, "big")
    return bytes(content)


def images(folder: Path) -> dict[str, bytes]:
    return {form: saved(form) for form in ("PNG", "JPEG", "BMP", "PPM", "TIFF", "WEBP")}


def hostile_images(folder: Path) -> dict[str, bytes | Callable[[Path], object]]:
    return {
        "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
        "icon": saved("ICO"),
        "huge JPEG": huge_jpeg(),
        "huge PNG": huge_png(),
        "empty": b"",
        "pipe": os.mkfifo,
        "folder": os.mkdir,
        "endless": lambda path: path.symlink_to("/dev/zero"),
    }


def streams(folder: Path) -> dict[str, bytes]:
    return {form: saved(form) for form in ("JPEG", "WEBP", "JPEG2000")}


def hostile_streams(folder: Path) -> dict[str, bytes | Callable[[Path], object]]:
    claims = [
        NcnStream(16, 2097151, bytes(3), bytes(3), bytes(40)),
        NcnStream(5760, 5760, *[bytes(3)] * 3),
    ]
    return {
        "huge JPEG": huge_jpeg(),
        **{f"NCN of {its.width}x{its.height}": its.to_bytes() for its in claims},
    }


class _Runs:
    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch executed",)


def checkpoints(folder: Path) -> dict[str, bytes]:
    paths = sorted((content_folder("codecs") / "weights" / "ncn-lsm").rglob("*.safetensors"))
    arrays = {"model": {"weight": np.ones((3, 3), np.float32)}}
    return {"safetensors": paths[0].read_bytes(), "pickle": pickle.dumps(arrays, 2)}


def hostile_checkpoints(folder: Path) -> dict[str, bytes | Callable[[Path], object]]:
    return {
        "a command": pickle.dumps({"model": _Runs()}, 2),
        "cut short": b"\x80\x02N",
        "a memo of 4 GB": b"\x80\x02Nr\xff\xff\xff\x0f.",
        "a key that is never hashed": b"\x80\x02}N" + 60 * b"2\x86" + b"Ns.",
        "long header": (10**9).to_bytes(8, "little") + b"{" + bytes(99),
        "pipe": os.mkfifo,
        "endless": lambda path: path.symlink_to("/dev/zero"),
    }


def detectors(folder: Path) -> dict[str, bytes]:
    """Weights with the architecture of their network, in which its parts may be of any size."""
    return {"safetensors": detector()}


def detector(**changes: object) -> bytes:
    its_parts = {**json.loads(Architecture().to_json()), **changes}
    tensors = {"backbone.weight": np.zeros((3, 3), np.float32)}
    return save(tensors, {"architecture": json.dumps(its_parts)})


def hostile_detectors(folder: Path) -> dict[str, bytes | Callable[[Path], object]]:
    return {
        "3000 channels": detector(stem=3000, res2=3000, pyramid=3000),
        "200,000 channels": detector(stem=200_000, res2=200_000),
        "many blocks": detector(blocks=[64, 64, 64, 64]),
        "many classes": detector(classes=2**20),
        "nested": save({"a": np.zeros(1, np.float32)}, {"architecture": 10**5 * "["}),
    }


def cards(folder: Path) -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in card_paths().items()}


def curves(folder: Path) -> dict[str, bytes]:
    text = "bpp,psnr_y\n0.1,30\n0.2,32.5\n0.4,34\n0.8,36\n"
    results = {"bpp": [0.1, 0.2, 0.4, 0.8], "psnr-y": [30, 32, 34, 36]}
    (folder / "good.csv").write_text(text)
    return {"csv": text.encode(), "json": json.dumps({"name": "x", "results": results}).encode()}


def predictions(folder: Path) -> dict[str, bytes]:
    truth, car = np.full((60, 90), 7, np.uint16), np.zeros((60, 90), np.bool_)
    car[20:40, 20:60] = True
    truth[car] = 26000
    _, text = write(Scene(truth, [26], [0.5], [car]), "town_000001_000019", folder)
    (folder / "predictions").mkdir()
    mask = next(text.parent.rglob("*.png"))
    (folder / "predictions" / "mask.png").write_bytes(mask.read_bytes())
    return {"text": b"mask.png 26 0.5\n"}


KINDS = {
    "images": Kind("encode {} out.jpg --codec jpeg", images, hostile_images),
    "streams": Kind("decode {} out.png", streams, hostile_streams),
    "checkpoints": Kind(
        "encode good.png out.ncn --codec ncn-lsm --weights {}",
        checkpoints,
        hostile_checkpoints,
    ),
    "detectors": Kind(
        "predict good.png --task mask-rcnn=hostile --json out.json", detectors, hostile_detectors
    ),
    "cards": Kind("show ./{}.toml", cards),
    "curves": Kind("bd good.csv {}", curves),
    "predictions": Kind("score predictions --root .", predictions),
}


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Victim]:
    """Ghostscript is on its PATH, and would leave a trace."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "gs").write_text("#!/bin/sh\ntouch executed\n")
    (programs / "gs").chmod(0o755)
    victim = Victim(tmp_path, PATH=f"{programs}:{os.environ['PATH']}")
    yield victim
    victim.end()


@pytest.mark.parametrize("name", KINDS)
def test_hostile_files(name: str, victim: Victim, figures: Figures, tmp_path: Path) -> None:
    kind = KINDS[name]
    (tmp_path / "good.png").write_bytes(saved("PNG"))
    whole = kind.whole(tmp_path)
    file = {
        "predictions": tmp_path / "predictions" / "town_000001_000019.txt",
        "cards": tmp_path / "hostile.toml",
    }.get(name, tmp_path / "hostile")
    arguments = kind.arguments.format("hostile").split()
    attacks: dict[str, bytes | Callable[[Path], object]] = dict(kind.made(tmp_path))
    for number, chance in enumerate(figures.chances(name)):
        which = chance.choice(sorted(whole))
        attacks[f"{which}, mutation {number}"] = mutated(whole[which], chance, other(whole, chance))
    answers: list[Answer] = []
    victim.warm_up(bench=["encode", "good.png", "out.jpg", "--codec", "jpeg"])
    try:
        for what, attack in attacks.items():
            if isinstance(attack, bytes):
                file.write_bytes(attack)
            else:
                attack(file)
            answers.append(found := victim.ask(bench=arguments))
            assert found.outcome in ("status 0", "status 1", "status 2"), f"{what}: {found}"
            assert "Traceback" not in found.message, what
            if found.outcome == "status 1":
                assert found.message.startswith("bench: ") or name == "curves", f"{what}: {found}"
                faults = re.search(
                    r": (\d+) faults\n", found.message
                )  # of a settings file: a line each
                lines = 1 + int(faults[1]) if faults else 1
                assert found.message.count("\n") <= lines, f"{what}: {found}"
            assert found.peak < MAX_MB, f"{what}: {found}"
            assert not (tmp_path / "executed").exists(), what
            file.rmdir() if file.is_dir() else file.unlink()
    finally:
        figures.record(f"hostile {name}", answers)


def other(whole: dict[str, bytes], chance: random.Random) -> bytes:
    return whole[chance.choice(sorted(whole))]
