from pathlib import Path

import pytest

from libs.common.settings.sections import SECTIONS
from libs.common.settings.table import BEGIN, END, settings_table, with_current_table

ROOT = Path(__file__).parents[4]


def test_the_readme_has_the_current_table() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert text == with_current_table(text), "run: python -m ironkeel config --write-table README.md"


def test_every_setting_has_a_row_and_a_sentence() -> None:
    rows = settings_table().splitlines()[2:]
    assert len(rows) == sum(len(section.model_fields) for section in SECTIONS.values())
    for row in rows:
        assert row.split("|")[3].strip().removesuffix(" (secret)").endswith("."), row


def test_only_what_stands_between_the_marks_is_replaced() -> None:
    text = with_current_table(f"before\n{BEGIN}\nSTALE\n{END}\nafter\n")
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "STALE" not in text
    with pytest.raises(ValueError, match="no <!-- settings"):
        with_current_table("nothing here")
