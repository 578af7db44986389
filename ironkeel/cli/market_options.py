"""The options that say which market is played and where: `up` and `paper serve` share them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from ironkeel.local.preflight import REPLAY
from libs.common.settings import Settings

MarketOption = Annotated[str | None, typer.Option("--market", help="synthetic, replay:<folder of candles>, or live.")]
SinceOption = Annotated[str | None, typer.Option("--from", help="First market moment, ISO date.")]
UntilOption = Annotated[str | None, typer.Option("--to", help="Last market moment, ISO date.")]
SymbolsOption = Annotated[str | None, typer.Option("--symbols", help="BTCUSDT,ETHUSDT or top:N by turnover.")]
SeedOption = Annotated[str | None, typer.Option("--seed", help="Seed of the market and of the exchange.")]
BalanceOption = Annotated[str | None, typer.Option("--balance", help="USDT in a new paper wallet.")]


def chosen(options: Mapping[str, str | Path | None]) -> dict[str, str]:
    """Setting -> text, of the options that were given."""
    return {key: str(value) for key, value in options.items() if value is not None}


def absolute(settings: Settings) -> dict[str, str]:
    """Paths as seen from everywhere: the services run in another folder."""
    paths = {"service.home": str(settings.service.home.expanduser().resolve())}
    if settings.paper.market.startswith(REPLAY):
        folder = Path(settings.paper.market.removeprefix(REPLAY)).expanduser().resolve()
        paths["paper.market"] = f"{REPLAY}{folder}"
    return paths
