"""Executions, positions and trades: the venue's figures, each row once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import bindparam, delete, func, select, update

from libs.common.contracts.trades import TradeClosed
from libs.common.exchange.trading_types import Execution
from libs.common.units import ZERO, Instant, Symbol, Usd
from services.executor.adapters import schema
from services.executor.adapters.rows import (
    KEY,
    NEW,
    Rows,
    booked_of,
    execution_values,
    kept_of,
    kept_values,
)
from services.executor.core.kept import Kept, PositionStatus
from services.executor.core.position import Booked, Folded, fold

_E, _P, _T = schema.executions.c, schema.positions.c, schema.trades.c
_TO_FOLD: Final = select(schema.executions).where(_E.symbol == bindparam("symbol"), _E.settled.is_(False))
_SYMBOLS_TO_FOLD: Final = select(_E.symbol).where(_E.settled.is_(False)).distinct().order_by(_E.symbol)
_CLOSED_SINCE: Final = select(_P.position_id).where(
    _P.symbol == bindparam("symbol"), _P.status == PositionStatus.DONE, _P.closed_at >= bindparam("first")
)
_FILLS: Final = select(schema.executions).where(_E.link_id == bindparam("link_id"), _E.synthetic.is_(False))
_BOOKED: Final = select(_E.exec_id).where(_E.exec_id.in_(bindparam("exec_ids", expanding=True)))
_CLAIM: Final = (
    update(schema.executions)
    .where(_E.exec_id.in_(bindparam(f"{KEY}exec_ids", expanding=True)))
    .values(position_id=bindparam(f"{NEW}position_id"), settled=bindparam(f"{NEW}settled"))
)
_EXECUTIONS: Final = select(func.count()).select_from(schema.executions).where(_E.synthetic.is_(False))
_POSITION: Final = select(schema.positions).where(_P.position_id == bindparam("position_id"))
_POSITIONS: Final = select(schema.positions).where(_P.status == bindparam("status")).order_by(_P.symbol, _P.opened_at)
_OPEN_SYMBOLS: Final = select(_P.symbol).where(_P.status == PositionStatus.OPEN)
_OPEN_HERE: Final = select(schema.positions).where(_P.symbol == bindparam("symbol"), _P.status == PositionStatus.OPEN)
_RESULTS_HERE: Final = (
    select(_T.closed_at, _T.pnl_usd).where(_T.symbol == bindparam("symbol")).order_by(_T.closed_at.desc()).limit(50)
)
_RESULTS_SINCE: Final = select(_T.pnl_usd).where(_T.closed_at >= bindparam("since"))


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much a ledger holds: orders of ours, executions of the venue's, open positions, closed trades."""

    orders: int
    executions: int
    positions: int
    trades: int


class BookRows(Rows):
    """Everything about what happened."""

    def book(self, done: Execution, *, synthetic: bool = False) -> bool:
        """Add one execution; False if it is there already (frames repeat, and REST catches up on them)."""
        if self._has(schema.executions, done.exec_id):
            return False
        values = {**execution_values(done), "position_id": "", "settled": False, "synthetic": synthetic}
        self._add(schema.executions, values)
        return True

    def inferred(self, symbol: Symbol) -> Sequence[Booked]:
        """A symbol's fills that nobody told of, oldest first, whose trade is not closed yet."""
        c = schema.executions.c
        mine = select(schema.executions).where(c.symbol == symbol, c.settled.is_(False), c.synthetic.is_(True))
        # What is left of a fill that traded through flat has its order; what is inferred has none.
        return [booked_of(row) for row in self.db.execute(mine.where(c.order_id == "").order_by(c.at, c.seq))]

    def replace_inferred(self, before: Booked, after: Execution | None) -> None:
        """Change what is inferred, or forget it when nothing is any more."""
        name = before.execution.exec_id
        self.db.execute(delete(schema.executions).where(schema.executions.c.exec_id == name))
        if after is not None:
            self.book(after, synthetic=True)
            self.claim([name], before.position_id, settled=False)

    def booked(self, exec_ids: Sequence[str]) -> frozenset[str]:
        """Which of these executions are there already."""
        return frozenset(row.exec_id for row in self.db.execute(_BOOKED, {"exec_ids": list(exec_ids)}))

    def to_fold(self, symbol: Symbol) -> Sequence[Booked]:
        """A symbol's executions whose trade is not closed yet."""
        return [booked_of(row) for row in self.db.execute(_TO_FOLD, {"symbol": symbol})]

    def folded(self, symbol: Symbol) -> Folded:
        """A symbol's trips that are not closed in the books; none is named like one that is."""
        rows = self.to_fold(symbol)
        first = min((row.execution.at for row in rows), default=Instant(0))
        closed = self.db.execute(_CLOSED_SINCE, {"symbol": symbol, "first": first})
        return fold(rows, frozenset(row.position_id for row in closed))

    def fills_of(self, link_id: str) -> Sequence[Execution]:
        return [booked_of(row).execution for row in self.db.execute(_FILLS, {"link_id": link_id})]

    def claim(self, exec_ids: Sequence[str], position_id: str, *, settled: bool) -> None:
        """Give executions to their position; settled ones are never folded again."""
        named = {f"{KEY}exec_ids": list(exec_ids), f"{NEW}position_id": position_id, f"{NEW}settled": settled}
        self.db.execute(_CLAIM, named)

    def sizes(self) -> Sizes:
        open_here = select(func.count()).where(schema.positions.c.status == PositionStatus.OPEN)
        counts = [select(func.count()).select_from(table) for table in (schema.intents, schema.trades)]
        orders, trades = (int(self.db.execute(query).scalar_one()) for query in counts)
        return Sizes(orders, self.execution_count(), int(self.db.execute(open_here).scalar_one()), trades)

    def execution_count(self) -> int:
        """Executions that the venue reported, funding among them."""
        return int(self.db.execute(_EXECUTIONS).scalar_one())

    def has_executions(self, symbol: Symbol, *, since: Instant) -> bool:
        """Whether the venue ever reported an execution of a symbol from this market instant on."""
        c = schema.executions.c
        query = select(c.exec_id).where(c.symbol == symbol, c.at >= since, c.synthetic.is_(False)).limit(1)
        return self.db.execute(query).first() is not None

    def keep_position(self, kept: Kept) -> None:
        self._put(schema.positions, kept_values(kept))

    def position(self, position_id: str) -> Kept | None:
        row = self.db.execute(_POSITION, {"position_id": position_id}).first()
        return None if row is None else kept_of(row)

    def positions(self, status: PositionStatus) -> Sequence[Kept]:
        return [kept_of(row) for row in self.db.execute(_POSITIONS, {"status": status})]

    def open_symbols(self) -> frozenset[Symbol]:
        """Where something of ours is open: for those who need no more of it."""
        return frozenset(Symbol(row.symbol) for row in self.db.execute(_OPEN_SYMBOLS))

    def open_position(self, symbol: Symbol) -> Kept | None:
        row = self.db.execute(_OPEN_HERE, {"symbol": symbol}).first()
        return None if row is None else kept_of(row)

    def close_trade(self, kept: Kept, trade: TradeClosed, members: Sequence[str]) -> None:
        """The books of a position are complete: keep its trade, for ever the same."""
        self.keep_position(replace(kept, status=PositionStatus.DONE, closed_at=trade.closed_at))
        self.claim(members, trade.trade_id, settled=True)
        self._put(
            schema.trades,
            {
                "trade_id": trade.trade_id,
                "symbol": trade.symbol,
                "body": trade.model_dump_json(),
                "pnl_usd": trade.pnl_usd,
                "opened_at": trade.opened_at,
                "closed_at": trade.closed_at,
            },
        )

    def trade(self, trade_id: str) -> TradeClosed | None:
        body = self.db.execute(select(schema.trades.c.body).where(schema.trades.c.trade_id == trade_id)).scalar()
        return None if body is None else TradeClosed.model_validate_json(body)

    def trades(
        self, *, symbol: Symbol | None = None, since: Instant = Instant(0), until: Instant | None = None
    ) -> Sequence[TradeClosed]:
        """Closed trades by market time of closing, oldest first."""
        c = schema.trades.c
        query = select(c.body).where(c.closed_at >= since).order_by(c.closed_at, c.trade_id)
        if symbol is not None:
            query = query.where(c.symbol == symbol)
        if until is not None:
            query = query.where(c.closed_at < until)
        return [TradeClosed.model_validate_json(row.body) for row in self.db.execute(query)]

    def last_loss_at(self, symbol: Symbol) -> Instant | None:
        """Market time at which the newest losing trade of a symbol closed."""
        rows = self.db.execute(_RESULTS_HERE, {"symbol": symbol})
        return next((Instant(row.closed_at) for row in rows if row.pnl_usd < 0), None)

    def earned(self, since: Instant) -> Usd:
        """Sum of the results of trades closed since a market instant."""
        rows = self.db.execute(_RESULTS_SINCE, {"since": since})
        return Usd(sum((row.pnl_usd for row in rows), ZERO))

    def results(self) -> Sequence[Usd]:
        """The result of every closed trade."""
        return [Usd(row.pnl_usd) for row in self.db.execute(select(schema.trades.c.pnl_usd))]

    def symbols_to_fold(self) -> Sequence[Symbol]:
        """Symbols with executions whose trade is not closed."""
        return [Symbol(row.symbol) for row in self.db.execute(_SYMBOLS_TO_FOLD)]

    def keep_equity(self, *, at: Instant, wall: Instant, balance: Usd, worth: Usd, available: Usd) -> None:
        values = {"at": at, "wall": wall, "balance": balance, "equity": worth, "available": available}
        self._add(schema.equity, values)
