"""Every setting there is, with unit, bounds and a sentence: `[section] key` in ironkeel.toml,
`IRONKEEL_SECTION__KEY` in the environment. README's and docs' tables are generated from here."""

from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, SecretStr, StringConstraints, model_validator

from libs.common.units import Timeframe

SymbolName = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,20}$")]
Policy = Annotated[str, StringConstraints(pattern=r"^(model|random:\d{1,9})$")]
TopN = Annotated[str, StringConstraints(pattern=r"^top:[1-9]\d{0,3}$")]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Venue(StrEnum):
    PAPER = "paper"
    TESTNET = "bybit-testnet"
    DEMO = "bybit-demo"
    LIVE = "bybit"


class ServiceSection(Section):
    home: Path = Field(Path("data"), description="Folder that holds everything the system writes.")
    instance: str = Field("", description="Name of this process, such as fetcher-2; by default service-host-pid.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")
    log_format: Literal["auto", "json", "text"] = Field("auto", description="auto: text on a terminal, JSON elsewhere.")


class ExchangeSection(Section):
    venue: Venue = Field(Venue.PAPER, description="Where orders go.")
    url: str = Field("", description="Base of the REST API; by default the venue's own.")
    ws_url: str = Field("", description="Base of the WebSocket API; by default the venue's own.")
    api_key: SecretStr = Field(SecretStr(""), description="Trading key; refused if it may withdraw. Executor only.")
    api_secret: SecretStr = Field(SecretStr(""), description="Secret of the trading key. Executor only.")
    i_accept_real_money: bool = Field(False, description="Must be true before orders go to venue bybit.")
    recv_window_ms: int = Field(3000, ge=500, le=4000, description="How late the venue may take a request, in ms.")


class MarketSection(Section):
    symbols: Annotated[tuple[SymbolName, ...], Field(min_length=1)] | TopN = Field(
        "top:50", description="Venue ids, or top:N by 24 h turnover of those that pass the four filters below."
    )
    timeframes: tuple[Timeframe, ...] = Field(
        (Timeframe.M15, Timeframe.M30, Timeframe.H1), min_length=1, description="Candles to fetch and judge."
    )
    min_age_days: int = Field(30, ge=0, le=3650, description="Least market days since the launch; 0: any.")
    max_spread: Decimal = Field(
        Decimal("0.005"), ge=0, le=1, description="Largest spread as a fraction of the mid price; 0: any."
    )
    min_volatility: Decimal = Field(
        Decimal("0.005"), ge=0, le=10, description="Least 24 h range as a fraction of the day's low; 0: any."
    )
    max_volatility: Decimal = Field(
        Decimal(1), ge=0, le=10, description="Largest 24 h range as a fraction of the day's low; 0: any."
    )


class RedisSection(Section):
    url: SecretStr = Field(SecretStr(""), description="redis://…, rediss://… or unix://…; empty: an embedded server.")
    prefix: str = Field("ik:", pattern=r"^[a-z0-9_-]*:$", description="What every key begins with.")


class PredictorSection(Section):
    policy: Policy = Field("model", description="model, or random:<seed> for a demonstration.")
    min_confidence: Decimal = Field(Decimal("0.5"), ge=0, le=1, description="Least mean probability of the side.")
    min_agreement: int = Field(2, ge=1, le=3, description="Timeframes that must agree on a side.")
    first_bars: int = Field(2000, ge=500, le=50_000, description="Bars a series for the first training.")
    first_rounds: int = Field(100, ge=1, le=100, description="Boosting rounds of the first training.")
    random_rate: Decimal = Field(
        Decimal("0.05"), gt=0, le=1, description="Chance that the random policy enters at a 15m close of a symbol."
    )


class RiskSection(Section):
    max_positions: int = Field(5, ge=1, le=50, description="Positions open at once.")
    leverage: Decimal = Field(Decimal(5), ge=1, le=25, description="Leverage set at the venue.")
    risk_per_trade: Decimal = Field(
        Decimal("0.01"), gt=0, le=Decimal("0.1"), description="Fraction of equity lost if the first stop is hit."
    )
    stop_atr: Decimal = Field(Decimal("2.0"), gt=0, le=10, description="Distance of the first stop in ATR.")


class StrategySection(Section):
    exit_on_opposite: bool = Field(False, description="Close a position when the opposite side is signalled.")
    cooldown_after_loss_min: int = Field(30, ge=0, le=10_080, description="Market minutes without entry after a loss.")
    max_daily_loss: Decimal = Field(
        Decimal("0.10"), gt=0, le=1, description="Fraction of equity lost in a market day that stops entries."
    )


class TrailingSection(Section):
    activation_r: Decimal = Field(
        Decimal("1.0"), ge=0, le=20, description="Profit in first risks that starts trailing."
    )
    distance_atr: Decimal = Field(Decimal("2.0"), gt=0, le=20, description="Distance of the trailing stop in ATR.")
    distance: Decimal = Field(
        Decimal("0.02"), gt=0, le=Decimal("0.5"), description="Trailing distance without ATR, as a fraction of price."
    )
    min_step: Decimal = Field(
        Decimal("0.0005"), ge=0, le=Decimal("0.1"), description="Least move of a stop, as a fraction of price."
    )
    max_hours: int = Field(48, ge=1, le=8760, description="Market hours after which a position is closed.")


class FetcherSection(Section):
    price_interval_ms: int = Field(
        100, ge=0, le=10_000, description="Least wall ms between prices of one symbol, on average."
    )
    history: int = Field(2000, ge=500, le=50_000, description="Candles kept in Redis per series.")
    stale_s: int = Field(30, ge=5, le=3600, description="Wall seconds a candle may be late before its series is stale.")


class ExecutorSection(Section):
    ledger_url: SecretStr = Field(SecretStr(""), description="postgresql+psycopg://…; empty: <home>/ledger.db.")
    stop_interval_ms: int = Field(500, ge=0, le=60_000, description="Least wall ms between edits of one stop.")
    workers: int = Field(8, ge=1, le=64, description="Signals and commands handled at once; 1 keeps stream order.")
    reconcile_s: int = Field(30, ge=1, le=600, description="Wall seconds between two-way reconciliations.")


class PostmortemSection(Section):
    executor_url: str = Field(
        "", pattern=r"^(https?://.+)?$", description="Base of the executor's REST; empty: this machine's ports.base."
    )
    backfill_s: int = Field(60, ge=1, le=3600, description="Wall seconds between looks for trades that were missed.")


class RecoverySection(Section):
    foreign_positions: Literal["adopt", "review"] = Field("adopt", description="What to do with positions not ours.")


class ApiSection(Section):
    token: SecretStr = Field(SecretStr(""), description="Bearer token of writes; made at <home>/api.token if empty.")
    open_reads: Literal["loopback", "any", "none"] = Field("loopback", description="Who may read without a token.")
    host: str = Field("127.0.0.1", description="Address that the HTTP servers bind to.")


class PortsSection(Section):
    base: int = Field(8000, ge=1024, le=65_000, description="First port; the services count up from it.")


class PaperSection(Section):
    market: str = Field(
        "synthetic", pattern=r"^(synthetic|live|replay:.+)$", description="synthetic, replay:<dir> or live."
    )
    speed: Annotated[Decimal, Field(gt=0, le=100_000)] | Literal["max"] = Field(
        Decimal(60), description="Market seconds per wall second, or max for lockstep."
    )
    seed: int = Field(7, ge=0, lt=2**32, description="Seed of the market and of the exchange's own ids.")
    start: str = Field("", alias="from", description="First market moment, ISO date; by default early in the data.")
    end: str = Field("", alias="to", description="Last market moment, ISO date; by default the end of the data.")
    balance: Decimal = Field(Decimal(500), gt=0, le=10**9, description="USDT in the paper wallet at the start.")
    api_key: SecretStr = Field(SecretStr("paper"), description="Key that the paper exchange accepts.")
    api_secret: SecretStr = Field(SecretStr("paper"), description="Its secret.")
    limits: Literal["bybit", "off"] = Field("bybit", description="Rate limits as the venue's, or off for benchmarks.")
    paused: bool = Field(False, description="Start with the market's clock standing still.")
    symbols: int = Field(50, ge=1, le=1000, description="How many symbols a synthetic market lists.")
    upstream_url: str = Field(
        "",
        pattern=r"^(https?://[^\s/]+/?)?$",
        description="REST base of the venue that makes a live market; empty: Bybit's.",
    )
    upstream_ws_url: str = Field(
        "",
        pattern=r"^(wss?://[^\s/]+/?)?$",
        description="Its WebSocket base; empty: the same address as upstream_url, or Bybit's.",
    )

    @model_validator(mode="before")
    @classmethod
    def _live_is_at_speed_one(cls, given: JsonValue) -> JsonValue:
        """What another venue makes goes at its pace: unless a speed is asked for, it is that one."""
        return {"speed": 1, **given} if isinstance(given, dict) and given.get("market") == "live" else given


SECTIONS: Final[dict[str, type[Section]]] = {
    "service": ServiceSection,
    "exchange": ExchangeSection,
    "market": MarketSection,
    "redis": RedisSection,
    "predictor": PredictorSection,
    "risk": RiskSection,
    "strategy": StrategySection,
    "trailing": TrailingSection,
    "fetcher": FetcherSection,
    "executor": ExecutorSection,
    "postmortem": PostmortemSection,
    "recovery": RecoverySection,
    "api": ApiSection,
    "ports": PortsSection,
    "paper": PaperSection,
}

# Ports above `ports.base`, fixed per service.
PORT_OFFSETS: Final = {
    "executor": 0,
    "fetcher": 1,
    "predictor": 2,
    "postmortem": 3,
    "trailing": 4,
    "dashboard": 80,
    "paper_exchange": 100,
}
