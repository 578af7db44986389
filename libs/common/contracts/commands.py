"""What trailing, REST, the CLI and the dashboard ask of the executor.

A position command names its position: another id or side is refused and dead-lettered; under an older version
only a tightening stop is applied. A command is never skipped: it stays pending until the symbol's lock is had.
"""

from typing import Annotated, ClassVar

from pydantic import Field

from libs.common.contracts.bounds import Count, Name, PositivePrice, Quantity, SymbolOrAll, VenueSymbol, Words
from libs.common.contracts.message import Message
from libs.common.contracts.trades import CloseReason
from libs.common.units import Side


class PositionCommand(Message):
    symbol: VenueSymbol
    position_id: Name
    side: Side
    version: Count


class StopMove(PositionCommand):
    schema_name: ClassVar[str] = "command.stop_move.v1"
    stop: PositivePrice
    reason: Words


class PositionReduce(PositionCommand):
    schema_name: ClassVar[str] = "command.position_reduce.v1"
    qty: Quantity
    step: Annotated[int, Field(ge=1, le=9)]  # which partial exit this is, 1..9: names the order
    reason: Words


class PositionClose(PositionCommand):
    schema_name: ClassVar[str] = "command.position_close.v1"
    close_reason: CloseReason
    reason: Words


class Switch(Message):
    """A turn of the kill switch, by somebody, for a reason."""

    by: Name
    reason: Words


class EntriesPause(Switch):
    schema_name: ClassVar[str] = "command.entries_pause.v1"


class EntriesResume(Switch):
    schema_name: ClassVar[str] = "command.entries_resume.v1"
    halted: bool  # False clears a pause only


class Halt(Switch):
    schema_name: ClassVar[str] = "command.halt.v1"


class Flatten(Switch):
    schema_name: ClassVar[str] = "command.flatten.v1"


class Detach(Switch):
    schema_name: ClassVar[str] = "command.detach.v1"


class RecoveryAccept(Switch):
    """A person has looked at what recovery could not decide: one symbol, or "" for everything."""

    schema_name: ClassVar[str] = "command.recovery_accept.v1"
    symbol: SymbolOrAll
