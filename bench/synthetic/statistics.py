"""What a panel of candles is like: the figures by which the invented market is fitted to recorded ones.

Every figure is a number per panel: the median over symbols, or over pairs of them. Correlations are of returns cut at
their 0.1 % tails, because one crash outweighs half a year; the tails have figures of their own.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
DAY_MINUTES = 1_440
SETTLEMENTS_A_DAY = 3


@dataclass(frozen=True, slots=True)
class Panel:
    """n symbols × T candles without gaps, from a midnight; turnover in quote currency."""

    minutes: int
    weekday: int  # of the first day; Monday is 0
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    turnover: Floats

    def every(self, minutes: int) -> "Panel":
        """The same panel in longer candles."""
        count = minutes // self.minutes
        whole = self.close.shape[1] // count * count

        def parts(column: Floats) -> Floats:
            return column[:, :whole].reshape(len(column), -1, count)

        return Panel(
            minutes,
            self.weekday,
            parts(self.open)[:, :, 0],
            parts(self.high).max(axis=2),
            parts(self.low).min(axis=2),
            parts(self.close)[:, :, -1],
            parts(self.turnover).sum(axis=2),
        )

    @property
    def bars(self) -> int:
        """Candles of a day."""
        return DAY_MINUTES // self.minutes

    def returns(self) -> Floats:
        moved: Floats = np.diff(np.log(self.close), axis=1)
        return moved

    def cut_returns(self) -> Floats:
        returns = self.returns()
        edge = np.quantile(np.abs(returns), 0.999, axis=1, keepdims=True)
        return np.clip(returns, -edge, edge)

    def log_range(self) -> Floats:
        ranges: Floats = np.log(np.log(self.high / self.low).clip(1e-5))
        return ranges

    def realised(self) -> Floats:
        """Volatility of each whole day, (n, days), from its returns."""
        count = self.close.shape[1] // self.bars * self.bars
        inside = np.diff(np.log(self.close[:, :count]), axis=1, prepend=np.log(self.open[:, :1]))
        volatility: Floats = np.sqrt((inside**2).reshape(len(inside), -1, self.bars).sum(axis=2))
        return volatility.clip(1e-6)


Figure: TypeAlias = tuple[str, float]


def fine(panel: Panel) -> Iterator[Figure]:
    """Figures of five-minute candles: tails, clusters, wicks, jumps, volume."""
    returns, cut, log_range = panel.returns(), panel.cut_returns(), panel.log_range()
    size = np.abs(returns) / cut.std(axis=1, keepdims=True)
    local = local_returns(panel)
    yield "sigma, annual", float(np.median(cut.std(axis=1)) * np.sqrt(365 * panel.bars))
    for share in (0.5, 0.95, 0.99, 0.999):
        yield f"|r| / sigma, quantile {share}", float(np.quantile(size, share))
    yield "kurtosis, tails cut", _median(_kurtosis(cut))
    for share in (0.95, 0.99, 0.999, 0.9999):
        yield f"|r| / sigma of two hours, quantile {share}", float(np.quantile(np.abs(local), share))
    yield "kurtosis of r / sigma of two hours", _median(_kurtosis(local))
    for name, lag in _LAGS:
        yield f"autocorrelation of |r|, {name}", _autocorrelation(np.abs(cut), lag * panel.bars // 288)
    for name, lag in _LAGS:
        yield f"autocorrelation of log range, {name}", _autocorrelation(log_range, lag * panel.bars // 288)
    yield "spread of log range", _median(log_range.std(axis=1))
    yield "autocorrelation of r, one candle", _autocorrelation(cut, 1)
    yield "autocorrelation of r, three candles", _autocorrelation(cut, 3)
    yield "variance ratio, one hour", _variance_ratio(cut, panel.bars // 24)
    yield "variance ratio, one day", _variance_ratio(cut, panel.bars)
    yield "leverage: r with |r| 15 minutes later", _led(cut, np.abs(cut), 3)
    yield from _wicks(panel)
    yield from _jumps(panel)
    yield from _volumes(panel, log_range)


def wide(panel: Panel) -> Iterator[Figure]:
    """Figures of a cross-section: how volatilities, turnovers and correlations spread over symbols."""
    usual = np.median(panel.realised(), axis=1)
    for share in (0.1, 0.5, 0.9):
        yield f"daily volatility of symbols, quantile {share}", float(np.quantile(usual, share))
    turnover = np.median(panel.turnover.reshape(len(panel.turnover), -1, panel.bars).sum(axis=2), axis=1) / 1e6
    for share in (0.1, 0.5, 0.9, 1.0):
        yield f"turnover a day of symbols, millions, quantile {share}", float(np.quantile(turnover, share))
    for minutes in (panel.minutes, 60, 240):
        correlations = pairs(panel.every(minutes).cut_returns())
        for share in (0.05, 0.25, 0.5, 0.75, 0.95):
            yield f"correlation of {minutes} minutes, quantile {share}", float(np.quantile(correlations, share))
    cut = panel.cut_returns()
    stress = _local_sigma(np.abs(cut), panel.bars // 6).mean(axis=0)
    yield "correlation in the calmer half", float(np.median(pairs(cut[:, stress < np.median(stress)])))
    yield "correlation in the wildest tenth", float(np.median(pairs(cut[:, stress > np.quantile(stress, 0.9)])))
    spectrum = np.linalg.eigvalsh(np.corrcoef(cut))[::-1] / len(cut)
    for number in range(3):
        yield f"share of eigenvalue {number + 1}", float(spectrum[number])
    yield "correlation of log ranges", float(np.median(pairs(panel.log_range())))
    yield "correlation of log turnovers", float(np.median(pairs(np.log(panel.turnover.clip(1)))))
    yield "kurtosis of hours, tails cut", _median(_kurtosis(panel.every(60).cut_returns()))
    yield "kurtosis of hours", _median(_kurtosis(panel.every(60).returns()))
    yield "kurtosis of days", _median(_kurtosis(panel.every(DAY_MINUTES).returns()))
    for name, hours in (("New York's morning", (14,)), ("the small hours", (3, 4, 5)), ("the evening", (22, 23))):
        yield f"volatility in {name}", _median(_by_hour(panel, np.abs(panel.cut_returns()), hours))
    yield "direction of the next hour: area under the curve", direction_area(panel.every(60))
    yield "volatility on weekends", _weekend(panel, np.abs(panel.cut_returns()))
    yield "turnover on weekends", _weekend(panel, panel.turnover[:, 1:])


def long(panel: Panel) -> Iterator[Figure]:
    """Figures of years of hours: how long calm and storm last."""
    log = np.log(panel.realised())
    yield "spread of log daily volatility", _median(log.std(axis=1))
    yield "the same within half a year", _median(np.array([_halves(row).std(axis=1).mean() for row in log]))
    for lag in (1, 2, 5, 10, 20, 40):
        yield f"autocorrelation of log daily volatility, {lag} d", _autocorrelation(log, lag)
    days = panel.every(DAY_MINUTES).returns()
    yield "days: |r| / sigma, quantile 0.99", float(np.quantile(np.abs(days) / days.std(axis=1, keepdims=True), 0.99))
    yield "days: kurtosis", _median(_kurtosis(days))
    yield "days: autocorrelation of r", _autocorrelation(days, 1)
    yield "days: worst of the mean, percent", float(100 * days.mean(axis=0).min())
    yield "days: variance ratio, thirty days", _variance_ratio(days, 30)


def funding(rates: Floats, closes: Floats) -> Iterator[Figure]:
    """Figures of rates (n, settlements), every eight hours, and the prices at them."""
    points = rates * 1e4
    for share in (0.01, 0.1, 0.5, 0.9, 0.99):
        yield f"rate in basis points, quantile {share}", float(np.median(np.quantile(points, share, axis=1)))
    yield "share at the base rate", float(np.median((np.abs(points - 1) < 1e-3).mean(axis=1)))
    yield "share below zero", float(np.median((points < 0).mean(axis=1)))
    yield "mean over symbols, spread", float(points.mean(axis=1).std())
    for lag in (1, SETTLEMENTS_A_DAY, 3 * SETTLEMENTS_A_DAY):
        yield f"autocorrelation of rates, {8 * lag} h", _autocorrelation(points, lag)
    yield "correlation of symbols' rates", float(np.median(pairs(points)))
    log = np.log(closes)
    for lag in (1, 3 * SETTLEMENTS_A_DAY):
        trend = log[:, lag:] - log[:, :-lag]
        both = [np.corrcoef(one, other)[0, 1] for one, other in zip(trend, points[:, lag:], strict=True)]
        yield f"correlation with the return of {8 * lag} h before", float(np.median(both))


FIGURES: dict[str, Callable[[Panel], Iterator[Figure]]] = {"fine": fine, "wide": wide, "long": long}
_LAGS = (
    ("5 m", 1), ("15 m", 3), ("1 h", 12), ("4 h", 48), ("12 h", 144), ("1 d", 288), ("2 d", 576), ("5 d", 1440),
)  # fmt: skip


def local_returns(panel: Panel) -> Floats:
    """Returns against the volatility of the two hours around them."""
    returns = panel.returns()
    local: Floats = returns / _local_sigma(np.abs(returns), panel.bars // 12)
    return local


def lower_wicks(panel: Panel) -> Floats:
    """Lower wicks against the volatility of the two hours around them."""
    moves = np.abs(np.log(panel.close / panel.open))
    wicks: Floats = np.log(np.minimum(panel.open, panel.close) / panel.low) / _local_sigma(moves, panel.bars // 12)
    return wicks


def pairs(rows: Floats) -> Floats:
    """Correlations of all pairs of rows."""
    return np.asarray(np.corrcoef(rows), np.float64)[np.triu_indices(len(rows), 1)]


def direction_area(panel: Panel) -> float:
    """How well past returns tell the sign of the next one: 0.5 is a coin.

    A least-squares model of each symbol's and the market's returns over 1, 4, 24 and 96 candles, fitted to the first
    half of the panel and judged by the second.
    """
    scaled = panel.cut_returns() / panel.cut_returns().std(axis=1, keepdims=True)
    path = np.cumsum(np.concatenate((scaled, scaled.mean(axis=0, keepdims=True))), axis=1)
    spans = (1, 4, 24, 96)
    known = np.stack([(path[:, 96:-1] - path[:, 96 - span : -1 - span]) / np.sqrt(span) for span in spans])
    own, market = known[:, :-1], np.broadcast_to(known[:, -1:], known[:, :-1].shape)
    features = np.concatenate((own, market, np.ones_like(own[:1])))
    target = np.sign(scaled[:, 97:])
    middle = target.shape[1] // 2
    learnt, asked = features[:, :, :middle], features[:, :, middle:]
    weights = np.linalg.lstsq(learnt.reshape(len(features), -1).T, target[:, :middle].ravel(), rcond=None)[0]
    guess = np.tensordot(weights, asked, axes=1).ravel()
    return _area(guess, target[:, middle:].ravel() > 0)


def _area(guess: Floats, rose: NDArray[np.bool_]) -> float:
    ranks = np.empty(len(guess))
    ranks[np.argsort(guess)] = np.arange(len(guess))
    risen = int(rose.sum())
    return float((ranks[rose].sum() - risen * (risen - 1) / 2) / (risen * (len(guess) - risen)))


def lagged(series: Floats, lag: int) -> Floats:
    """Autocorrelation of each row at `lag`."""
    rows = [np.corrcoef(row[lag:], row[:-lag])[0, 1] for row in series]
    return np.array(rows)


def _autocorrelation(series: Floats, lag: int) -> float:
    return float(lagged(series, lag).mean())


def _led(first: Floats, then: Floats, lag: int) -> float:
    rows = [np.corrcoef(a[:-lag], b[lag:])[0, 1] for a, b in zip(first, then, strict=True)]
    return float(np.mean(rows))


def _median(values: Floats) -> float:
    return float(np.median(values))


def _kurtosis(rows: Floats) -> Floats:
    """Above the normal's."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    excess: Floats = (centred**4).mean(axis=1) / (centred**2).mean(axis=1) ** 2 - 3
    return excess


def _local_sigma(moves: Floats, window: int) -> Floats:
    """Volatility around each candle, from the mean of |r|."""
    sums = np.cumsum(np.pad(moves, ((0, 0), (window // 2 + 1, window - window // 2)), mode="edge"), axis=1)
    mean = (sums[:, window:] - sums[:, :-window]) / window
    return np.clip(mean[:, : moves.shape[1]] / 0.7979, 1e-6, None)


def _variance_ratio(returns: Floats, count: int) -> float:
    path = np.cumsum(returns, axis=1)
    summed = path[:, count:] - path[:, :-count]
    return _median(summed.var(axis=1) / (count * returns.var(axis=1)))


def _wicks(panel: Panel) -> Iterator[Figure]:
    up = np.log(panel.high / np.maximum(panel.open, panel.close))
    ranges = np.log(panel.high / panel.low)
    moves = np.abs(np.log(panel.close / panel.open))
    down = ranges - moves - up
    lower = lower_wicks(panel)
    yield "wicks / range, of sums", _median((up + down).sum(axis=1) / ranges.sum(axis=1))
    yield "range / |r|, of means", _median(ranges.mean(axis=1) / moves.mean(axis=1))
    for share in (0.5, 0.9, 0.99, 0.999, 0.9999):
        yield f"lower wick / sigma of two hours, quantile {share}", float(np.quantile(lower, share))
    yield "upper wicks / lower wicks", _median(up.sum(axis=1) / down.sum(axis=1))
    yield "candles that are four fifths one wick", _median((np.maximum(up, down) > 0.8 * ranges).mean(axis=1))


def _jumps(panel: Panel) -> Iterator[Figure]:
    """Returns over eight times what yesterday's median |r| makes one expect."""
    moves = np.abs(panel.returns())
    days = moves.shape[1] // panel.bars
    daily = moves[:, : days * panel.bars].reshape(len(moves), days, panel.bars)
    expected = np.median(daily, axis=2) / 0.6745
    jumped = (daily[:, 1:] > 8 * expected[:, :-1, None]).reshape(len(moves), -1)
    together = jumped.sum(axis=0) >= len(moves) / 2
    yield "jumps a day and symbol", float(jumped.sum() / len(moves) / days)
    yield "share of jumps in half the market", float(jumped[:, together].sum() / max(1, jumped.sum()))


def _volumes(panel: Panel, log_range: Floats) -> Iterator[Figure]:
    log = np.log(panel.turnover.clip(1))
    fits = [np.polyfit(x, y, 1) for x, y in zip(log_range, log, strict=True)]
    rest = np.array([y - np.polyval(fit, x) for fit, x, y in zip(fits, log_range, log, strict=True)])
    yield "spread of log turnover", _median(log.std(axis=1))
    yield "log turnover on log range: slope", float(np.median([fit[0] for fit in fits]))
    yield "log turnover on log range: spread of the rest", _median(rest.std(axis=1))
    for name, lag in (("5 m", 1), ("1 h", 12), ("1 d", 288)):
        yield f"autocorrelation of that rest, {name}", _autocorrelation(rest, lag)
    yield "correlation of that rest between symbols", float(np.median(pairs(rest)))


def _by_hour(panel: Panel, values: Floats, hours: tuple[int, ...]) -> Floats:
    hour = (1 + np.arange(values.shape[1])) % panel.bars * panel.minutes // 60
    ratio: Floats = values[:, np.isin(hour, hours)].mean(axis=1) / values.mean(axis=1)
    return ratio


def _weekend(panel: Panel, values: Floats) -> float:
    day = (panel.weekday + (1 + np.arange(values.shape[1])) // panel.bars) % 7
    return _median(values[:, day >= 5].mean(axis=1) / values[:, day < 5].mean(axis=1))


def _halves(row: Floats) -> Floats:
    return row[: len(row) // 180 * 180].reshape(-1, 180)
