"""What may go wrong between us and a venue, one name each, for tests to script."""

import asyncio
from dataclasses import dataclass

from libs.common.exchange.trading_types import Outcome
from libs.common.units import Qty, Symbol


@dataclass(frozen=True, slots=True)
class LostRequest:
    """The request never arrives."""


@dataclass(frozen=True, slots=True)
class LostReply:
    """The request is obeyed and the answer never arrives."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The venue answers with this code and does nothing."""

    code: int
    text: str = "scripted"


@dataclass(frozen=True, slots=True)
class Delayed:
    """The request reaches the venue only when `gate` is set; its date is checked then."""

    gate: asyncio.Event


@dataclass(frozen=True, slots=True)
class PartlyFilled:
    """The order is filled for `qty`; its rest is cancelled."""

    qty: Qty


@dataclass(frozen=True, slots=True)
class LeftWorking:
    """The order is acknowledged and stays unfilled until `MemoryVenue.fills` is told."""


@dataclass(frozen=True, slots=True)
class AnsweredAmiss:
    """The request is obeyed, and the venue answers with this code all the same."""

    code: int
    text: str = "scripted"


Fault = LostRequest | LostReply | Answer | Delayed | PartlyFilled | LeftWorking | AnsweredAmiss


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that would change something, and what the asker was told."""

    what: str  # create, cancel, stop, leverage
    symbol: Symbol
    link_id: str
    outcome: Outcome
