"""A trader gets candles from the venue and from others, and knows whether they are whole."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from bench.rig.relay import relay
from ironkeel.candles.downloaded import missing_candles
from ironkeel.cli.app import app
from ironkeel.local.home import RunningSystem, open_home
from libs.common.candle_days import grow
from libs.common.units import DAY_MS, MINUTE_MS, Instant, Symbol, Timeframe
from services.paper_exchange.adapters.markets.replay import replay_market
from tests.support.panels import MADE_FIRST, STEP_MS, MadePanel
from tests.support.paper_venue import PaperVenue, paper_venue
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio

Tool = Callable[..., Awaitable[tuple[int, str]]]
DAY = ("--from", "2025-09-15", "--to", "2025-09-18", "--timeframes", "15m")


@pytest.fixture
async def venue(tmp_path: Path, made_panel: MadePanel) -> AsyncIterator[PaperVenue]:
    market = replay_market(made_panel.directory, symbols="top:50", start=None, end=None)
    async with paper_venue(tmp_path / "venue", market) as served:
        await served.steps(DAY_MS)
        yield served


@pytest.fixture
def tool(tmp_path: Path, venue: PaperVenue, monkeypatch: pytest.MonkeyPatch) -> Tool:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IRONKEEL_EXCHANGE__URL", venue.endpoint.rest)

    async def run(*words: str) -> tuple[int, str]:
        said = await asyncio.to_thread(CliRunner().invoke, app, ["data", *words, "--home", str(tmp_path / "home")])
        if said.exception is not None and not isinstance(said.exception, SystemExit):
            raise said.exception
        return said.exit_code, said.stdout + said.stderr

    return run


def panel(tmp_path: Path, name: str) -> Path:
    return tmp_path / "home" / "candles" / name


def between(frame: pd.DataFrame, first: int, last: int) -> pd.DataFrame:
    days = (MADE_FIRST + first * 96 * STEP_MS, MADE_FIRST + last * 96 * STEP_MS)
    return frame[(frame["ts"] >= days[0]) & (frame["ts"] < days[1])].reset_index(drop=True)


async def test_what_was_downloaded_is_the_source_bit_for_bit(tool: Tool, made_panel: MadePanel, tmp_path: Path) -> None:
    code, said = await tool("download", "--symbols", "top:4", *DAY, "--funding", "--panel", "mine")
    assert code == 0, said
    files = [pd.read_parquet(file) for file in panel(tmp_path, "mine").glob("*.parquet")]
    assert f"{sum(map(len, files))} new rows in" in said
    for symbol in made_panel.symbols:
        source = between(pd.read_parquet(made_panel.directory / f"{symbol}-15m.parquet"), 0, 3)
        ours = pd.read_parquet(panel(tmp_path, "mine") / f"{symbol}-15m.parquet")
        pd.testing.assert_frame_equal(ours, source, check_exact=True)
    rates = pd.read_parquet(panel(tmp_path, "mine") / "SOLUSDT-funding.parquet")
    source = between(pd.read_parquet(made_panel.directory / "SOLUSDT-funding.parquet"), 0, 3)
    pd.testing.assert_frame_equal(rates, source, check_exact=True)
    code, said = await tool("verify")
    assert code == 0, said
    assert "with faults" in said


async def test_a_download_that_was_stopped_asks_only_for_what_is_missing(
    tool: Tool, made_panel: MadePanel, tmp_path: Path
) -> None:
    whole = ("download", "--symbols", "BTCUSDT", *DAY, "--panel", "mine")
    code, _ = await tool(*whole)
    assert code == 0
    file = panel(tmp_path, "mine") / "BTCUSDT-15m.parquet"
    frame = pd.read_parquet(file)
    frame.drop(index=[10, 11, 12, 200]).to_parquet(file, index=False)

    code, said = await tool(*whole)
    assert (code, "4 new rows in 2 pages" in said) == (0, True), said
    pd.testing.assert_frame_equal(pd.read_parquet(file), frame)
    code, said = await tool(*whole)
    assert (code, "0 new rows in 0 pages" in said) == (0, True), said


async def test_a_candle_that_still_forms_is_not_taken_for_one_that_closed(
    tool: Tool, venue: PaperVenue, tmp_path: Path
) -> None:
    await venue.steps(7 * MINUTE_MS)
    code, said = await tool("download", "--symbols", "BTCUSDT", "--from", "2025-09-17", "--to", "2031-01-01")
    assert code == 0, said
    for frame in (Timeframe.M15, Timeframe.M30, Timeframe.H1):
        last = pd.read_parquet(panel(tmp_path, "downloaded") / f"BTCUSDT-{frame}.parquet")["ts"].iloc[-1]
        assert last + frame.ms == venue.world.now - 7 * MINUTE_MS


async def test_a_system_that_was_stopped_does_not_keep_its_home_from_downloading(tool: Tool, tmp_path: Path) -> None:
    home = open_home(tmp_path / "home")
    home.make()
    home.remember(RunningSystem(("executor",), {}, f"unix://{tmp_path}/gone.sock"))
    code, said = await tool("download", "--symbols", "BTCUSDT", *DAY)
    assert code == 0, said


@pytest.mark.timeout(180)
async def test_a_download_that_was_killed_asks_for_nothing_again_that_is_on_the_disk(
    tool: Tool, venue: PaperVenue, made_panel: MadePanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = (Timeframe.M1, Timeframe.M5, Timeframe.M15)
    wish = ("--symbols", "top:4", *DAY[:4], "--timeframes", ",".join(frames), "--panel", "mine")
    folder, begin, end = panel(tmp_path, "mine"), MADE_FIRST, Instant(MADE_FIRST + 3 * DAY_MS)

    def missing() -> int:
        """Pages that the panel does not have; nothing lies before a symbol's launch."""
        launched = {each.symbol: max(begin, each.launched) for each in venue.world.market.instruments}
        return sum(len(list(missing_candles(folder, s, f, at, end))) for s, at in launched.items() for f in frames)

    whole = missing()
    command = [sys.executable, "-m", "ironkeel", "data", "download", *wish, "--home", str(tmp_path / "home")]
    await venue.fault("delay", delay_ms=300, endpoint="/v5/market/kline", times=1_000)  # some are on their way
    running = await asyncio.create_subprocess_exec(*command, cwd=Path(__file__).parents[2])

    async def has_begun() -> bool:
        return running.returncode is not None or bool(list(folder.glob("*.parquet")))

    await eventually(has_begun, within_s=60)
    running.kill()
    await running.wait()
    await venue.http.delete("/paper/v1/faults")
    left = missing()
    assert 0 < left < whole

    async with relay(int(venue.endpoint.rest.rpartition(":")[2])) as (seen, port):
        monkeypatch.setenv("IRONKEEL_EXCHANGE__URL", f"http://127.0.0.1:{port}")
        code, said = await tool("download", *wish)
        assert (code, f"in {left} pages" in said) == (0, True), said
        assert Counter(path for _, path in seen.asked)["GET /v5/market/kline"] == left
    assert missing() == 0
    for symbol in made_panel.symbols:
        source = between(pd.read_parquet(made_panel.directory / f"{symbol}-15m.parquet"), 0, 3)
        pd.testing.assert_frame_equal(pd.read_parquet(folder / f"{symbol}-15m.parquet"), source, check_exact=True)
    code, said = await tool("verify")
    assert code == 0, said


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--symbols", "BTCUSD", *DAY), "'BTCUSD' is not listed; did you mean"),
        (("--symbols", "top:x", *DAY), "--symbols top:x: must be top:N"),
        (("--symbols", "top:0", *DAY), "--symbols top:0: names no symbol"),
        (("--symbols", " , ", *DAY), "names no symbol"),
        (("--symbols", "BTCUSDT", "--from", "soon"), "--from soon: must be an ISO date"),
        (("--symbols", "BTCUSDT", "--from", "2031-01-01"), "must be before"),
        (
            ("--symbols", "BTCUSDT", "--from", "2025-09-15", "--timeframes", "2h"),
            "--timeframes 2h: each must be one of",
        ),
        (("--symbols", "BTCUSDT", *DAY, "--panel", "../x"), "--panel ../x: must be the name of a folder"),
    ],
)
async def test_a_wish_that_cannot_be_met_names_the_word_and_what_is_allowed(
    tool: Tool, words: tuple[str, ...], named: str
) -> None:
    code, said = await tool("download", *words)
    assert code == 2
    assert named in said


async def test_candles_of_others_come_in_whatever_they_were_written_by(tool: Tool, tmp_path: Path) -> None:
    at = [MADE_FIRST + n * STEP_MS for n in range(3)]
    prices = {"open": [1.0, 2, 3], "high": [2.0, 3, 4], "low": [0.5, 1, 2], "close": [1.5, 2.5, 3.5]}
    volume = {"volume": [7.0, 0, 9]}
    dated = pd.DataFrame({"date": pd.to_datetime(at, unit="ms", utc=True), **prices, **volume})
    files: dict[str, Callable[[Path], object]] = {
        "BTCUSDT-15m.csv": lambda path: pd.DataFrame({"timestamp": at, **prices, **volume}).to_csv(path, index=False),
        "ETH_USDT_USDT-15m-futures.feather": lambda path: dated.to_feather(path),
        "XRP_USDT_USDT-15m-futures.json": lambda path: path.write_text(
            json.dumps([list(row) for row in zip(at, *prices.values(), *volume.values(), strict=True)])
        ),
        "SOLUSDT-15m.parquet": lambda path: pd.DataFrame({"ts": at, **prices, **volume}).to_parquet(path, index=False),
        "ADAUSDT-15m.csv": lambda path: dated.rename(columns=str.upper).to_csv(path, index=False),
    }
    for name, write in files.items():
        write(tmp_path / name)
    code, said = await tool("import", *(str(tmp_path / name) for name in files))
    assert code == 0, said
    for symbol in ("BTCUSDT", "ETHUSDT", "XRPUSDT", "SOLUSDT", "ADAUSDT"):
        ours = pd.read_parquet(panel(tmp_path, "imported") / f"{symbol}-15m.parquet")
        pd.testing.assert_frame_equal(ours, pd.DataFrame({"ts": at, **prices, **volume}), check_exact=True)
    code, said = await tool("verify")
    assert (code, "5 files, 15 rows: 0 with faults" in said) == (0, True), said


@pytest.mark.parametrize(
    ("name", "text", "named"),
    [
        ("notes.txt", "x", ".txt is none of .csv, .feather, .json, .parquet"),
        ("candles.csv", "ts,open\n1,2\n", "give --symbol and --timeframe"),
        ("BTCUSDT-15m.csv", "ts,open,high,low,close\n1,2,3,4,5\n", "no column for the volume: it has ts, open, high"),
        ("BTCUSDT-15m.csv", "ts,open,high,low,close,volume\n1,x,3,4,5,6\n", "open holds no numbers"),
        ("BTCUSDT-15m.csv", "ts,open,high,low,close,volume\nsoon,1,3,4,5,6\n", "ts holds no times"),
        ("BTCUSDT-15m.csv", "ts,open,high,low,close,volume\n0,1,3,4,5,6\n", "has its low above its high"),
        ("BTCUSDT-15m.csv", "ts,open,high,low,close,volume\n0,1,,1,1,6\n", "has no finite high"),
        (
            "BTCUSDT-1h.csv",
            "ts,open,high,low,close,volume\n1757895300000,1,1,1,1,6\n",
            "as BTCUSDT 1h: 2025-09-15T00:15:00Z is not where a candle opens",
        ),
    ],
)
async def test_a_file_that_cannot_be_taken_is_named_with_what_is_wrong(
    tool: Tool, tmp_path: Path, name: str, text: str, named: str
) -> None:
    (tmp_path / name).write_text(text)
    code, said = await tool("import", str(tmp_path / name))
    assert code == 2
    assert name in said
    assert named in said
    assert not panel(tmp_path, "imported").exists()


async def test_a_file_with_faults_fails_the_check_line_by_line(tool: Tool, tmp_path: Path) -> None:
    folder = panel(tmp_path, "mine")
    folder.mkdir(parents=True)
    at = [MADE_FIRST + n * STEP_MS for n in (0, 1, 1, 3, 2, 9)]
    frame = pd.DataFrame(
        {
            "ts": [*at[:5], at[5] + 7],
            "open": [1.0, 1, 1, 0, 5, 1],
            "high": [2.0, 2, 2, 2, 2, 0.5],
            "low": [1.0, 1, 1, 0, 1, 1],
            "close": [1.0, 1, 1, 1, 1, float("nan")],
            "volume": [1.0, -1, 1, 1, 1, 1],
        }
    )
    frame.to_parquet(folder / "BTCUSDT-15m.parquet", index=False)
    (folder / "ETHUSDT-15m.parquet").write_bytes(b"PAR1 and then the power failed")
    pd.DataFrame({"ts": at[:1], "open": ["1"]}).to_parquet(folder / "SOLUSDT-15m.parquet", index=False)
    code, said = await tool("verify", str(folder))
    assert code == 1
    for fault in (
        "2025-09-15T02:15:00.007Z is not where a candle opens",
        "2025-09-15T00:15:00Z comes twice",
        "2025-09-15T00:30:00Z is not in order",
        "has no finite close",
        "2025-09-15T00:45:00Z has a price that is not above zero",
        "has its low above its high",
        "2025-09-15T00:30:00Z opens or closes outside its range",
        "2025-09-15T00:15:00Z has a negative volume",
        "it cannot be read",
        "it has no column high",
        "3 files",
        "3 with faults",
    ):
        assert fault in said, said
    code, told = await tool("verify", str(folder), "--json")
    assert (code, [len(item["faults"]) > 0 for item in json.loads(told)["items"]]) == (1, [True, True, True])


def made(folder: Path, *numbers: int) -> None:
    """Let the fetcher write these candles of a day."""
    rows = [(MADE_FIRST + n * STEP_MS, 1.0, 2.0, 0.5, 1.5, 7.0, "7") for n in numbers]
    assert grow(folder, {(Symbol("BTCUSDT"), Timeframe.M15): rows}, most=1_000)


async def test_a_hole_is_said_by_its_place_and_fails_the_check_unless_holes_are_allowed(
    tool: Tool, tmp_path: Path
) -> None:
    made(panel(tmp_path, "live"), 0, 1, 5, 6, 8)
    code, said = await tool("verify")
    assert code == 1
    assert "2025-09-15T00:30:00Z is missing, and 2 after it" in said
    assert "2025-09-15T01:45:00Z is missing\n" in said
    code, said = await tool("verify", "--allow-holes", "--json")
    [item] = json.loads(said)["items"]
    assert (code, item["rows"], item["missing"], len(item["holes"]), item["faults"]) == (0, 5, 4, 2, [])


async def test_the_list_shows_range_holes_and_size_with_the_day_that_waits(tool: Tool, tmp_path: Path) -> None:
    folder = panel(tmp_path, "live")
    made(folder, 0, 1, 3)
    made(folder, 3, 4)
    code, said = await tool("list", "--json")
    [item] = json.loads(said)["items"]
    size = (folder / "BTCUSDT-15m.parquet").stat().st_size
    assert (code, item["candles"], item["missing"], item["bytes"]) == (0, 4, 1, size)
    assert (item["first"], item["last"]) == ("2025-09-15T00:00:00Z", "2025-09-15T01:00:00Z")
    code, said = await tool("list")
    assert (code, "1 series, 4 rows, 1 missing" in said) == (0, True), said


async def test_a_torn_file_is_told_by_list_and_verify_wherever_it_is(tool: Tool, tmp_path: Path) -> None:
    folder = panel(tmp_path, "live")
    made(folder, 0, 1)
    made(folder, 2)
    for path in (folder / "BTCUSDT-15m.parquet", folder / "days" / "2025-09-15.parquet"):
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        for command in ("list", "verify"):
            code, said = await tool(command, "--json")
            faults = [str(item.get("fault") or item.get("faults")) for item in json.loads(said)["items"]]
            assert (code, any("cannot be read" in each for each in faults)) == (1, True), said
        path.write_bytes(whole)
    code, said = await tool("verify")
    assert code == 0, said


async def test_candles_that_cannot_be_are_found_in_the_day_that_waits(tool: Tool, tmp_path: Path) -> None:
    folder = panel(tmp_path, "live")
    made(folder, 0)
    rows = [(MADE_FIRST + STEP_MS, 1.0, 2.0, 0.5, 9.0, 7.0, "7")]
    assert grow(folder, {(Symbol("BTCUSDT"), Timeframe.M15): rows}, most=1_000)
    code, said = await tool("verify")
    assert code == 1
    assert "BTCUSDT 15m: 2025-09-15T00:15:00Z opens or closes outside its range" in said


async def test_a_live_panel_with_its_waiting_day_is_replayed_whole(tmp_path: Path) -> None:
    folder = panel(tmp_path, "live")
    made(folder, *range(96))
    made(folder, *range(96, 100))
    assert (folder / "days").is_dir()
    market = replay_market(folder, symbols="top:1", start=None, end=None)
    assert market.end == MADE_FIRST + 100 * STEP_MS
