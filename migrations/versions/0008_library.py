"""Favorites are found and ranked by index, one that was removed can be taken back, and people may stay out of /top."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "removed_favorites",
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("poem_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kept_at", sa.DateTime(), nullable=False),
        sa.Column("removed_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["poem_id"], ["poems.id"], name="fk_removed_favorites_poem_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name="pk_removed_favorites"),
    )
    op.create_index("ix_removed_favorites_poem_id", "removed_favorites", ["poem_id"])
    op.create_index("ix_removed_favorites_removed_at", "removed_favorites", ["removed_at"])
    op.create_index("ix_favorites_user_id_created_at", "favorites", ["user_id", "created_at"])
    # Counts a poem's hearts without a look at the table.
    op.drop_index("ix_favorites_poem_id", "favorites")
    op.create_index("ix_favorites_poem_id_created_at_user_id", "favorites", ["poem_id", "created_at", "user_id"])
    op.add_column("poems", sa.Column("is_taken_away", sa.Boolean(), nullable=False, server_default="0"))
    op.create_index("ix_poems_guild_id", "poems", ["guild_id"])
    for table in ("person_preferences", "guild_preferences"):
        op.add_column(table, sa.Column("is_out_of_top", sa.Boolean(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Back."""
    for table in ("person_preferences", "guild_preferences"):
        op.drop_column(table, "is_out_of_top")
    op.drop_index("ix_poems_guild_id", "poems")
    op.drop_column("poems", "is_taken_away")
    op.drop_index("ix_favorites_poem_id_created_at_user_id", "favorites")
    op.create_index("ix_favorites_poem_id", "favorites", ["poem_id"])
    op.drop_index("ix_favorites_user_id_created_at", "favorites")
    op.drop_table("removed_favorites")
