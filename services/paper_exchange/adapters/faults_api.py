"""`POST|DELETE /paper/v1/faults`: make things go wrong, for tests of those who trade here."""

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from libs.common.errors import Refused
from services.paper_exchange.adapters.private_ws import PrivateHub
from services.paper_exchange.core.faults import Faults, Misfortune, read_fault


def fault_routes(faults: Faults, private: PrivateHub) -> list[Route]:
    """A wrong rule is HTTP 400 with `error`; an accepted one is answered with all that are in force."""

    async def add(request: Request) -> Response:
        try:
            fault = read_fault(orjson.loads(await request.body()))
            if fault.rule is Misfortune.DISCONNECT:
                private.drop_all("fault")
            else:
                faults.add(fault)
        except orjson.JSONDecodeError as error:
            return JSONResponse({"error": f"body is not JSON: {error}"}, status_code=400)
        except Refused as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        return _rules(faults)

    async def clear(_request: Request) -> Response:
        faults.clear()
        return _rules(faults)

    return [
        Route("/paper/v1/faults", add, methods=["POST"]),
        Route("/paper/v1/faults", clear, methods=["DELETE"]),
    ]


def _rules(faults: Faults) -> Response:
    return Response(orjson.dumps({"faults": faults.rules}), media_type="application/json")
