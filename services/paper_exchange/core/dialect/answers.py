"""The requests that only ask what the books hold now, by their path."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from pydantic import JsonValue

from services.paper_exchange.core.books.amounts import plain
from services.paper_exchange.core.books.books import Books
from services.paper_exchange.core.books.changes import Moment
from services.paper_exchange.core.books.checks import listed
from services.paper_exchange.core.books.fields import Fields, Json
from services.paper_exchange.core.books.position import MAKER_FEE, TAKER_FEE, Position
from services.paper_exchange.core.books.refusals import bad
from services.paper_exchange.core.dialect.rows import position_row, wallet_row

Answer = Callable[[Books, Fields, Moment], Json]
MOST_POSITIONS: Final = 200


def position_list(books: Books, fields: Fields, moment: Moment) -> Json:
    """By symbol the row comes even when flat; by settle coin only open positions do."""
    if fields.required("category") != "linear":
        return {"category": fields.text("category"), "nextPageCursor": "", "list": []}
    if fields.has("symbol"):
        symbol = listed(books, fields.symbol(), moment).symbol
        found: Sequence[Position] = [books.position(symbol, leg) for leg in books.legs(symbol)]
    elif fields.has("settleCoin"):
        found = books.open_positions() if fields.text("settleCoin") == "USDT" else []
    else:
        raise bad("params error: symbol or settleCoin required")
    limit = min(max(fields.whole("limit", 20) or 20, 1), MOST_POSITIONS)
    begin = fields.whole("cursor", 0) or 0
    rows: list[JsonValue] = [position_row(books, position) for position in found[begin : begin + limit]]
    more = str(begin + limit) if begin + limit < len(found) else ""
    return {"category": "linear", "nextPageCursor": more, "list": rows}


def wallet_balance(books: Books, fields: Fields, _moment: Moment) -> Json:
    if fields.required("accountType") != "UNIFIED":
        raise bad("accountType only support UNIFIED.")
    row = wallet_row(books)
    wanted = {coin for coin in fields.text("coin").upper().split(",") if coin}
    if wanted and "USDT" not in wanted:
        row["coin"] = []
    return {"list": [row]}


def account_info(books: Books, _fields: Fields, _moment: Moment) -> Json:
    return {
        "marginMode": books.account.margin_mode.value,
        "unifiedMarginStatus": 5,
        "updatedTime": "0",
        "dcpStatus": "OFF",
        "timeWindow": 0,
        "smpGroup": 0,
        "isMasterTrader": False,
        "spotHedgingStatus": "OFF",
    }


def fee_rate(books: Books, fields: Fields, moment: Moment) -> Json:
    fields.linear()
    symbols = [listed(books, fields.symbol(), moment).symbol] if fields.has("symbol") else sorted(books.last)
    rates: Json = {"takerFeeRate": plain(TAKER_FEE), "makerFeeRate": plain(MAKER_FEE)}
    return {"list": [{"symbol": symbol, **rates} for symbol in symbols]}


def key_facts(_books: Books, _fields: Fields, _moment: Moment) -> Json:
    """A key that may trade and may not withdraw."""
    return {
        "id": "1",
        "note": "paper",
        "apiKey": "",
        "readOnly": 0,
        "secret": "",
        "permissions": {
            "ContractTrade": ["Order", "Position"],
            "Spot": [],
            "Wallet": [],
            "Options": [],
            "Derivatives": ["DerivativesTrade"],
            "Exchange": [],
        },
        "ips": ["*"],
        "type": 1,
        "deadlineDay": 90,
        "expiredAt": "2100-01-01T00:00:00Z",
        "createdAt": "2020-01-01T00:00:00Z",
        "unified": 0,
        "uta": 1,
        "userID": 1,
        "vipLevel": "No VIP",
        "isMaster": True,
    }


def no_coins(_books: Books, _fields: Fields, _moment: Moment) -> Json:
    return {"rows": []}


ANSWERS: Final[Mapping[str, Answer]] = {
    "/v5/position/list": position_list,
    "/v5/account/wallet-balance": wallet_balance,
    "/v5/account/info": account_info,
    "/v5/account/fee-rate": fee_rate,
    "/v5/user/query-api": key_facts,
    "/v5/asset/coin/query-info": no_coins,
}
