"""Poems and runs may be nobody's any more: whoever asked for them had their data deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ID_COLUMNS = {"poems": ("user_id",), "training_runs": ("user_id", "channel_id")}


def upgrade() -> None:
    """Forward."""
    _alter(nullable=True)
    op.create_index("ix_poems_user_id", "poems", ["user_id"])


def downgrade() -> None:
    """Back; 0, which is nobody's id, stands in for nobody."""
    op.drop_index("ix_poems_user_id", "poems")
    for table, columns in _ID_COLUMNS.items():
        for column in columns:
            op.execute(
                sa.update(sa.table(table, sa.column(column))).where(sa.column(column).is_(None)).values({column: 0})
            )
    _alter(nullable=False)


def _alter(*, nullable: bool) -> None:
    """Alembic copies each table, and a copy numbers its rows from the last that is left: the counters are put back.

    On PostgreSQL it copies nothing.
    """
    if op.get_bind().dialect.name != "sqlite":
        for table, columns in _ID_COLUMNS.items():
            for column in columns:
                op.alter_column(table, column, existing_type=sa.BigInteger(), nullable=nullable)
        return
    counters = sa.table("sqlite_sequence", sa.column("name"), sa.column("seq"))
    ours = counters.c.name.in_(_ID_COLUMNS)
    before = op.get_bind().execute(sa.select(counters).where(ours)).mappings().all()
    for table, columns in _ID_COLUMNS.items():
        with op.batch_alter_table(table, table_kwargs={"sqlite_autoincrement": True}) as batch:
            for column in columns:
                batch.alter_column(column, existing_type=sa.BigInteger(), nullable=nullable)
    op.execute(sa.delete(counters).where(ours))
    if before:
        op.bulk_insert(counters, [dict(row) for row in before])
