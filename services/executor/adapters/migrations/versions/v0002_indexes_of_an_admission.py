"""Indexes for what an admission asks, so that it takes no longer as the ledger grows."""

from typing import Final

from alembic import op

revision = "0002"
down_revision = "0001"

INDEXES: Final = {
    "intents_by_touch": ("intents", ["touched_at"]),
    "trades_by_symbol": ("trades", ["symbol", "closed_at"]),
    "declined_by_signal": ("declined", ["signal_id"]),
}


def upgrade() -> None:
    for name, (table, columns) in INDEXES.items():
        op.create_index(name, table, columns, if_not_exists=True)  # a new ledger was made with them


def downgrade() -> None:
    for name, (table, _) in INDEXES.items():
        op.drop_index(name, table)
