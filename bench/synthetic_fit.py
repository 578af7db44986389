"""How much the invented market is like recorded ones: every figure of both side by side, and a picture.

    python -m bench.synthetic_fit <folder of panels> [--seeds 5] [--picture docs/synthetic.svg]

The recorded panels are public market data that this project may not pass on: without them there is nothing to compare.
The picture needs matplotlib, which nothing else does. It shows figures of recorded panels, never their prices.
"""

import argparse
import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import structlog

from bench.synthetic.panels import days_of, invented, invented_funding, recorded, recorded_funding
from bench.synthetic.statistics import FIGURES, funding


@dataclass(frozen=True, slots=True)
class Comparison:
    """Recorded panels of one kind, and the invented ones that they are held against."""

    title: str
    figures: str
    panels: tuple[str, ...]
    timeframe: str
    minutes: int


COMPARISONS = (
    Comparison("five minutes", "fine", ("binance-perp_2025H2", "bybit-perp_2025-09_2026-03"), "5m", 5),
    Comparison("cross-section", "wide", ("binance-perp_2025H2",), "15m", 15),
    Comparison("years of hours", "long", ("binance-perp-1h_2020_2023",), "1h", 60),
)
FUNDED = ("binance-perp_2025H2", "bybit-perp_2025-09_2026-03")


def main() -> int:
    arguments = _arguments()
    if arguments.data is None:
        print("synthetic_fit: no folder of recorded panels given, so there is nothing to compare with; see --help")
        return 0
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    try:
        for line in _table(arguments.data, arguments.seeds):
            print(line, flush=True)
        if arguments.picture:
            from bench.synthetic.picture import draw  # matplotlib is installed for this alone

            draw(arguments.data, arguments.picture, recorded_paths=arguments.recorded_paths)
            print(f"drawn: {arguments.picture}")
    except FileNotFoundError as error:
        print(f"synthetic_fit: the recorded panels are not in {arguments.data}: no {error}", file=sys.stderr)
        return 2
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", help="folder of panels, such as <data>/binance-perp_2025H2")
    parser.add_argument("--seeds", type=int, default=5, help="invented markets to take the mean of")
    parser.add_argument("--picture", type=Path, help="where to draw it (.svg or .png)")
    parser.add_argument(
        "--recorded-paths", action="store_true", help="draw recorded prices too: for your own eyes, not to be passed on"
    )
    return parser.parse_args()


def _table(data: Path, seeds: int) -> Iterator[str]:
    for each in COMPARISONS:
        panels = [recorded(data / name, each.timeframe) for name in each.panels]
        count, days = len(panels[0].close), days_of(panels[0])
        measure = FIGURES[each.figures]
        told = [dict(measure(panel)) for panel in panels]
        made = [dict(measure(invented(seed, count, days, each.minutes))) for seed in range(1, 1 + seeds)]
        yield from _section(f"{each.title}: {count} symbols, {days} days", each.panels, told, made)
    panels_funded = [recorded_funding(data / name) for name in FUNDED]
    symbols, settlements = panels_funded[0][0].shape
    told = [dict(funding(*panel)) for panel in panels_funded]
    made = [dict(funding(*invented_funding(seed, symbols, settlements // 3))) for seed in range(1, 1 + seeds)]
    yield from _section(f"funding: {symbols} symbols", FUNDED, told, made)


def _section(
    title: str, names: tuple[str, ...], told: list[dict[str, float]], made: list[dict[str, float]]
) -> Iterator[str]:
    """Lines of one table: the ratio is that of means, and the last columns say how far seeds differ."""
    yield f"\n{title}; recorded: {', '.join(names)}"
    yield f"{'':56}{'recorded':>{10 * len(told)}}{'invented':>11}{'ratio':>8}{'least':>10}{'most':>10}"
    for name in told[0]:
        recorded_values = [figures[name] for figures in told]
        values = np.array([figures[name] for figures in made])
        ratio = values.mean() / np.mean(recorded_values)
        shown = "".join(f"{value:10.3f}" for value in recorded_values)
        yield f"{name:56}{shown}{values.mean():11.3f}{ratio:8.2f}{values.min():10.3f}{values.max():10.3f}"


if __name__ == "__main__":
    sys.exit(main())
