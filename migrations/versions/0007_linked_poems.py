"""Poems have a kind and a mood; people and the bot write one line by line."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Forward."""
    op.add_column("poems", sa.Column("kind", sa.String(16), nullable=False, server_default="poem"))
    op.add_column("poems", sa.Column("mood", sa.String(16), nullable=False, server_default="lively"))
    op.add_column("poems", sa.Column("shown", sa.String(256), nullable=True))
    op.create_table(
        "linked_poems",
        sa.Column("id", _Id, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("guild_id", sa.BigInteger(), nullable=True),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("form", sa.BigInteger(), nullable=False),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.Column("mode", sa.String(16), nullable=False),
        sa.Column("script", sa.String(16), nullable=False),
        sa.Column("language", sa.String(16), nullable=False),
        sa.Column("written", sa.BigInteger(), nullable=False),
        sa.Column("poem_id", _Id, nullable=True),
        sa.Column("touched_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["poem_id"], ["poems.id"], name="fk_linked_poems_poem_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_linked_poems"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_linked_poems_user_id", "linked_poems", ["user_id"])
    op.create_index("ix_linked_poems_poem_id", "linked_poems", ["poem_id"])
    op.create_table(
        "linked_lines",
        sa.Column("id", _Id, nullable=False),
        sa.Column("linked_id", _Id, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("by_bot", sa.Boolean(), nullable=False),
        sa.Column("shown", sa.String(16), nullable=False),
        sa.Column("traditional", sa.String(16), nullable=False),
        sa.ForeignKeyConstraint(
            ["linked_id"], ["linked_poems.id"], name="fk_linked_lines_linked_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_linked_lines"),
        sa.UniqueConstraint("linked_id", "number", name="uq_linked_lines_linked_id_number"),
    )
    op.create_index("ix_linked_lines_user_id", "linked_lines", ["user_id"])


def downgrade() -> None:
    """Back."""
    op.drop_table("linked_lines")
    op.drop_table("linked_poems")
    # Not in a batch: that would copy the table, and number its rows from the last that is left.
    for column in ("shown", "mood", "kind"):
        op.drop_column("poems", column)
