"""What trailing, REST, the CLI and the dashboard ask of the executor.

A position command names its position: another id or side is refused and dead-lettered; under an older version
only a tightening stop is applied. A command is never skipped: it stays pending until the symbol's lock is had.
"""

from typing import ClassVar

from libs.common.contracts.message import Message
from libs.common.contracts.trades import CloseReason
from libs.common.units import Price, Qty, Side, Symbol


class PositionCommand(Message):
    symbol: Symbol
    position_id: str
    side: Side
    version: int


class StopMove(PositionCommand):
    schema_name: ClassVar[str] = "command.stop_move.v1"
    stop: Price
    reason: str


class PositionReduce(PositionCommand):
    schema_name: ClassVar[str] = "command.position_reduce.v1"
    qty: Qty
    step: int  # which partial exit this is, 1..9: names the order
    reason: str


class PositionClose(PositionCommand):
    schema_name: ClassVar[str] = "command.position_close.v1"
    close_reason: CloseReason
    reason: str


class Switch(Message):
    """A turn of the kill switch, by somebody, for a reason."""

    by: str
    reason: str


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
    symbol: str
