"""People and servers choose a language; a training is shown in that of whoever started it, a poem knows its channel."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "person_preferences",
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("language", sa.String(16), nullable=True),
        sa.Column("script", sa.String(16), nullable=True),
        sa.PrimaryKeyConstraint("user_id", name="pk_person_preferences"),
    )
    op.create_table(
        "guild_preferences",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("language", sa.String(16), nullable=True),
        sa.PrimaryKeyConstraint("guild_id", name="pk_guild_preferences"),
    )
    op.add_column("poems", sa.Column("channel_id", sa.BigInteger(), nullable=True))
    op.add_column("training_runs", sa.Column("language", sa.String(16), nullable=True))


def downgrade() -> None:
    """Back."""
    op.drop_column("training_runs", "language")
    op.drop_column("poems", "channel_id")
    op.drop_table("guild_preferences")
    op.drop_table("person_preferences")
