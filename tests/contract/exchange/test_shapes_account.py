"""The signed answers of the paper exchange, held against the venue's documented ones field by field."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from libs.common.units import HOUR_MS
from tests.support.bybit_floor import Swings, swinging_venue
from tests.support.bybit_kinds import Kind, differences, each, exactly, text
from tests.support.bybit_shapes_account import ASKED, CANCELLED, IDS
from tests.support.bybit_shapes_market import envelope
from tests.support.bybit_signed import ask, tell

pytestmark = pytest.mark.anyio
CREATED = {"order/realtime": "createdTime", "order/history": "createdTime", "execution/list": "execTime"}
SHOWN = {"order/realtime", "order/history", "execution/list", "position/list", "position/closed-pnl"}


@pytest.fixture
async def swings(tmp_path: Path) -> AsyncIterator[Swings]:
    async with swinging_venue(tmp_path) as served:
        yield served


async def trades(swings: Swings) -> None:
    """One of everything: open and closed, resting and conditional, cancelled, refused, held over funding."""
    stops = {"stopLoss": str(swings.price("0.97")), "takeProfit": str(swings.price("1.03"))}
    await does(swings, "order/create", side="Buy", orderType="Market", qty="0.02", orderLinkId="entry", **stops)
    await swings.steps(8 * HOUR_MS)
    await does(swings, "order/create", side="Sell", orderType="Market", qty="0.01", reduceOnly=True)
    resting = {"side": "Buy", "orderType": "Limit", "qty": "0.01"}
    await does(swings, "order/create", price=str(swings.price("0.95")), orderLinkId="rests", **resting)
    await does(swings, "order/create", price=str(swings.price("1.01")), timeInForce="PostOnly", **resting)
    await does(swings, "order/create", price=str(swings.price("0.94")), orderLinkId="gone", **resting)
    await does(swings, "order/cancel", orderLinkId="gone")
    triggered = {"triggerPrice": str(swings.price("1.1")), "triggerDirection": 1}
    await does(swings, "order/create", side="Buy", orderType="Market", qty="0.01", **triggered)


async def does(swings: Swings, path: str, **fields: Any) -> Any:
    answer = await tell(swings.http, path, **fields)
    assert (answer["retCode"], answer["retMsg"]) == (0, answer["retMsg"]), answer
    return answer


@pytest.mark.parametrize(("path", "query", "result"), [(path, *asked) for path, asked in ASKED.items()])
async def test_an_answer_has_just_the_documented_fields(swings: Swings, path: str, query: str, result: Kind) -> None:
    await trades(swings)
    answer = await ask(swings.http, path, query)
    assert differences(answer, envelope(result)) == []
    assert path not in SHOWN or answer["result"]["list"], "an empty list proves nothing"


@pytest.mark.parametrize("path", CREATED)
async def test_lists_are_newest_first(swings: Swings, path: str) -> None:
    await trades(swings)
    rows = (await ask(swings.http, path, ASKED[path][0]))["result"]["list"]
    moments = [int(row[CREATED[path]]) for row in rows]
    assert len(moments) > 1
    assert moments == sorted(moments, reverse=True)


async def test_the_row_of_a_flat_symbol_is_whole_and_has_no_side(swings: Swings) -> None:
    answer = await ask(swings.http, "position/list", ASKED["position/list"][0])
    assert differences(answer, envelope(ASKED["position/list"][1])) == []
    [row] = answer["result"]["list"]
    assert (row["side"], row["size"], row["seq"]) == ("", "0", -1)


async def test_other_categories_have_no_positions_rather_than_an_error(swings: Swings) -> None:
    answer = await ask(swings.http, "position/list", "category=inverse&settleCoin=BTC")
    assert (answer["retCode"], answer["result"]["list"]) == (0, [])


async def test_what_changes_an_order_answers_with_its_ids(swings: Swings) -> None:
    order = {"side": "Buy", "orderType": "Limit", "qty": "0.01", "price": str(swings.price("0.95"))}
    for path, fields in (
        ("order/create", {**order, "orderLinkId": "mine"}),
        ("order/amend", {"orderLinkId": "mine", "qty": "0.02"}),
        ("order/cancel", {"orderLinkId": "mine"}),
    ):
        answer = await does(swings, path, **fields)
        assert differences(answer, envelope(IDS)) == []
        assert answer["result"]["orderLinkId"] == "mine"
    await does(swings, "order/create", **order)
    assert differences(await does(swings, "order/cancel-all"), envelope(CANCELLED)) == []


async def test_what_changes_the_account_answers_with_next_to_nothing(swings: Swings) -> None:
    empty = envelope({})
    leverage = {"buyLeverage": "5", "sellLeverage": "5"}
    assert differences(await does(swings, "position/set-leverage", **leverage), empty) == []
    assert differences(await does(swings, "position/switch-mode", mode=3), empty) == []
    assert differences(await does(swings, "position/switch-mode", mode=0), empty) == []
    await does(swings, "order/create", side="Buy", orderType="Market", qty="0.01")
    stop = {"stopLoss": str(swings.price("0.97")), "tpslMode": "Full", "positionIdx": 0}
    assert differences(await does(swings, "position/trading-stop", **stop), empty) == []
    chosen = await does(swings, "account/set-margin-mode", setMarginMode="ISOLATED_MARGIN")
    assert differences(chosen, envelope({"reasons": [text]})) == []


async def test_a_batch_answers_for_every_item_twice(swings: Swings) -> None:
    good = {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.01", "price": str(swings.price("0.9"))}
    answer = await tell(swings.http, "order/create-batch", request=[good, {**good, "qty": "-1"}])
    made, refused = answer["result"]["list"]
    row = {**each("category symbol orderLinkId createAt", text), "orderId": text}
    assert differences([made, refused], [row]) == []
    assert differences(answer["retExtInfo"]["list"][0], {"code": exactly(0), "msg": exactly("OK")}) == []
    assert [item["code"] for item in answer["retExtInfo"]["list"]] == [0, 10001]
    assert (bool(made["orderId"]), refused["orderId"]) == (True, "")


async def test_a_refusal_has_a_code_and_words_and_nothing_else(swings: Swings) -> None:
    answer = await tell(swings.http, "order/cancel", orderId="0" * 8)
    assert answer["retCode"] == 110001
    assert answer["retMsg"]
    assert differences({**answer, "retCode": 0, "retMsg": ""}, envelope({})) == []
