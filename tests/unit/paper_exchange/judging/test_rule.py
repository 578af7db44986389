from services.paper_exchange.core.judging.rule import SHOWN, Rule, named


def test_a_kept_promise_says_what_was_looked_at() -> None:
    assert Rule("no harm", "3 orders", ()).line == "ok    no harm (3 orders)"


def test_a_broken_promise_tells_the_first_breaches_and_how_many_there_are() -> None:
    line = Rule("no harm", "9 orders", tuple(f"b{n}" for n in range(9))).line
    assert line == "FAIL  no harm: 9 of 9 orders: b0; b1; b2; b3; b4"
    assert SHOWN == 5


def test_a_side_of_the_hedge_is_named() -> None:
    assert (named(("BTCUSDT", 0)), named(("BTCUSDT", 2))) == ("BTCUSDT", "BTCUSDT/2")
