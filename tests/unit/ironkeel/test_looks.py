import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from ironkeel.local.looks import Looks


class Answering:
    """A process that answers each request with the next of `answers`; None hangs up."""

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = list(answers)
        self.connections = 0
        self.asked: list[str] = []
        self.ended = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.ended = asyncio.Event()
        with suppress(EOFError):
            while request := await reader.readuntil(b"\r\n\r\n"):
                self.asked.append(request.decode().splitlines()[0])
                answer = self.answers.pop(0)
                if answer is None:
                    break
                writer.write(answer)
        writer.close()
        self.ended.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Looks]:
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        looks = Looks(lambda name: port if name == "fetcher" else None)
        try:
            yield looks
        finally:
            looks.close()
            await self.ended.wait()
            server.close()


def http(body: bytes, status: str = "200 OK", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body


async def test_one_connection_is_kept_for_all_questions() -> None:
    process = Answering(http(b'{"a": 1}'), http(b'{"ready": false}', "503 Service Unavailable"))
    async with process.running() as looks:
        assert await looks.get("fetcher", "/health/progress") == {"a": 1}
        assert await looks.get("fetcher", "/health/progress") == {"ready": False}
    assert process.connections == 1
    assert process.asked == ["GET /health/progress HTTP/1.1"] * 2


async def test_who_hangs_up_gives_no_answer_and_is_called_again() -> None:
    process = Answering(None, http(b'{"a": 2}'), http(b"{}", more="Connection: close\r\n"), http(b'{"a": 3}'))
    async with process.running() as looks:
        assert await looks.get("fetcher", "/x") is None
        assert await looks.get("fetcher", "/x") == {"a": 2}
        assert await looks.get("fetcher", "/x") == {}
        assert await looks.get("fetcher", "/x") == {"a": 3}
    assert process.connections == 3


async def test_an_error_nonsense_and_an_unknown_process_are_no_answer() -> None:
    process = Answering(http(b'{"detail": "?"}', "404 Not Found"), http(b"<html>"), b"nonsense\r\n\r\n", http(b"[]"))
    async with process.running() as looks:
        for _ in range(4):
            assert await looks.get("fetcher", "/x") is None
        assert await looks.get("nobody", "/x") is None


async def test_a_process_that_is_not_there_gives_no_answer() -> None:
    server = await asyncio.start_server(Answering().serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    assert await Looks(lambda _name: port).get("fetcher", "/x") is None
