"""What the documents show works as shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.catalog import load_codec
from bench.metrics import METRICS

DOCS = Path(__file__).parent.parent / "docs"
PAGES = [*DOCS.glob("*.md"), DOCS.parent / "README.md"]


def test_the_card_that_is_shown_can_be_read(tmp_path: Path) -> None:
    page = (DOCS / "adding-a-codec.md").read_text("utf-8")
    shown = re.search(r"```toml\n(title.*?)```", page, re.DOTALL)
    assert shown
    card = tmp_path / "mine.toml"
    card.write_text(shown[1])
    assert "example.org" in (load_codec(str(card)).missing() or "")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
        assert "://" in target or (page.parent / target).exists(), target


def test_columns_are_explained() -> None:
    page = (DOCS / "results.md").read_text("utf-8")
    for column in ("bpp", "encode_cpu", "stream", "fingerprint", "dataset_digest", "machine"):
        assert f"`{column}`" in page
    assert METRICS["ssim_db"].name in (DOCS / "footguns.md").read_text("utf-8")
