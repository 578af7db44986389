"""The system's own REST interfaces, asked over loopback; what cannot be had now is None, never an exception."""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

import httpx

from ironkeel.local.home import Home, Instance
from libs.common.settings import Settings
from libs.common.settings.sections import PORT_OFFSETS

LOOK_TIMEOUT_S: Final = 1.2  # a status answers within two seconds, whatever is down

Json = dict[str, Any]


class Rest:
    """Client of every process of one home. Ports come from `<home>/run`, else from the settings."""

    def __init__(self, home: Home, settings: Settings, *, timeout: float = LOOK_TIMEOUT_S) -> None:
        self._home = home
        self._base = settings.ports.base
        self._token = settings.api.token.get_secret_value()
        self._client = httpx.AsyncClient(timeout=timeout, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    def port(self, name: str, instances: Sequence[Instance] | None = None) -> int | None:
        """Where a process listens; a replica that has not registered has no known port."""
        known = self._home.instances() if instances is None else instances
        for instance in known:
            if instance.name == name:
                return instance.port
        return self._base + PORT_OFFSETS[name] if name in PORT_OFFSETS else None

    async def get(self, name: str, path: str, **query: str | int) -> Json | None:
        """The JSON body of a GET, also of a 503 (not ready); None when nobody answers."""
        port = self.port(name)
        if port is None:
            return None
        try:
            answer = await self._client.get(f"http://127.0.0.1:{port}{path}", params=query, headers=self._authority())
            return _body(answer) if answer.status_code in (200, 503) else None
        except httpx.HTTPError:
            return None

    async def items(self, name: str, path: str, **query: str | int) -> list[Json] | None:
        """Every page of a list; None when it could not be read to its end."""
        rows: list[Json] = []
        cursor: str | None = None
        while True:
            page = await self.get(name, path, **({**query, "limit": 500} | ({"cursor": cursor} if cursor else {})))
            if page is None or "items" not in page:
                return None
            rows += page["items"]
            cursor = page.get("next")
            if not cursor:
                return rows

    async def post(
        self, name: str, path: str, body: Mapping[str, object] | None = None, *, timeout: float = 10
    ) -> tuple[int, Json] | None:
        """Status and JSON body of a POST; None when nobody answers."""
        port = self.port(name)
        if port is None:
            return None
        try:
            answer = await self._client.post(
                f"http://127.0.0.1:{port}{path}", json=body or {}, headers=self._authority(), timeout=timeout
            )
        except httpx.HTTPError:
            return None
        return answer.status_code, _body(answer)

    def _authority(self) -> dict[str, str]:
        token = self._token or _read(self._home)
        return {"Authorization": f"Bearer {token}"} if token else {}


def _read(home: Home) -> str:
    try:
        return home.token.read_text("utf-8").strip()
    except OSError:
        return ""


def _body(answer: httpx.Response) -> Json:
    try:
        told = answer.json()
    except ValueError:
        return {"detail": answer.text}
    return told if isinstance(told, dict) else {"items": told}
