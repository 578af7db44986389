"""pybit, unmodified, meets the paper exchange's door: rate limits, keys and clocks."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pybit._helpers
import pytest

from libs.common.clock import SystemClock
from tests.support.bybit_clients import pybit_http
from tests.support.bybit_process import ServedExchange, served_exchange
from tests.support.bybit_pybit import LINEAR, refused


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedExchange]:
    with served_exchange(tmp_path_factory.mktemp("pybit"), limits="bybit") as served:
        yield served


def told(headers: Any) -> tuple[int, int, int]:
    names = ("X-Bapi-Limit", "X-Bapi-Limit-Status", "X-Bapi-Limit-Reset-Timestamp")
    limit, left, reset = (int(headers[name]) for name in names)
    return limit, left, reset


def test_every_signed_answer_says_how_much_is_left(exchange: ServedExchange) -> None:
    session = pybit_http(exchange.endpoint, return_response_headers=True)
    first, second = (told(session.get_account_info()[2]) for _ in range(2))
    assert (first[0], second[0]) == (50, 50)
    assert second[1] == first[1] - 1


def test_pybit_waits_until_the_limit_is_reset_and_is_served(exchange: ServedExchange) -> None:
    session = pybit_http(exchange.endpoint)
    answers = [session.get_fee_rates(**LINEAR)["retCode"] for _ in range(12)]  # five a second are allowed
    assert answers == [0] * 12


def test_an_excess_is_refused_and_its_reset_lies_ahead(exchange: ServedExchange) -> None:
    session = pybit_http(exchange.endpoint, retry_codes={10002}, ignore_codes={10006}, return_response_headers=True)
    refusals = [answer for _ in range(12) if (answer := session.get_fee_rates(**LINEAR))[0]["retCode"] == 10006]
    body, _, headers = refusals[0]
    assert body["result"] == {}
    assert told(headers)[:2] == (5, 0)
    assert told(headers)[2] >= body["time"] + 90


@pytest.mark.parametrize(("key", "secret", "code"), [("other", "paper", 10003), ("paper", "other", 10004)])
def test_a_wrong_key_or_secret_is_refused(exchange: ServedExchange, key: str, secret: str, code: int) -> None:
    with refused(code):
        pybit_http(exchange.endpoint, key=key, secret=secret).get_account_info()


@pytest.mark.parametrize("off_ms", [-5_500, 1_500])
def test_a_clock_that_is_off_is_refused(exchange: ServedExchange, off_ms: int) -> None:
    session = pybit_http(exchange.endpoint, retry_codes={10006})
    with (
        patch.object(pybit._helpers, "generate_timestamp", lambda: SystemClock().now() + off_ms),
        refused(10002),
    ):
        session.get_account_info()


def test_a_wider_window_lets_a_late_clock_in(exchange: ServedExchange) -> None:
    session = pybit_http(exchange.endpoint, recv_window=10_000)
    with patch.object(pybit._helpers, "generate_timestamp", lambda: SystemClock().now() - 5_500):
        assert session.get_account_info()["retCode"] == 0


def test_cursors_survive_pybits_signing(exchange: ServedExchange) -> None:
    session = pybit_http(exchange.endpoint)
    order = {**LINEAR, "side": "Buy", "orderType": "Limit", "qty": "0.001", "price": str(exchange.price("0.9"))}
    made = [session.place_order(**order)["result"]["orderId"] for _ in range(3)]
    found: list[str] = []
    cursor = ""
    while len(found) < 3:
        page = session.get_open_orders(**LINEAR, limit=1, cursor=cursor)["result"]
        found += [row["orderId"] for row in page["list"]]
        cursor = page["nextPageCursor"]
    assert (found, cursor) == (made[::-1], "")
