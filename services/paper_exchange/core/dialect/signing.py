"""Is this request really from the holder of the key, and not late? Checked in the venue's order: key, time, sign.

What is signed is what came over the wire, byte for byte: nothing is re-ordered, decoded or written anew.
"""

import hmac
from dataclasses import dataclass
from typing import Final

from libs.common.units import Instant
from services.paper_exchange.core.books import refusals as no
from services.paper_exchange.core.books.refusals import refusal

FIRST_WINDOW: Final = "5000"
WIDEST_WINDOW: Final = 60_000
AHEAD_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Signed:
    """A request's four headers as they came; `payload` is the raw query or the raw body."""

    key: str
    timestamp: str
    window: str
    sign: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Stamped:
    """A request over a socket whose owner is known: only its time can be wrong."""

    timestamp: str
    window: str


Proof = Signed | Stamped


def check_proof(proof: Proof, *, key: str, secret: str, now: Instant) -> None:
    """Raise Refused (10003, 10002, 10004) unless `proof` is the holder's and in time at wall `now`."""
    if isinstance(proof, Stamped):
        _check_time(proof.timestamp, proof.window, now)
        return
    _check_key(proof.key, key)
    _check_time(proof.timestamp, proof.window, now)
    _check_sign(proof.sign, f"{proof.timestamp}{proof.key}{proof.window}".encode() + proof.payload, secret)


def check_stream_auth(key_given: str, expires: str, sign: str, *, key: str, secret: str, now: Instant) -> None:
    """Raise Refused (10003, 10002, 10004) unless a socket's auth message is right and not expired at wall `now`."""
    _check_key(key_given, key)
    until = _whole(expires)
    if until is None or until <= now:
        raise refusal(no.LATE)
    _check_sign(sign, f"GET/realtime{expires}".encode(), secret)


def digest(secret: str, text: bytes) -> str:
    """Return the lower-case hex HMAC-SHA256 of `text`."""
    return hmac.digest(secret.encode(), text, "sha256").hex()


def _check_key(given: str, key: str) -> None:
    if not hmac.compare_digest(given.encode(), key.encode()):
        raise refusal(no.BAD_KEY)


def _check_time(timestamp: str, window: str, now: Instant) -> None:
    sent, wide = _whole(timestamp), _whole(window or FIRST_WINDOW)
    if sent is None or wide is None or not now - min(wide, WIDEST_WINDOW) <= sent < now + AHEAD_MS:
        raise refusal(no.LATE)


def _check_sign(sign: str, text: bytes, secret: str) -> None:
    if not hmac.compare_digest(sign.encode(), digest(secret, text).encode()):
        raise refusal(no.BAD_SIGN)


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else None
