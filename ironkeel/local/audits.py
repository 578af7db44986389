"""The exchange's books and the verdict on them: of the running system, of an exchange by its URL, or from a file."""

from pathlib import Path
from typing import Final

import httpx
import orjson

from ironkeel.local.programs import PAPER_EXCHANGE
from ironkeel.local.rest import Json, Rest
from libs.common.errors import Misconfigured, Transient
from services.paper_exchange.core.judging.verdict import Verdict, judge

PATH: Final = "/paper/v1/audit"
TIMEOUT_S: Final = 60


async def verdict_on_system(rest: Rest, max_positions: int, *, partial: bool) -> Verdict:
    """Judge the running exchange's books, compared with the executor's trades and the reports on losses.

    Raises Transient when one of the three does not answer.
    """
    books = await rest.get(PAPER_EXCHANGE, PATH)
    if books is None:
        raise Transient("paper_exchange does not answer: is the system up? (`ironkeel status`)")
    if partial:
        return judge(books, max_positions=max_positions)
    trades = await rest.items("executor", "/v1/trades")
    reports = await rest.items("postmortem", "/v1/postmortems")
    if trades is None or reports is None:
        who = "executor" if trades is None else "postmortem"
        raise Transient(f"{who} does not answer; --partial judges the books alone")
    return judge(books, max_positions=max_positions, trades=trades, postmortems=[row["trade_id"] for row in reports])


def verdict_on(source: str, max_positions: int) -> Verdict:
    """Judge the books alone that a file holds, or that the exchange at a URL tells. Raises Misconfigured."""
    books = _fetched(source) if source.startswith(("http://", "https://")) else _read(Path(source))
    try:
        return judge(books, max_positions=max_positions)
    except ValueError as error:
        raise Misconfigured(f"{source} holds no audit: {error}") from error


def _fetched(url: str) -> Json:
    try:
        answer = httpx.get(url.rstrip("/").removesuffix(PATH) + PATH, timeout=TIMEOUT_S, trust_env=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Transient(f"{url} does not answer: {error}") from error
    return _object(url, answer.content)


def _read(path: Path) -> Json:
    try:
        return _object(str(path), path.read_bytes())
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read: {error.strerror}") from error


def _object(source: str, body: bytes) -> Json:
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Misconfigured(f"{source} holds no audit: it is not JSON ({error})") from error
    if not isinstance(told, dict):
        raise Misconfigured(f"{source} holds no audit: it is not a JSON object")
    return told
