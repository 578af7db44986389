import ccxt
import pytest

from services.paper_exchange.core.books import refusals as no

CODES = {name: code for name, code in vars(no).items() if name.isupper() and isinstance(code, int)}


def test_every_code_has_one_name() -> None:
    assert len(set(CODES.values())) == len(CODES)


def test_every_code_has_words_of_its_own_or_is_given_them() -> None:
    worded_where_raised = {no.BAD_PARAMETER, no.REDUCE_ONLY}
    assert set(no.TEXTS) == set(CODES.values()) - worded_where_raised
    assert all(no.TEXTS.values())


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (no.BAD_PARAMETER, ccxt.BadRequest),
        (no.LATE, ccxt.InvalidNonce),
        (no.BAD_KEY, ccxt.AuthenticationError),
        (no.BAD_SIGN, ccxt.AuthenticationError),
        (no.TOO_MANY, ccxt.RateLimitExceeded),
        (no.NO_ORDER, ccxt.OrderNotFound),
        (no.PRICE_RANGE, ccxt.InvalidOrder),
        (no.NO_MONEY, ccxt.InsufficientFunds),
        (no.REDUCE_ONLY, ccxt.InvalidOrder),
        (no.MODE_SAME, ccxt.NoChange),
        (no.MARGIN_MODE_SAME, ccxt.MarginModeAlreadySet),
        (no.LEVERAGE_SAME, ccxt.BadRequest),
        (no.DUPLICATE, ccxt.InvalidOrder),
    ],
)
def test_a_stock_client_understands_each_code_as_we_mean_it(code: int, error: type[Exception]) -> None:
    assert issubclass(ccxt.bybit().exceptions["exact"][str(code)], error)


def test_a_stock_client_knows_an_unknown_symbol_by_its_words() -> None:
    broad = ccxt.bybit().exceptions["broad"]
    assert any(issubclass(error, ccxt.BadSymbol) for words, error in broad.items() if words in no.NO_SYMBOL)


def test_a_refusal_speaks_the_venue_s_words_unless_others_are_given() -> None:
    usual, special = no.refusal(no.LEVERAGE_SAME), no.refusal(no.REDUCE_ONLY, no.FLAT_REDUCE)
    assert (str(usual), usual.code) == ("leverage not modified", 110043)
    assert (str(special), special.code) == ("current position is zero, cannot fix reduce-only order qty", 110017)
    bad = no.bad("params error: qty invalid")
    assert (str(bad), bad.code) == ("params error: qty invalid", 10001)
