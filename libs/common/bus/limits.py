"""The numbers of the bus: how long, how often, how much."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BusLimits:
    claim_after_ms: int = 15_000  # idle time after which a consumer counts as dead; well above every handler's deadline
    deliveries: int = 5  # hand-outs of one work entry before it is dead-lettered
    block_ms: int = 1_000  # longest wait of one read
    work_batch: int = 32
    broadcast_batch: int = 500
    stream_length: int = 10_000  # entries kept; work streams keep more while a group has not read them
    series_length: int = 2_000  # candles kept per series
    housekeeping_s: float = 1.0  # between looks after cursors, heartbeats and length
    forget_consumer_ms: int = 3_600_000  # idle time after which a consumer without work is struck off
