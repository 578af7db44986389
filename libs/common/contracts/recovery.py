"""What a start found and what it did about it."""

from enum import StrEnum
from typing import ClassVar

from libs.common.contracts.bounds import Count, Moment
from libs.common.contracts.message import Message, Value


class Phase(StrEnum):
    RECOVERING = "RECOVERING"
    SEEKING_ENTRY = "SEEKING_ENTRY"
    MANAGING_POSITIONS = "MANAGING_POSITIONS"


class RecoveryAction(StrEnum):
    CONTINUE_NORMAL = "CONTINUE_NORMAL"
    SWITCH_TO_MANAGING = "SWITCH_TO_MANAGING"
    UPDATE_POSITIONS = "UPDATE_POSITIONS"
    SWITCH_TO_SEEKING = "SWITCH_TO_SEEKING"
    CONTINUE_SEEKING = "CONTINUE_SEEKING"
    MANUAL_REVIEW_NEEDED = "MANUAL_REVIEW_NEEDED"


class Finding(Value):
    """One sentence about one symbol ("" = the whole account)."""

    symbol: str
    text: str


class RecoveryPlanned(Message):
    schema_name: ClassVar[str] = "recovery.planned.v1"
    session_id: str
    action: RecoveryAction
    phase: Phase
    clean_stop: bool  # the last session left its marker
    findings: tuple[Finding, ...]


class RecoveryDone(Message):
    schema_name: ClassVar[str] = "recovery.done.v1"
    session_id: str
    action: RecoveryAction
    phase: Phase
    positions: Count
    took_ms: Count  # wall, from the first request
    requests: Count
    finished: Moment  # wall
