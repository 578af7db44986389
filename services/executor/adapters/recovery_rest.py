"""Recovery over HTTP: what every start found and did, and what a person can ask of the log and of the ledger.

Only `rebuild` asks the venue, and it only reads there.
"""

from collections.abc import Awaitable, Callable, Mapping

from fastapi import APIRouter, HTTPException

from libs.common.clock import Clock
from libs.common.contracts.recovery import Phase
from services.executor.adapters.answers import Cleared, Probe, Rebuilt, Recovery
from services.executor.adapters.ledger import Ledger
from services.executor.adapters.list_rows import RECOVERY_LOG
from services.executor.adapters.routes import Json, List, route
from services.executor.adapters.view import Running, View

Rebuild = Callable[[], Awaitable[Mapping[str, int]]]


def add_recovery_reads(reads: APIRouter, desk: Running) -> None:
    view = View(desk)

    async def recovery(query: List) -> Json:
        with desk.ledger.read() as pages:
            items, following = pages.page(RECOVERY_LOG, query.asked())
        return {**view.recovery(), "items": list(items), "next": following}

    told = "What every start found and did: figures, and the log by pages"
    route(reads, "GET")("/v1/recovery", recovery, told, Recovery)


def add_recovery_writes(writes: APIRouter, desk: Running, rebuild: Rebuild) -> None:
    post = route(writes, "POST", refuses={401: "writes need a token: Authorization: Bearer <api.token>"})

    async def clear() -> Json:
        with desk.ledger.write() as pages:
            return {"cleared": pages.clear_recovery_log()}

    async def test() -> Json:
        return probe(desk.ledger, desk.session_id, desk.clock)

    async def rebuilt() -> Json:
        if desk.phase is Phase.RECOVERING:
            raise HTTPException(409, "recovery is running, and reads everything off the venue by itself")
        return dict(await rebuild())

    post("/v1/recovery/clear", clear, "Empty the recovery log; nothing else is touched", Cleared)
    lost = "the probe was written and not read back: nothing"
    post("/v1/recovery/test", test, "Write a probe into the recovery log, and read it back", Probe, on_500=lost)
    busy = "recovery is running, and reads everything off the venue by itself"
    post("/v1/recovery/rebuild", rebuilt, "Read off the venue what the ledger does not know", Rebuilt, on_409=busy)


def probe(ledger: Ledger, session_id: str, clock: Clock) -> Json:
    """Write one step through the real log and read it in a transaction of its own; raises HTTPException if it is lost.

    It stays in the log, as everything does that was written there.
    """
    began, written = clock.monotonic_ms(), clock.now()
    text = f"written by {session_id} at {written}"
    with ledger.write() as pages:
        pages.note(session_id, "probe", text, wall=written)
    with ledger.read() as pages:
        found = pages.recovery_log(1, kind="probe")
    if not found or (found[0]["text"], found[0]["wall"]) != (text, written):
        raise HTTPException(500, f"the probe was written and not read back: {found or 'nothing'}")
    return {"ok": True, "id": found[0]["id"], "wall": written, "took_ms": round(clock.monotonic_ms() - began, 3)}
