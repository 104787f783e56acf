"""Every text in both languages; templates that the strict policy of our pages lets through."""

import re

from app.errors import error_classes
from app.http.translation import CATALOGUE
from tests.portal import texts

TEMPLATES = sorted((texts.PORTAL / "templates").glob("*.html"))
CSS_BUDGET = 20 * 1024
REFUSED_MARKUP = re.compile(r"\bstyle=|<style\b|<script\b|\bon[a-z]+=\"|javascript:", re.IGNORECASE)


def test_every_text_has_its_english() -> None:
    assert len(texts.said()) > 300
    assert texts.missing() == {}


def test_the_catalogue_holds_nothing_that_no_page_says() -> None:
    assert texts.unsaid() == []


def test_the_english_names_the_same_values() -> None:
    assert texts.mismatched() == []
    assert texts.stray() == []
    assert [entry.id for entry in texts.catalogue() if entry.fuzzy and entry.id] == []


def test_every_refusal_can_be_said_in_italian() -> None:
    """The faces share their errors: each has its Italian."""
    texts_of = [kind.message() for kind in error_classes() if kind.__module__.startswith("app.")]
    assert [text for text in texts_of if text not in CATALOGUE] == []


def test_templates_hold_no_style_and_no_script() -> None:
    assert len(TEMPLATES) > 20
    assert {
        t.name: REFUSED_MARKUP.findall(t.read_text()) for t in TEMPLATES if REFUSED_MARKUP.search(t.read_text())
    } == {}


def test_the_style_sheet_stays_small() -> None:
    assert (texts.PORTAL / "static" / "portal.css").stat().st_size <= CSS_BUDGET
