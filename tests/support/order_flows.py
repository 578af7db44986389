"""Random flows of orders, and of the market under them, that mostly are what the venue would take.

Prices are said as distances from where the market is, legs as what hedge mode would have, so that a flow stays
sensible wherever it wanders.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeAlias

from hypothesis import strategies as st

from libs.common.units import Price, Qty, Side
from services.paper_exchange.core.books.changes import MarginMode
from services.paper_exchange.core.books.leg import Leg
from services.paper_exchange.core.market.market import Tick
from tests.support.scripted_market import BTC, prices
from tests.support.trading_floor import Floor

Value: TypeAlias = str | int | bool
Values: TypeAlias = st.SearchStrategy[Value]

near: Values = st.integers(-40, 40)  # tenths from the last price
far: Values = st.integers(-5, 120)  # tenths on the right side of it, mostly
sizes: Values = st.integers(50, 5_000).map(lambda n: str(Decimal(n) / 1_000))
sides: Values = st.sampled_from(["Buy", "Sell"])
triggers: Values = st.sampled_from(["LastPrice", "MarkPrice"])
names: Values = st.sampled_from(["a", "b", "c", "d", "e", "f"])
covers: Values = st.sampled_from(["Full", "Partial"])
legs: Values = st.sampled_from([1, 2])  # 0 in one-way mode


@dataclass(frozen=True)
class Act:
    path: str
    fields: tuple[tuple[str, Value], ...]


def act(path: str, always: dict[str, Values], optional: dict[str, Values]) -> st.SearchStrategy[Act]:
    chosen = st.fixed_dictionaries(always, optional=optional)
    return chosen.map(lambda fields: Act(path, tuple(fields.items())))


def order(kind: str, **more: Values) -> st.SearchStrategy[Act]:
    always: dict[str, Values] = {"side": sides, "qty": sizes, "orderType": st.just(kind), "positionIdx": legs, **more}
    optional: dict[str, Values] = {
        "stopLoss": far,
        "takeProfit": far,
        "slTriggerBy": triggers,
        "tpslMode": covers,
        "orderLinkId": names,
    }
    return act("order/create", always, optional)


ticks = act("tick", {"price": st.integers(-60, 60), "mark": near, "volume": st.integers(0, 3)}, {})
acts = st.one_of(
    order("Market"),
    order("Market", reduceOnly=st.just(value=True)),
    order("Market", slippageToleranceType=st.just("Percent"), slippageTolerance=st.sampled_from(["0.1", "5"])),
    order("Limit", price=near, timeInForce=st.sampled_from(["GTC", "GTC", "IOC", "FOK", "PostOnly"])),
    order("Market", triggerPrice=near, triggerBy=triggers, closeOnTrigger=st.booleans()),
    order("Limit", triggerPrice=near, price=near, triggerBy=triggers, reduceOnly=st.booleans()),
    act(
        "position/trading-stop",
        {"positionIdx": legs, "tpslMode": covers},
        {"stopLoss": far, "takeProfit": far, "tpSize": st.just("0.1"), "slSize": st.just("0.1")},
    ),
    act("position/trading-stop", {"positionIdx": legs, "trailingStop": st.sampled_from(["0", "1", "2.5"])}, {}),
    act("order/amend", {"orderLinkId": names}, {"qty": sizes, "price": near, "triggerPrice": near}),
    act("order/cancel", {"orderLinkId": names}, {}),
    st.just(Act("order/cancel-all", ())),
    st.integers(1, 50).map(lambda n: Act("position/set-leverage", (("buyLeverage", str(n)), ("sellLeverage", str(n))))),
    st.sampled_from(list(MarginMode)).map(
        lambda mode: Act("account/set-margin-mode", (("setMarginMode", mode.value),))
    ),
    ticks,
    ticks,
    ticks,
    ticks,
    st.sampled_from(["0.0001", "-0.0003"]).map(lambda rate: Act("funding", (("rate", rate),))),
)
modes: st.SearchStrategy[list[Act]] = st.sampled_from([[], [Act("position/switch-mode", (("mode", 3),))]])
flows = st.builds(lambda mode, rest: mode + rest, modes, st.lists(acts, min_size=25, max_size=60))


def said(floor: Floor, one: Act) -> dict[str, Value]:
    """The fields of a request, with prices where the market is and the leg of the mode that it is in."""
    fields, last = dict(one.fields), floor.books.last[BTC]
    if "positionIdx" in fields and BTC not in floor.books.account.hedged:
        fields["positionIdx"] = 0
    position = floor.books.position(BTC, Leg(int(fields.get("positionIdx", 0))))
    buys = fields.get("side") == "Buy" if "side" in fields else position.side is not Side.SHORT
    for name, up in (("stopLoss", not buys), ("takeProfit", buys)):
        if name in fields:
            fields[name] = str(last + Decimal(int(fields[name])) / 10 * (1 if up else -1))
    for name in ("price", "triggerPrice"):
        if name in fields:
            fields[name] = str(last + Decimal(int(fields[name])) / 10)
    if "triggerPrice" in fields and one.path == "order/create":
        fields["triggerDirection"] = 1 if Decimal(str(fields["triggerPrice"])) > last else 2
    return fields


def tick_of(floor: Floor, one: Act) -> Tick:
    """The market a second later, `price` tenths away, its mark `mark` twentieths beside; never below 20."""
    said = {name: int(value) for name, value in one.fields}
    now = max(Decimal(20), floor.books.last[BTC] + Decimal(said["price"]) / 10)
    (tick,) = prices(str(now), after=floor.now.market)
    return replace(tick, mark=Price(now + Decimal(said["mark"]) / 20), volume=Qty(Decimal(said["volume"])))
