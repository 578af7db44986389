"""A growing panel, whatever is written to it in whatever order: every candle is read once, and the last word counts."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.candle_days import Key, days_of, ends, grow, read_series
from libs.common.candle_panel import times_of
from libs.common.units import DAY_MS, Symbol, Timeframe

FIRST = 1_757_894_400_000  # 2025-09-15T00:00:00Z
H1 = Timeframe.H1
KEYS: tuple[Key, ...] = ((Symbol("BTCUSDT"), H1), (Symbol("ETHUSDT"), H1))
DAY = DAY_MS // H1.ms

flushes = st.lists(
    st.dictionaries(
        st.sampled_from(KEYS), st.lists(st.integers(0, 3 * DAY - 1), min_size=1, max_size=6), min_size=1, max_size=2
    ),
    min_size=1,
    max_size=7,
)


@settings(max_examples=60)
@given(flushes)
def test_every_candle_is_read_once_and_as_it_was_written_last(written: list[dict[Key, list[int]]]) -> None:
    expected: dict[Key, dict[int, float]] = {key: {} for key in KEYS}
    with TemporaryDirectory() as name:
        folder = Path(name)
        for number, flush in enumerate(written):
            rows = {
                key: [(FIRST + n * H1.ms, 1.0, 2.0, 0.5, float(number), 7.0, "7") for n in numbers]
                for key, numbers in flush.items()
            }
            assert grow(folder, rows, most=10_000)
            for key, numbers in flush.items():
                expected[key] |= dict.fromkeys(numbers, float(number))
            for key in KEYS:
                table = read_series(folder, key)
                at = [] if table is None else [(ts - FIRST) // H1.ms for ts in times_of(table)]
                assert at == sorted(expected[key])
                assert (table is None) or table["close"].to_pylist() == [expected[key][n] for n in at]
        assert len(days_of(folder)) <= 1
        for key, end in zip(KEYS, ends(folder, KEYS), strict=True):
            assert (end is None) == (not expected[key])
            assert end is None or (end - FIRST) // H1.ms in expected[key]
