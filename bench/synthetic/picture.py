"""Recorded and invented markets side by side, as curves of what they are like."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from bench.synthetic.panels import days_of, invented, invented_funding, recorded, recorded_funding
from bench.synthetic.statistics import DAY_MINUTES, Floats, Panel, lagged, local_returns, lower_wicks, pairs

SEED = 1
RECORDED, INVENTED = "#1f4e79", "#d1495b"
Curve: TypeAlias = Callable[[Axes, Panel, str, str], None]


def draw(data: Path, target: Path, *, recorded_paths: bool) -> None:
    """Write the picture to `target`; recorded prices are in it only where `recorded_paths` asks for them."""
    mpl.rcParams.update(
        {
            "svg.hashsalt": "synthetic",
            "svg.fonttype": "none",
            "path.simplify_threshold": 0.5,
            "font.size": 8,
            "axes.titlesize": 9,
            "lines.linewidth": 1.2,
        }
    )
    fine, wide = recorded(data / "binance-perp_2025H2", "5m"), recorded(data / "binance-perp_2025H2", "15m")
    long = recorded(data / "binance-perp-1h_2020_2023", "1h")
    figure, axes = plt.subplots(2, 4, figsize=(14, 6.4), layout="constrained")
    places = iter(axes.ravel())
    rows: tuple[tuple[Curve, Panel], ...] = (
        (_tails, fine), (_clusters, fine), (_wicks, fine), (_correlations, wide), (_hours, wide), (_years, long),
    )  # fmt: skip
    for curve, panel in rows:
        axis = next(places)
        curve(axis, panel, RECORDED, "recorded")
        made = invented(SEED, len(panel.close), days_of(panel), panel.minutes)
        curve(axis, made, INVENTED, f"invented, seed {SEED}")
        axis.legend(frameon=False, fontsize=7)
    _funding(next(places), data)
    _paths(next(places), wide if recorded_paths else None)
    figure.suptitle("The invented market beside recorded perpetuals (Binance, July to December 2025; years: 2020-2023)")
    figure.savefig(target, metadata={"Date": None} if target.suffix == ".svg" else None, dpi=110)
    plt.close(figure)


def _tails(axis: Axes, panel: Panel, colour: str, label: str) -> None:
    axis.set(title="Returns of five minutes", xlabel="|r| / sigma of two hours", ylabel="share beyond", yscale="log")
    _beyond(axis, np.abs(local_returns(panel)), colour, label)


def _wicks(axis: Axes, panel: Panel, colour: str, label: str) -> None:
    axis.set(
        title="Lower wicks of five minutes", xlabel="wick / sigma of two hours", ylabel="share beyond", yscale="log"
    )
    _beyond(axis, lower_wicks(panel), colour, label)


def _beyond(axis: Axes, values: Floats, colour: str, label: str) -> None:
    edges = np.linspace(0, 10, 81)
    share = 1 - np.searchsorted(np.sort(values.ravel()), edges) / values.size
    axis.plot(edges, np.where(share > 0, share, np.nan), color=colour, label=label)


def _clusters(axis: Axes, panel: Panel, colour: str, label: str) -> None:
    axis.set(title="Autocorrelation of log range and |r|", xlabel="hours", xscale="log")
    lags = np.unique(np.geomspace(1, 7 * panel.bars, 60).astype(int))
    for values, style in ((panel.log_range(), "-"), (np.abs(panel.cut_returns()), "--")):
        curve = [lagged(values, int(lag)).mean() for lag in lags]
        axis.plot(lags * panel.minutes / 60, curve, style, color=colour, label=label if style == "-" else None)


def _correlations(axis: Axes, panel: Panel, colour: str, label: str) -> None:
    axis.set(title="Correlations of pairs, 15 minutes", xlabel="correlation")
    axis.hist(pairs(panel.cut_returns()), np.linspace(-0.1, 1, 45), color=colour, label=label, histtype="step")


def _hours(axis: Axes, panel: Panel, colour: str, label: str) -> None:
    axis.set(title="Volatility and turnover by the hour", xlabel="hour, UTC", ylabel="against the mean")
    hour = np.arange(panel.close.shape[1]) % panel.bars * panel.minutes // 60
    for values, style in ((np.exp(panel.log_range()), "-"), (panel.turnover, "--")):
        usual = values / values.mean(axis=1, keepdims=True)
        curve = [np.median(usual[:, hour == each].mean(axis=1)) for each in range(24)]
        axis.plot(range(24), curve, style, color=colour, label=label if style == "-" else f"{label}: turnover")


def _years(axis: Axes, panel: Panel, colour: str, label: str) -> None:
    axis.set(title="Autocorrelation of log daily volatility", xlabel="days")
    log, lags = np.log(panel.realised()), range(1, 61)
    axis.plot(lags, [lagged(log, lag).mean() for lag in lags], color=colour, label=label)


def _funding(axis: Axes, data: Path) -> None:
    axis.set(title="Funding rates", xlabel="basis points of eight hours", ylabel="share of settlements", yscale="log")
    rates, _ = recorded_funding(data / "binance-perp_2025H2")
    made, _ = invented_funding(SEED, len(rates), rates.shape[1] // 3)
    for values, colour, label in ((rates, RECORDED, "recorded"), (made, INVENTED, f"invented, seed {SEED}")):
        points = (values * 1e4).clip(-5, 2).ravel()
        share = np.full(points.size, 1 / points.size)
        axis.hist(points, np.linspace(-5, 2, 57), weights=share, color=colour, label=label, histtype="step")
    axis.legend(frameon=False, fontsize=7)


def _paths(axis: Axes, panel: Panel | None) -> None:
    axis.set(title="Twelve invented symbols", xlabel="days", ylabel="price against the first", yscale="log")
    made = invented(SEED, 12, 179, DAY_MINUTES)
    for close in made.close / made.close[:, :1]:
        axis.plot(close, color=INVENTED, linewidth=0.6, alpha=0.8)
    if panel is not None:
        days = panel.every(DAY_MINUTES).close[:12]
        for close in days / days[:, :1]:
            axis.plot(close, color=RECORDED, linewidth=0.6, alpha=0.8)
