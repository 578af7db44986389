from pathlib import Path

import pytest

from libs.common.errors import Misconfigured
from services.paper_exchange.adapters.books_file import BooksFile


def test_books_of_garbage_are_named_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    path.write_bytes(bytes(range(256)) * 16)
    with pytest.raises(Misconfigured, match=r"books\.db cannot be read .* --fresh"):
        BooksFile(path, world="synthetic")


def test_books_of_another_world_are_refused(tmp_path: Path) -> None:
    with BooksFile(tmp_path / "books.db", world="one"):
        pass
    with pytest.raises(Misconfigured, match="holds the books of one, not of two"):
        BooksFile(tmp_path / "books.db", world="two")
