from services.paper_exchange.core.books.changes import WalletChanged
from services.paper_exchange.core.dialect.frames import PrivateFrame, frames
from tests.support.trading_floor import Floor


def told(floor: Floor) -> list[PrivateFrame]:
    return frames(floor.books.take_journal(), floor.books)


def test_frames_follow_the_order_of_what_happened() -> None:
    floor = Floor()
    floor.buys("1", stopLoss="95")
    topics = [frame.topic for frame in told(floor)]
    assert topics == ["order", "order", "execution", "order", "position", "wallet"]


def test_every_row_but_the_wallet_s_says_its_category() -> None:
    floor = Floor()
    floor.buys("1")
    assert {(frame.topic, frame.row.get("category")) for frame in told(floor)} == {
        ("order", "linear"), ("execution", "linear"), ("position", "linear"), ("wallet", None),
    }  # fmt: skip


def test_a_pushed_position_has_an_entry_price_in_place_of_an_average() -> None:
    floor = Floor()
    floor.buys("1")
    (row,) = [frame.row for frame in told(floor) if frame.topic == "position"]
    assert row["entryPrice"] == "100.1"
    assert "avgPrice" not in row


def test_a_pushed_execution_says_what_it_earned_by_price_alone() -> None:
    floor = Floor()
    floor.buys("1")
    floor.sells("1")
    earned = [frame.row["execPnl"] for frame in told(floor) if frame.topic == "execution"]
    assert earned == ["0", "-0.2"]


def test_wallets_in_a_row_are_told_once_and_as_they_are_now() -> None:
    floor = Floor()
    floor.buys("1")
    wallets = [change for change in floor.books.journal if isinstance(change, WalletChanged)]
    (frame,) = frames(wallets * 3, floor.books)
    coins = frame.row["coin"]
    assert isinstance(coins, list)
    assert isinstance(coins[0], dict)
    assert coins[0]["walletBalance"] == str(floor.books.totals.balance).rstrip("0")


def test_what_only_the_audit_needs_is_pushed_to_nobody() -> None:
    floor = Floor()
    floor.buys("1", stopLoss="95")
    floor.books.take_journal()
    floor.asks("position/trading-stop", stopLoss="0")
    floor.sells("1")
    assert {frame.topic for frame in told(floor)} == {"order", "execution", "position", "wallet"}
    assert told(floor) == []
