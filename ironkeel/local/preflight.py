"""What can be known to be wrong before anything is started, said with the setting that puts it right."""

import re
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from ironkeel.local.home import Home
from ironkeel.local.programs import SCALABLE, service_of
from libs.common.clock import parse_iso
from libs.common.errors import Misconfigured
from libs.common.settings import Settings
from libs.common.settings.sections import PORT_OFFSETS, Venue

REPLAY: Final = "replay:"
_EXITED_2: Final = re.compile(r"exited: (\S+) \(exit status 2; not expected\)")


def check_market(settings: Settings) -> None:
    """Raises Misconfigured for a folder without candles, an unknown symbol, or dates that are none."""
    for key, text in (("paper.from", settings.paper.start), ("paper.to", settings.paper.end)):
        try:
            parse_iso(text or "2025-01-01")
        except ValueError as error:
            raise Misconfigured(f"{key} = {text!r}: must be an ISO date such as 2025-09-15: {error}") from error
    if settings.exchange.venue is Venue.PAPER and settings.paper.market.startswith(REPLAY):
        _check_panel(Path(settings.paper.market.removeprefix(REPLAY)), settings.market.symbols)


def _check_panel(folder: Path, symbols: Sequence[str] | str) -> None:
    if not folder.is_dir():
        raise Misconfigured(f"paper.market = replay:{folder}: no such folder")
    known = {path.name.rpartition("-")[0] for path in folder.glob("*-*.parquet")}
    if not known:
        raise Misconfigured(f"paper.market = replay:{folder}: holds no <SYMBOL>-<timeframe>.parquet")
    unknown = [] if isinstance(symbols, str) else sorted(set(symbols) - known)
    if unknown:
        raise Misconfigured(
            f"market.symbols = {','.join(unknown)}: not in {folder}, which has {', '.join(sorted(known))}"
        )


def parse_scale(words: Sequence[str]) -> Mapping[str, int]:
    """`fetcher=3` and the like; raises Misconfigured for what cannot be scaled."""
    scale: dict[str, int] = {}
    for word in words:
        service, _, count = word.partition("=")
        if service not in SCALABLE or not count.isdigit() or not 1 <= int(count) <= 16:
            raise Misconfigured(f"--scale {word}: must be SERVICE=N, N 1 to 16, of {', '.join(sorted(SCALABLE))}")
        scale[service] = int(count)
    return scale


def check_ports(settings: Settings, names: Sequence[str]) -> None:
    """Raises Misconfigured naming the first port that somebody else has."""
    for name in names:
        service = service_of(name)
        if name != service or service not in PORT_OFFSETS:
            continue
        port = settings.ports.base + PORT_OFFSETS[service]
        if port > 65_535 or not is_free(settings.api.host, port):
            raise Misconfigured(
                f"port {port} ({service}) is taken: stop what listens there, or shift all ports with "
                f"ports.base (IRONKEEL_PORTS__BASE, now {settings.ports.base})"
            )


def is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def refusal(home: Home, *, since: int) -> str | None:
    """Why a program ended as wrongly configured (exit 2) after byte `since` of supervisord's log; None if none did."""
    try:
        with (home.logs / "supervisord.log").open("rb") as log:
            log.seek(since)
            found = _EXITED_2.search(log.read().decode("utf-8", "replace"))
    except FileNotFoundError:  # supervisord has not written a line yet
        return None
    if not found:
        return None
    name = found.group(1)
    return f"{name} refused to start:\n{last_lines(home.logs / f'{name}.log', 5)}"


def last_lines(path: Path, count: int, *, window: int = 16_384) -> str:
    try:
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - window))
            return "\n".join(log.read().decode("utf-8", "replace").splitlines()[-count:])
    except OSError:
        return ""
