"""Codecs of other packages are known by their source: none is answered by what it was before."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from fakes import package
from support.command import Bench
from support.pictures import Pictures

from bench.codecs.catalog import load_codec
from bench.runtime import sources

CODE = """
import numpy as np
from bench.codecs.codec import Codec

class Flat(Codec):
    def missing(self): return None
    def depends_on(self): return {}
    def commands(self, point): return "flat", "back"
    def encode(self, image, point): return bytes([image.width, image.height, point])
    def decode(self, stream): return np.full((stream[1], stream[0], 3), stream[2], np.uint8)
"""
CARD = """
title = "Flat"
family = "flat"
[points]
unit = "grey"
default = [1, 200]
[flat]
"""
ENTRY = "[bench.families]\nflat = {}:Flat\n"


@pytest.fixture
def flat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The module of an installed package that is one file."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    package.install(tmp_path, monkeypatch, "flat_codec", CODE, ENTRY.format("flat_codec"))
    Path("flat.toml").write_text(CARD)
    return tmp_path / "flat_codec.py"


def test_a_codec_whose_source_changed_codes_anew(
    bench: Bench, pictures: Pictures, flat: Path
) -> None:
    run = ("run", "--codec", "./flat.toml", "--data", pictures(2), "--metric", "bpp")
    run += ("--task", "none")
    assert "4 encoded" in bench(*run).err
    package.forget("flat_codec")
    assert "0 encoded" in bench(*run).err
    flat.write_text(CODE.replace("image.height, point]", "image.height, point - 1]"))
    package.forget("flat_codec")
    assert "4 encoded" in bench(*run).err
    assert "source" in bench("show", "./flat.toml").out


def test_what_is_loaded_is_not_taken_for_what_the_file_says_now(
    bench: Bench, pictures: Pictures, flat: Path
) -> None:
    run = ("run", "--codec", "./flat.toml", "--data", pictures(1), "--metric", "bpp")
    run += ("--task", "none")
    assert bench(*run).status == 0
    flat.write_text(CODE + "# more")
    result = bench(*run)
    assert result.status == 1
    assert "changed after it was loaded" in result.err


def test_all_files_of_a_package_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    package.install(tmp_path, monkeypatch, "flats", "", ENTRY.format("flats.codecs.flat"))
    (tmp_path / "flats.py").unlink()
    folder = tmp_path / "flats" / "codecs"
    folder.mkdir(parents=True)
    for file in (folder.parent / "__init__.py", folder / "__init__.py", folder / "other.py"):
        file.touch()
    (folder / "flat.py").write_text(CODE)
    (tmp_path / "unrelated.py").touch()
    Path("flat.toml").write_text(CARD)
    fingerprints = [load_codec("./flat.toml").fingerprint]
    for file in ("unrelated.py", "flats/codecs/other.py", "flats/__init__.py"):
        (tmp_path / file).write_text("# changed")
        package.forget("flats")
        fingerprints.append(load_codec("./flat.toml").fingerprint)
    assert fingerprints[0] == fingerprints[1]
    assert len(set(fingerprints)) == 3


def test_bench_s_own_families_are_known_by_their_revision() -> None:
    assert "source" not in load_codec("jpeg").dependencies()
    assert "source" not in load_codec("x265").dependencies()


def test_of_what_a_codec_is_based_on_the_version_counts(
    flat: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of PyTorch's Module, whose package has thousands of files."""
    base = tmp_path / "elsewhere"
    base.mkdir()
    package.install(base, monkeypatch, "framework", "class Base: pass\n", "")
    files = base / "framework-1.0.dist-info"
    (files / "RECORD").write_text("framework.py,,\nframework-1.0.dist-info/METADATA,,\n")
    code = CODE.replace("Flat(Codec)", "Flat(framework.Base, Codec)")
    flat.write_text(f"import framework\n{code}")

    def digest() -> str:
        package.forget("flat_codec")
        package.forget("framework")
        sources.distribution_version.cache_clear()
        return load_codec("./flat.toml").dependencies()["source"]

    digests = [digest()]
    (base / "framework.py").write_text("class Base: more = 1\n")
    digests.append(digest())
    (files / "METADATA").write_text("Metadata-Version: 2.1\nName: framework\nVersion: 1.1\n")
    digests.append(digest())
    (files / "direct_url.json").write_text('{"url": "file:///x", "dir_info": {"editable": true}}')
    digests.append(digest())
    (base / "framework.py").write_text("class Base: more = 2\n")
    digests.append(digest())
    assert digests[0] == digests[1]
    assert len(set(digests)) == 4
