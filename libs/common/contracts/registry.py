"""From a schema name on the wire to a model, through every version ever sent.

Consumers are deployed before producers: an unknown field or a version from the future is Poison, not a guess.
"""

from collections.abc import Callable, Mapping
from typing import Final

import orjson
from pydantic import JsonValue, ValidationError

from libs.common.contracts import (
    commands,
    lessons,
    market,
    orders,
    positions,
    postmortems,
    recovery,
    signals,
    trades,
)
from libs.common.contracts.message import Message
from libs.common.errors import Poison

Json = dict[str, JsonValue]
Upcaster = Callable[[Json], Json]

MODELS: Final[Mapping[str, type[Message]]] = {
    model.schema_name: model
    for model in (
        market.CandleClosed,
        market.CandleMissing,
        market.CandlesLoaded,
        market.PriceMoved,
        signals.SignalMade,
        commands.StopMove,
        commands.PositionReduce,
        commands.PositionClose,
        commands.EntriesPause,
        commands.EntriesResume,
        commands.Halt,
        commands.Flatten,
        commands.Detach,
        commands.RecoveryAccept,
        orders.OrderSubmitted,
        orders.OrderAccepted,
        orders.OrderFilled,
        orders.OrderCancelled,
        orders.OrderRefused,
        orders.OrderUnknown,
        orders.OrderReviewed,
        positions.PositionOpened,
        positions.PositionChanged,
        positions.PositionClosed,
        positions.PositionSnapshot,
        trades.TradeClosed,
        lessons.LessonExplained,
        postmortems.PostmortemWritten,
        recovery.RecoveryPlanned,
        recovery.RecoveryDone,
    )
}

# Old schema name -> (the name it becomes, how). A chain leads to a name in MODELS.
UPCASTERS: Final[Mapping[str, tuple[str, Upcaster]]] = {}


def encode(message: Message) -> tuple[bytes, bytes]:
    """Return the two fields of a stream entry: schema name and JSON, decimals as strings."""
    return message.schema_name.encode(), message.model_dump_json().encode()


def decode(
    schema: bytes,
    body: bytes,
    *,
    models: Mapping[str, type[Message]] = MODELS,
    upcasters: Mapping[str, tuple[str, Upcaster]] = UPCASTERS,
) -> Message:
    """Read a stream entry of any known version; raises Poison naming the schema and what is wrong."""
    name = schema.decode(errors="replace")
    try:
        if name in models:
            return models[name].model_validate_json(body)
        if name not in upcasters:
            raise Poison(f"no schema is called {name!r}")
        old = orjson.loads(body)
        while name in upcasters:
            name, upcast = upcasters[name]
            old = upcast(old)
        return models[name].model_validate_json(orjson.dumps(old))
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'body'}: {e['msg']}" for e in error.errors(include_url=False)
        )
        raise Poison(f"{name}: {wrong}") from error
    except orjson.JSONDecodeError as error:
        raise Poison(f"{name}: not JSON: {error}") from error
