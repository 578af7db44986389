"""What leaves the exchange: an answer in the venue's envelope, or one that misfortune took out of it."""

from dataclasses import dataclass, field

import orjson

from libs.common.errors import Refused
from libs.common.units import Instant
from services.paper_exchange.core.books.fields import Json
from services.paper_exchange.core.books.refusals import BAD_PARAMETER
from services.paper_exchange.core.dialect.limits import Allowance

Result = Json | orjson.Fragment  # a fragment is JSON already


@dataclass(frozen=True, slots=True)
class Answer:
    """What was asked, or why not. `extra` is the envelope's retExtInfo: what became of each item of a batch."""

    result: Result = field(default_factory=dict)
    code: int = 0
    text: str = "OK"
    extra: Json = field(default_factory=dict)
    allowance: Allowance | None = None


@dataclass(frozen=True, slots=True)
class Bare:
    """A body without an envelope, and a status that is not 200: from the house, not from the desk."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Cut:
    """Nothing more: the connection ends."""


Reply = Answer | Bare | Cut


def refused(error: Refused, allowance: Allowance | None = None) -> Answer:
    """A refusal is an answer with a code, HTTP 200: clients look at the body only then."""
    code = BAD_PARAMETER if error.code is None else error.code
    return Answer(code=code, text=str(error), allowance=allowance)


def enveloped(answer: Answer, wall: Instant) -> bytes:
    """Return the body of a REST answer."""
    return orjson.dumps(
        {
            "retCode": answer.code,
            "retMsg": answer.text,
            "result": answer.result,
            "retExtInfo": answer.extra,
            "time": wall,
        }
    )


def limit_headers(allowance: Allowance, wall: Instant) -> dict[str, str]:
    """What the venue says about its limits; the reset of a refused call lies ahead."""
    return {
        "X-Bapi-Limit": str(allowance.limit),
        "X-Bapi-Limit-Status": str(allowance.left),
        "X-Bapi-Limit-Reset-Timestamp": str(wall + allowance.wait_ms),
    }
