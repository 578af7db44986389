"""Candles in whole numbers, for the pure cores of a market."""

import numpy as np

from services.paper_exchange.core.market.columns import Columns, Ohlcv, columns_of


def columns(*rows: tuple[int, int, int, int, int]) -> Columns:
    """Rows of open, high, low, close and volume as columns."""
    open_, high, low, close, volume = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    return columns_of(open_, high, low, close, volume)


def rows(found: Columns) -> list[Ohlcv]:
    return [found.at(index) for index in range(len(found))]
