"""Executions, positions and trades: the venue's figures, each row once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import delete, func, insert, select, update

from libs.common.contracts.trades import TradeClosed
from libs.common.exchange.trading_types import Execution
from libs.common.units import ZERO, Instant, Symbol, Usd
from services.executor.adapters import schema
from services.executor.adapters.rows import (
    Rows,
    booked_of,
    execution_values,
    kept_of,
    kept_values,
)
from services.executor.core.kept import Kept, PositionStatus
from services.executor.core.position import Booked, Folded, fold


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
        self.db.execute(insert(schema.executions).values(values))
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

    def to_fold(self, symbol: Symbol) -> Sequence[Booked]:
        """A symbol's executions whose trade is not closed yet."""
        c = schema.executions.c
        rows = self.db.execute(select(schema.executions).where(c.symbol == symbol, c.settled.is_(False)))
        return [booked_of(row) for row in rows]

    def folded(self, symbol: Symbol) -> Folded:
        """A symbol's trips that are not closed in the books; none is named like one that is."""
        rows = self.to_fold(symbol)
        first = min((row.execution.at for row in rows), default=Instant(0))
        c = schema.positions.c
        query = select(c.position_id).where(c.symbol == symbol, c.status == PositionStatus.DONE, c.closed_at >= first)
        return fold(rows, frozenset(row.position_id for row in self.db.execute(query)))

    def fills_of(self, link_id: str) -> Sequence[Execution]:
        c = schema.executions.c
        rows = self.db.execute(select(schema.executions).where(c.link_id == link_id, c.synthetic.is_(False)))
        return [booked_of(row).execution for row in rows]

    def claim(self, exec_ids: Sequence[str], position_id: str, *, settled: bool) -> None:
        """Give executions to their position; settled ones are never folded again."""
        c = schema.executions.c
        values = {"position_id": position_id, "settled": settled}
        self.db.execute(update(schema.executions).where(c.exec_id.in_(exec_ids)).values(values))

    def sizes(self) -> Sizes:
        open_here = select(func.count()).where(schema.positions.c.status == PositionStatus.OPEN)
        counts = [select(func.count()).select_from(table) for table in (schema.intents, schema.trades)]
        orders, trades = (int(self.db.execute(query).scalar_one()) for query in counts)
        return Sizes(orders, self.execution_count(), int(self.db.execute(open_here).scalar_one()), trades)

    def execution_count(self) -> int:
        """Executions that the venue reported, funding among them."""
        query = select(func.count()).select_from(schema.executions).where(schema.executions.c.synthetic.is_(False))
        return int(self.db.execute(query).scalar_one())

    def has_executions(self, symbol: Symbol, *, since: Instant) -> bool:
        """Whether the venue ever reported an execution of a symbol from this market instant on."""
        c = schema.executions.c
        query = select(c.exec_id).where(c.symbol == symbol, c.at >= since, c.synthetic.is_(False)).limit(1)
        return self.db.execute(query).first() is not None

    def keep_position(self, kept: Kept) -> None:
        self._put(schema.positions, kept_values(kept))

    def position(self, position_id: str) -> Kept | None:
        row = self.db.execute(select(schema.positions).where(schema.positions.c.position_id == position_id)).first()
        return None if row is None else kept_of(row)

    def positions(self, status: PositionStatus) -> Sequence[Kept]:
        c = schema.positions.c
        rows = self.db.execute(select(schema.positions).where(c.status == status).order_by(c.symbol, c.opened_at))
        return [kept_of(row) for row in rows]

    def open_position(self, symbol: Symbol) -> Kept | None:
        c = schema.positions.c
        row = self.db.execute(
            select(schema.positions).where(c.symbol == symbol, c.status == PositionStatus.OPEN)
        ).first()
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
        c = schema.trades.c
        query = select(c.closed_at, c.pnl_usd).where(c.symbol == symbol).order_by(c.closed_at.desc()).limit(50)
        return next((Instant(row.closed_at) for row in self.db.execute(query) if row.pnl_usd < 0), None)

    def earned(self, since: Instant) -> Usd:
        """Sum of the results of trades closed since a market instant."""
        c = schema.trades.c
        rows = self.db.execute(select(c.pnl_usd).where(c.closed_at >= since))
        return Usd(sum((row.pnl_usd for row in rows), ZERO))

    def results(self) -> Sequence[Usd]:
        """The result of every closed trade."""
        return [Usd(row.pnl_usd) for row in self.db.execute(select(schema.trades.c.pnl_usd))]

    def symbols_to_fold(self) -> Sequence[Symbol]:
        """Symbols with executions whose trade is not closed."""
        c = schema.executions.c
        rows = self.db.execute(select(c.symbol).where(c.settled.is_(False)).distinct().order_by(c.symbol))
        return [Symbol(row.symbol) for row in rows]

    def keep_equity(self, *, at: Instant, wall: Instant, balance: Usd, worth: Usd, available: Usd) -> None:
        values = {"at": at, "wall": wall, "balance": balance, "equity": worth, "available": available}
        self.db.execute(insert(schema.equity).values(values))
