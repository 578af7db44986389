from pathlib import Path

import pytest

from libs.common.errors import Misconfigured
from libs.common.units import DAY_MS, Instant
from services.paper_exchange.adapters.disk.books_file import BooksFile
from services.paper_exchange.core.books.batch import Batch
from services.paper_exchange.core.books.changes import Moment
from services.paper_exchange.core.market.terms import Terms
from services.paper_exchange.core.market.trail import Beat


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


def test_the_terms_of_a_world_are_known_before_its_books_are_opened(tmp_path: Path) -> None:
    path, terms = tmp_path / "books.db", Terms(Beat.SECOND, 424 * DAY_MS, follows_wall=True)
    assert BooksFile.known_terms(path) is None

    with BooksFile(path, world="one") as file:
        assert BooksFile.known_terms(path) is None
        file.on(terms)

    assert BooksFile.known_terms(path) == terms


def test_where_the_markets_clock_stood_is_known_before_the_books_are_opened(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    assert BooksFile.known_clock(path) is None
    with BooksFile(path, world="one") as file:
        assert BooksFile.known_clock(path) is None
        file.keep(Batch((), (), Moment(Instant(7_000), Instant(9_000), 5)))
    assert BooksFile.known_clock(path) == 7_000


def test_books_of_garbage_have_no_terms(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    path.write_bytes(bytes(range(256)) * 16)

    assert BooksFile.known_terms(path) is None
