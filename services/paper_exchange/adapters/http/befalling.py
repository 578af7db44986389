"""What becomes of a request that a misfortune befalls: whether it happens, and what is heard of it."""

from collections.abc import Awaitable, Callable
from typing import Final

from libs.common.errors import Refused
from services.paper_exchange.adapters.http.envelope import Answer, Bare, Cut, Reply, refused
from services.paper_exchange.core.books.refusals import refusal
from services.paper_exchange.core.faults.faults import Fault, Misfortune

GARBAGE: Final = b'{"retCode":0,"re\x00\xff\xfe<html>'

M = Misfortune
Judged = Callable[[], Awaitable[Answer]]


async def befall(
    fault: Fault, judged: Judged, note: Callable[[Refused], None], sleep: Callable[[float], Awaitable[None]]
) -> Reply:
    """Return what is heard of a request.

    judged: lets it happen. note: writes down that it was refused.
    """
    if fault.rule is M.DELAY:
        await sleep(fault.delay_ms / 1_000)
        return await judged()
    if fault.rule in {M.REFUSE, M.REFUSE_STOP}:
        error = refusal(fault.ret_code, fault.ret_msg)
        note(error)
        return refused(error)
    if fault.rule is M.DROP_REPLY or fault.accepted:
        await judged()
    return _heard(fault)


def _heard(fault: Fault) -> Reply:
    if fault.rule is M.HTTP_ERROR:
        page = f"<html><head><title>{fault.status}</title></head><body><h1>{fault.status}</h1></body></html>"
        return Bare(fault.status, page.encode())
    return Bare(200, GARBAGE) if fault.rule is M.UNREADABLE else Cut()
