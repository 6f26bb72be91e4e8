"""A plug-in written for bench 0.1 keeps working, and gets a warning that says what to change."""

from __future__ import annotations

import importlib
import sys

import pytest

from bench.images.image import MAX_PIXELS
from bench.moved import MOVED, new_name


@pytest.mark.parametrize("old", [*MOVED, "bench.families.learned", "bench.families.neural_stream"])
def test_an_old_module_is_the_new_one(old: str) -> None:
    sys.modules.pop(old, None)
    new = new_name(old)
    assert new is not None
    with pytest.warns(DeprecationWarning, match=rf"{old} is now {new}") as caught:
        module = importlib.import_module(old)
    assert module is importlib.import_module(new)
    assert module.__spec__ is not None and module.__spec__.name == new
    assert caught  # and once only: the next import finds it
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
