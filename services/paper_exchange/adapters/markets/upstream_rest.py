"""Public questions to another venue over REST: spaced, patient, and without a key.

Nothing but `/v5/market/*` is asked, unsigned. The venue's limit of an address is 120 requests a second, over which it
bans for ten minutes; we stay far below, and after a sign of impatience we are silent for as long as it wants.
"""

import asyncio
from typing import Final

import httpx
import orjson
import structlog

from libs.common.clock import Clock
from libs.common.errors import Refused, Transient
from services.paper_exchange.core.books.fields import Json

log = structlog.get_logger()

SPACING_S: Final = 1 / 40
TIMEOUT_S: Final = 10.0
BAN_S: Final = 600.0  # what HTTP 403 means
PAUSE_S: Final = 5.0  # after 429, or a limit without a date
BUSY: Final = frozenset({10000, 10006, 10016, 10018, 10429})  # codes that ask for patience


class UpstreamRest:
    """Every method raises Transient when there is no answer to be had now, and Refused for a no."""

    def __init__(self, url: str, clock: Clock) -> None:
        # Neither proxies nor credentials of the environment: what is asked for is where we were told to ask.
        self._http = httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S, trust_env=False)
        self._clock = clock
        self._turn = asyncio.Lock()
        self._silent_until = 0.0

    async def close(self) -> None:
        await self._http.aclose()

    async def get(self, name: str, **params: str | int) -> Json:
        """Return `result` of `/v5/market/<name>`, for linear contracts."""
        await self._wait_for_turn()
        try:
            answer = await self._http.get(f"/v5/market/{name}", params={"category": "linear", **params})
        except httpx.HTTPError as error:
            raise Transient(f"{name}: {type(error).__name__} {error}") from error
        return self._result(name, answer)

    async def _wait_for_turn(self) -> None:
        async with self._turn:
            left = self._silent_until - self._clock.monotonic_ms()
            if left > 0:
                raise Transient(f"the venue wants us to be silent for another {left / 1_000:.0f} s")
            await self._clock.sleep(SPACING_S)

    def _result(self, name: str, answer: httpx.Response) -> Json:
        if answer.status_code in {403, 429}:
            self._be_silent(BAN_S if answer.status_code == 403 else PAUSE_S)
        if answer.status_code != 200:
            raise Transient(f"{name}: HTTP {answer.status_code}")
        code, text, result = _opened(name, answer)
        if code in BUSY:
            self._be_silent(PAUSE_S if code == 10006 else 0.0)
            raise Transient(f"{name}: {code} {text}")
        if code:
            raise Refused(f"{name}: {text}", code)
        return result

    def _be_silent(self, seconds: float) -> None:
        self._silent_until = max(self._silent_until, self._clock.monotonic_ms() + seconds * 1_000)
        if seconds:
            log.warning("upstream.impatient", silent_s=seconds)


def _opened(name: str, answer: httpx.Response) -> tuple[int, str, Json]:
    try:
        body = orjson.loads(answer.content)
    except orjson.JSONDecodeError as error:
        raise Transient(f"{name}: the answer is no JSON") from error
    if not isinstance(body, dict):
        raise Transient(f"{name}: the answer is no object")
    code, result = body.get("retCode"), body.get("result")
    if not isinstance(code, int) or not isinstance(result, dict):
        raise Transient(f"{name}: the answer is no envelope")
    return code, str(body.get("retMsg", "")), result
