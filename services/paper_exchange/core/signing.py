"""Is this request really from the holder of the key, and not late? Checked in the venue's order: key, time, sign."""

import hmac
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from libs.common.units import Instant
from services.paper_exchange.core import refusals as no
from services.paper_exchange.core.refusals import refusal

FIRST_WINDOW: Final = 5000
WIDEST_WINDOW: Final = 60_000
AHEAD_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Signed:
    """The four headers as they came; `payload` is the raw query or the raw body."""

    key: str
    timestamp: str
    window: str
    sign: str
    payload: bytes


def check_signature(asked: Signed, *, key: str, secret: str, now: Instant) -> None:
    """Raise Refused (10003, 10002, 10004) unless the request is signed with `secret` and not late at wall `now`."""
    if not hmac.compare_digest(asked.key.encode(), key.encode()):
        raise refusal(no.BAD_KEY)
    sent, window = _whole(asked.timestamp), _whole(asked.window or str(FIRST_WINDOW))
    if sent is None or window is None or not now - min(window, WIDEST_WINDOW) <= sent < now + AHEAD_MS:
        raise refusal(no.LATE)
    text = f"{asked.timestamp}{asked.key}{asked.window}".encode() + asked.payload
    if not hmac.compare_digest(asked.sign.encode(), digest(secret, text).encode()):
        raise refusal(no.BAD_SIGN)


def check_stream_auth(key_given: str, expires: str, sign: str, *, key: str, secret: str, now: Instant) -> bool:
    """Whether a private socket's auth message is right and not expired at wall `now`."""
    until = _whole(expires)
    if until is None or until <= now or not hmac.compare_digest(key_given.encode(), key.encode()):
        return False
    return hmac.compare_digest(sign.encode(), digest(secret, f"GET/realtime{expires}".encode()).encode())


def digest(secret: str, text: bytes) -> str:
    """Return the lower-case hex HMAC-SHA256 of `text`."""
    return hmac.new(secret.encode(), text, sha256).hexdigest()


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else None
