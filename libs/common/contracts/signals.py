"""What the predictor advises, with everything needed to explain it later."""

from enum import StrEnum
from typing import ClassVar

from libs.common.contracts.bounds import Minute, Moment, PositivePrice, PriceRange, Ratio, Share, VenueSymbol, Words
from libs.common.contracts.message import Message, Value
from libs.common.units import Side, Timeframe


class Opinion(StrEnum):
    BUY = "BUY"
    HOLD = "HOLD"
    SELL = "SELL"


class Vote(Value):
    """One timeframe's model: its probabilities sum to 1."""

    timeframe: Timeframe
    opinion: Opinion
    p_buy: Ratio
    p_hold: Ratio
    p_sell: Ratio


class Decision(Value):
    """Why this side, now: kept with the position and quoted by the post-mortem."""

    confidence: Ratio  # probability of the advised side, 0..1
    votes: tuple[Vote, ...]
    threshold: Ratio  # what the confidence had to reach
    rationale: Words  # "2/3 timeframes agree on SELL; XGBoost 75 %"
    price: PositivePrice  # close of the 15m candle that was decided on
    atr: PriceRange  # 15m, 14 bars, quote currency
    adx: Ratio  # 15m, 14 bars, 0..100
    volatility: Ratio  # standard deviation of 15m log returns over 96 bars
    policy: str  # "model" or "random:<seed>"
    model_version: str  # "" for the random policy
    feature_digest: str  # of the rows that were judged


class SignalMade(Message):
    """Advice to enter; at most one per symbol and 15m close."""

    schema_name: ClassVar[str] = "signal.made.v1"
    symbol: VenueSymbol
    side: Side
    slot: Minute  # the 15m close that was decided on
    valid_until: Moment  # market time; slot + 15 min
    size_multiplier: Share  # of the risk per trade
    decision: Decision
