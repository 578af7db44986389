"""The envelope that every message wears, and how strict we are about it."""

from collections.abc import Callable
from functools import cache
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field

from libs.common.contracts.bounds import Moment, Name
from libs.common.ids import derive_id, deriving
from libs.common.units import Instant


class Value(BaseModel):
    """A frozen, strict part of a message: unknown fields are refused, nothing is coerced."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Message(Value):
    """A fact or a wish, as it travels on a stream. Never edited after it is made.

    The schema name begins with the stream: `order.filled.v1` travels on `ik:order`.
    """

    schema_name: ClassVar[str]

    id: Name  # derived from the causes: a repeat has the same id
    cause: Name  # id of the message that caused this one; "" at the head of a story
    trace: Name  # id of the candle that started the story
    at: Moment  # market time
    sent: Moment = Field(default=Instant(0))  # wall time, stamped by the bus
    source: str = ""  # service/instance, stamped by the bus

    @classmethod
    def stream(cls) -> str:
        return cls.schema_name.partition(".")[0]

    def stamped(self, *, sent: Instant, source: str) -> Self:
        return self.model_copy(update={"sent": sent, "source": source})


def message_id(schema: type[Message], *causes: str) -> str:
    """The derived id of a message of this schema with these causes."""
    return derive_id(_kind(schema.schema_name), *causes)


def message_ids(schema: type[Message], *causes: str) -> Callable[[str], str]:
    """Return what derives the ids of messages of this schema that differ in their last cause."""
    return deriving(_kind(schema.schema_name), *causes)


@cache
def _kind(schema_name: str) -> str:
    """The name without its version."""
    return schema_name.rpartition(".")[0]
