from decimal import Decimal
from pathlib import Path

from libs.common.units import Instant, Usd
from services.paper_exchange.adapters.disk.books_file import BooksFile
from services.paper_exchange.core.books.batch import Batch
from services.paper_exchange.core.books.changes import Moment
from tests.support.trading_floor import Floor

NOW = Moment(Instant(1), Instant(1), 1)


def test_an_id_is_known_before_and_after_it_is_written_and_ever_after(tmp_path: Path) -> None:
    floor = Floor()
    with BooksFile(tmp_path / "books.db", world="test") as file:
        floor.books.link_ids = used = file.load(Usd(Decimal(1000))).link_ids
        floor.buys(orderLinkId="mine")
        assert ("mine" in used, "other" in used, "" in used) == (True, False, False)
        file.keep(Batch(floor.books.take_journal(), (), NOW))
        assert ("mine" in used, set(used)) == (True, {"mine"})
    with BooksFile(tmp_path / "books.db", world="test") as file:
        assert "mine" in file.load(Usd(Decimal(1000))).link_ids


def test_what_was_never_written_is_not_known_after_a_restart(tmp_path: Path) -> None:
    with BooksFile(tmp_path / "books.db", world="test") as file:
        file.load(Usd(Decimal(1000))).link_ids.add("lost")
    with BooksFile(tmp_path / "books.db", world="test") as file:
        assert "lost" not in file.load(Usd(Decimal(1000))).link_ids
