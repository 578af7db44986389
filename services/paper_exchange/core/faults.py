"""Misfortunes on order: rules that say what goes wrong, with which requests, how many times."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from pydantic import JsonValue

from libs.common.errors import Refused

MOST_RULES: Final = 100
LONGEST_MS: Final = 60_000


class Misfortune(StrEnum):
    DROP_REPLY = "drop_reply"  # accepted, and the connection is closed without an answer
    DELAY = "delay"  # the request lies about before its time is checked
    REFUSE = "refuse"  # answered with `ret_code`, and nothing happens
    DISCONNECT = "disconnect"  # at once: every private socket is closed


@dataclass(frozen=True, slots=True)
class Fault:
    """Hits the next `times` requests whose path ends with `endpoint` and, if given, are about `symbol`."""

    rule: Misfortune
    endpoint: str
    symbol: str
    times: int
    delay_ms: int = 0
    ret_code: int = 0

    def hits(self, path: str, symbol: str) -> bool:
        return path.endswith(self.endpoint) and self.symbol in {"", symbol}


class Faults:
    """The rules in force, in the order in which they were made; each request meets the first that fits."""

    def __init__(self) -> None:
        self._rules: list[Fault] = []

    @property
    def rules(self) -> Sequence[Fault]:
        return tuple(self._rules)

    def add(self, fault: Fault) -> None:
        if len(self._rules) >= MOST_RULES:
            raise Refused(f"at most {MOST_RULES} rules: DELETE them first")
        self._rules.append(fault)

    def clear(self) -> None:
        self._rules.clear()

    def meet(self, path: str, symbol: str) -> Fault | None:
        """Return what befalls this request, and count it."""
        for place, fault in enumerate(self._rules):
            if fault.hits(path, symbol):
                self._rules[place : place + 1] = [replace(fault, times=fault.times - 1)] if fault.times > 1 else []
                return fault
        return None


def read_fault(body: JsonValue) -> Fault:
    """Read `{"rule", "endpoint", "symbol", "times", "delay_ms", "ret_code"}`; raises Refused naming the field."""
    if not isinstance(body, dict) or set(body) - {"rule", "endpoint", "symbol", "times", "delay_ms", "ret_code"}:
        raise Refused("body must be an object with rule and some of endpoint, symbol, times, delay_ms, ret_code")
    rule = next((each for each in Misfortune if each.value == body.get("rule")), None)
    if rule is None:
        raise Refused(f"rule = {body.get('rule')!r}: must be one of {', '.join(Misfortune)}")
    return Fault(
        rule=rule,
        endpoint=_text(body, "endpoint"),
        symbol=_text(body, "symbol"),
        times=_whole(body, "times", 1, least=1, most=1_000_000),
        delay_ms=_whole(body, "delay_ms", 0, least=0, most=LONGEST_MS),
        ret_code=_whole(body, "ret_code", 10016, least=1, most=10**7),
    )


def _text(body: dict[str, JsonValue], name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str):
        raise Refused(f"{name} = {value!r}: must be text")
    return value


def _whole(body: dict[str, JsonValue], name: str, default: int, *, least: int, most: int) -> int:
    value = body.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise Refused(f"{name} = {value!r}: must be a whole number from {least} to {most}")
    return value
