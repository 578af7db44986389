"""The work on the files of candles, done in a process of its own.

Whatever reads and writes Parquet takes a fetcher's memory again, and is needed for a second every few minutes: so it is
there only while it is asked something (process.py). A question and its answer are JSON, the length before each.
A series is named `BTCUSDT 15m`; a candle is a line `ts,open,high,low,close,volume,turnover` of the venue's own digits.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson
import pyarrow as pa
import structlog

from libs.common.candle_days import TURNOVER, Key, Row, ends, grow, read_series
from libs.common.candle_panel import CANDLE, UNREADABLE, times_of
from libs.common.units import Instant, Symbol, Timeframe
from services.fetcher.adapters.filing.process import LENGTH, framed

KEPT: Final = 200_000  # rows of one series: more than five years of 15m
_EXACT: Final = 15  # digits of any number that a float64 gives back as they were

Question = Mapping[str, Any]


def answered(folder: Path, question: Question) -> dict[str, Any]:
    """Return `answer`, or `error` when the disk, or what is on it, does not allow one."""
    try:
        return {"answer": _answer(folder, question)}
    except (*UNREADABLE, KeyError) as error:
        return {"error": str(error) if isinstance(error, OSError) else repr(error)}


def _answer(folder: Path, question: Question) -> Any:
    match question:
        case {"what": "ends", "keys": names}:
            return ends(folder, [_key(name) for name in names])
        case {"what": "candles", "key": name, "start": start, "limit": limit}:
            return _candles(folder, _key(name), Instant(start), limit)
        case {"what": "grow", "lines": lines, "anew": anew}:
            rows = {_key(name): [_row(line) for line in told.split("\n")] for name, told in lines.items()}
            return grow(folder, rows, most=KEPT, anew=[_key(name) for name in anew])
        case other:
            raise ValueError(f"nobody was expected to ask {str(other)[:100]}")


def _candles(folder: Path, key: Key, start: Instant, limit: int) -> Sequence[str]:
    """Lines of the candles from `start` on that follow each other and are the venue's to the digit."""
    try:
        table = read_series(folder, key, since=start)
    except (*UNREADABLE, KeyError):  # it is put aside when it is written to
        return []
    return [] if table is None or TURNOVER not in table.column_names else _lines(key, table, start, limit)


def _lines(key: Key, table: pa.Table, start: Instant, limit: int) -> Sequence[str]:
    at = times_of(table)
    first = at.index(start) if start in at else len(at)
    columns = (table[name].slice(first, limit).to_pylist() for name in (*CANDLE, TURNOVER))
    found: list[str] = []
    for number, (opens, *numbers, turnover) in enumerate(zip(*columns, strict=True)):
        if opens != start + number * key[1].ms or turnover is None:
            break
        found.append(",".join((str(opens), *map(_digits, numbers), turnover)))
    return found


def _digits(stored: float) -> str:
    """The shortest decimal that this float64 stands for, without a point where it is whole."""
    return repr(stored).removesuffix(".0")


def _row(line: str) -> Row:
    open_at, *numbers, turnover = line.split(",")
    opened, high, low, close, volume = stored = tuple(map(float, numbers))
    is_exact = all(map(_is_exact, numbers, stored))
    return int(open_at), opened, high, low, close, volume, turnover if is_exact else None


def _is_exact(number: str, stored: float) -> bool:
    return len(number) <= _EXACT or Decimal(repr(stored)) == Decimal(number)


def _key(name: str) -> Key:
    symbol, timeframe = name.split(" ")
    return Symbol(symbol), Timeframe(timeframe)


def _note_down(said: list[dict[str, Any]]) -> structlog.typing.Processor:
    """Let the fetcher log it: its lines say which one it is."""

    def note(_logger: object, level: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        said.append({"level": level, **event})
        raise structlog.DropEvent

    return note


def serve(folder: Path, questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer one question after the other until there are no more; `said` is what is to be logged about it."""
    said: list[dict[str, Any]] = []
    structlog.configure(processors=[_note_down(said)])
    while length := questions.read(LENGTH):
        question = orjson.loads(questions.read(int.from_bytes(length, "big")))
        answers.write(framed(answered(folder, question) | {"said": said}))
        answers.flush()
        said.clear()
