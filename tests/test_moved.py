"""A plug-in written for bench 0.1 keeps working, and gets a warning that says what to change."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
from fakes import package
from support.command import Bench
from support.paths import RECORDED

from bench.codecs.catalog import load_codec
from bench.images.image import MAX_PIXELS, Image
from bench.moved import MOVED, new_name


@pytest.mark.parametrize("old", [*MOVED, "bench.families.learned", "bench.families.neural_stream"])
def test_an_old_module_is_the_new_one(old: str) -> None:
    sys.modules.pop(old, None)
    new = new_name(old)
    assert new is not None
    with pytest.warns(DeprecationWarning) as caught:  # of its package, too, if that is new here
        module = importlib.import_module(old)
    assert f"{old} is now {new}" in [str(each.message) for each in caught]
    assert module is importlib.import_module(new)
    assert module.__spec__ is not None and module.__spec__.name == new
    # and once only: the next import finds it
    assert importlib.import_module(old) is module


def test_the_warning_names_the_importing_line() -> None:
    sys.modules.pop("bench.codec", None)
    with pytest.warns(DeprecationWarning) as caught:
        from bench.codec import Codec  # type: ignore[import-not-found]
    assert caught[0].filename == __file__
    assert Codec.__module__ == "bench.codecs.codec"


def test_other_names_stay_unknown() -> None:
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("bench.no_such_module")


def test_an_old_constant_is_the_new_one() -> None:
    with pytest.warns(DeprecationWarning, match="MAX_PIXELS") as caught:
        from bench.images.image import MOST_PIXELS  # type: ignore[attr-defined]
    assert caught[0].filename == __file__
    assert MOST_PIXELS == MAX_PIXELS
    with pytest.raises(ImportError):
        from bench.images.image import NO_SUCH_CONSTANT  # type: ignore[attr-defined]  # noqa: F401


def test_a_family_of_bench_0_1_takes_part(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of the documentation of 0.1, word for word."""
    code = (RECORDED / "mosaic_0_1.py").read_text("utf-8")
    package.install(
        tmp_path, monkeypatch, "mosaic", code, "[bench.families]\nmosaic = mosaic:Mosaic"
    )
    for old in ("bench.catalog", "bench.codec", "bench.image"):
        sys.modules.pop(old, None)
    card = (
        'title = "M"\nfamily = "mosaic"\n[points]\nunit = "tile"\ndefault = [8]\n'
        "[mosaic]\neffort = 9\n"
    )
    Path("mosaic.toml").write_text(card)
    with pytest.warns(DeprecationWarning):
        codec = load_codec("./mosaic.toml")
        pixels = np.full((32, 48, 3), 7, np.uint8)
        assert (codec.decode(codec.encode(Image("even", pixels), 8)) == pixels).all()
    Path("mosaic.toml").write_text(card.replace("effort = 9", "effrot = 'x'"))
    with pytest.warns(DeprecationWarning, match="check_keys"):
        result = bench("show", "./mosaic.toml")
    assert result.status == 1
    assert "'mosaic.effrot'" in result.err
    assert "'effort'" in result.err
    Path("mosaic.toml").write_text(card.replace("effort = 9", "effort = 9.0"))
    with pytest.warns(DeprecationWarning, match="check_keys"):
        assert (
            "'mosaic.effort' must be a number from 1 to 9, not 9.0"
            in bench("show", "./mosaic.toml").err
        )
