"""Pages that are made from code are what the code says now."""

from pathlib import Path

from libs.common.contracts.catalogue import catalogue

DOCS = Path(__file__).parents[2] / "docs"


def test_the_catalogue_of_streams_is_up_to_date() -> None:
    assert (DOCS / "streams.md").read_text() == catalogue(), "run the command in the page's first paragraph"
