"""Both stores keep the same promises: one writer at a time, one view a reading, one schema however many start."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Engine, event, inspect

from libs.common.errors import Transient
from libs.common.units import Instant, Symbol
from services.executor.adapters import store
from services.executor.adapters.ledger import Ledger, Pages
from services.executor.adapters.schema import METADATA

T = TypeVar("T")
BTC = Symbol("BTCUSDT")
WRITERS = 4


def side_by_side(work: Callable[[int], T]) -> list[T]:
    """What several do at the same time, each with connections of its own."""
    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(work, range(WRITERS)))


def test_executors_that_start_at_once_migrate_an_empty_database_once(tmp_path: Path, ledger_url: str) -> None:
    ledgers = side_by_side(lambda _: Ledger.open(ledger_url, home=tmp_path))
    for ledger in ledgers:
        with ledger.write() as pages:
            pages.take_fence(BTC)
    with ledgers[0].read() as pages:
        assert pages.fence(BTC) == WRITERS


def test_a_writer_is_alone_from_its_first_instruction(tmp_path: Path, ledger_url: str) -> None:
    """Everybody reads a number and writes the next: nobody reads one that another is about to replace."""
    Ledger.open(ledger_url, home=tmp_path).close()

    def counts(_: int) -> list[str]:
        ledger, seen = Ledger.open(ledger_url, home=tmp_path), []
        for _ in range(25):
            with ledger.write() as pages:
                found = pages.cursor("count") or "0"
                pages.set_cursor("count", str(int(found) + 1))
                seen.append(found)
        return seen

    seen = [number for one in side_by_side(counts) for number in one]
    assert sorted(map(int, seen)) == list(range(WRITERS * 25))


def test_a_reading_is_one_view_whatever_is_written_meanwhile(tmp_path: Path, ledger_url: str) -> None:
    reader, writer = Ledger.open(ledger_url, home=tmp_path), Ledger.open(ledger_url, home=tmp_path)
    with reader.read() as before:
        assert before.cursor("one") is None
        with writer.write() as pages:
            pages.set_cursor("one", "1")
            pages.set_cursor("two", "2")
        assert before.cursor("two") is None
    with reader.read() as after:
        assert (after.cursor("one"), after.cursor("two")) == ("1", "2")


def test_a_reader_does_not_wait_for_a_writer(tmp_path: Path, ledger_url: str) -> None:
    reader, writer = Ledger.open(ledger_url, home=tmp_path), Ledger.open(ledger_url, home=tmp_path)
    with writer.write() as pages:
        pages.set_cursor("one", "1")
        with reader.read() as meanwhile:
            assert meanwhile.cursor("one") is None


def test_a_writer_who_waits_too_long_is_told_that_nothing_happened(
    tmp_path: Path, ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Ledger.open(ledger_url, home=tmp_path)
    monkeypatch.setattr(store, "BUSY_MS", 200)
    other = Ledger.open(ledger_url, home=tmp_path)
    with one.write() as slow:
        slow.set_cursor("who", "one")
        with pytest.raises(Transient, match="the ledger is busy"), other.write() as pages:
            pages.set_cursor("who", "other")
    with other.write() as pages:
        assert pages.cursor("who") == "one"


def asked_by_an_admission(pages: Pages) -> None:
    """What `Entries` reads before it admits or declines a signal."""
    pages.intent("ik1-any")
    pages.was_declined("any")
    pages.open_position(BTC)
    pages.sent_at(BTC)
    pages.fence(BTC)
    pages.live_symbols()
    pages.open_symbols()
    pages.unbooked(since=Instant(0))
    pages.entry_margins(Instant(0))
    pages.last_loss_at(BTC)
    pages.earned(Instant(0))


def scanned(engine: Engine, asked: Sequence[tuple[str, Sequence[object]]]) -> list[str]:
    """The statements that read a whole table, as SQLite plans them."""
    with engine.connect() as connection:
        plans = {
            text: [str(step.detail) for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", tuple(values))]
            for text, values in asked
        }
    return [f"{plan}: {text}" for text, plan in plans.items() if any(step.startswith("SCAN") for step in plan)]


def test_an_admission_reads_no_whole_table_however_old_the_ledger(tmp_path: Path) -> None:
    engine = store.open_store(store.sqlite_url(tmp_path / "ledger.db"))
    asked: list[tuple[str, Sequence[object]]] = []
    event.listen(engine, "before_cursor_execute", lambda *told: asked.append((told[2], told[3])))
    with Ledger(engine).read() as pages:
        asked.clear()
        asked_by_an_admission(pages)
    assert len(asked) >= 10
    assert scanned(engine, [one for one in asked if one[0].startswith("SELECT")]) == []


def test_a_ledger_of_the_first_schema_gets_the_indexes_of_today(tmp_path: Path) -> None:
    url = store.sqlite_url(tmp_path / "ledger.db")
    engine = store.open_store(url)
    with engine.begin() as connection:
        for name in ("intents_by_touch", "trades_by_symbol", "declined_by_signal"):
            connection.exec_driver_sql(f"DROP INDEX {name}")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    engine.dispose()
    again = inspect(store.open_store(url))
    for table in METADATA.sorted_tables:
        assert {str(index["name"]) for index in again.get_indexes(table.name)} >= {str(i.name) for i in table.indexes}
