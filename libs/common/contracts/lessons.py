"""What a losing trade teaches the predictor."""

from typing import ClassVar

from libs.common.contracts.bounds import VenueSymbol
from libs.common.contracts.message import Message


class LessonExplained(Message):
    schema_name: ClassVar[str] = "lesson.explained.v1"
    trade_id: str
    symbol: VenueSymbol
    category: str
    severity: str
    attributable_to_model: bool  # losses by execution, data, outside hands or liquidation are not
