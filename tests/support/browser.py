"""Debian's chromium, driven by playwright: what a reader of a page has in front of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
)
WIDE, PHONE = (1400, 900), (390, 844)


@contextmanager
def chromium() -> Iterator[Any]:
    """The browser; tests that need one are skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    program = os.environ.get("BENCH_CHROMIUM") or shutil.which("chromium")
    if program is None:
        pytest.skip("needs chromium: apt-get install chromium, or name it in BENCH_CHROMIUM")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        yield browser
        browser.close()


@contextmanager
def opened(
    browser: Any,
    file: Path,
    size: tuple[int, int] = WIDE,
    scheme: str = "light",
    fragment: str = "",
) -> Iterator[Any]:
    """A file in a window; in the end it has made no error and asked the network for nothing."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: _note(request.url, file, errors))
    page.on("dialog", lambda dialog: (errors.append(dialog.message), dialog.dismiss()))
    page.goto(file.resolve().as_uri() + (f"#{fragment}" if fragment else ""))
    yield page
    context.close()
    assert errors == []


def _note(url: str, file: Path, errors: list[str]) -> None:
    if url.partition("#")[0] != file.resolve().as_uri() and not url.startswith("data:"):
        errors.append(f"request of {url[:200]}")
