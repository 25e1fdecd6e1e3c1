"""The first tables: poems shown, favorites, training runs, model versions."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "poems",
        sa.Column("id", _ID, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=True),
        sa.Column("start", sa.String(16), nullable=False),
        sa.Column("form", sa.BigInteger(), nullable=False),
        sa.Column("traditional", sa.String(256), nullable=False),
        sa.Column("script", sa.String(16), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_poems"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "training_runs",
        sa.Column("id", _ID, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("epochs", sa.BigInteger(), nullable=False),
        sa.Column("parent", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("version", sa.String(64), nullable=True),
        sa.Column("perplexity", sa.Double(), nullable=True),
        sa.Column("parent_perplexity", sa.Double(), nullable=True),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_training_runs"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "favorites",
        sa.Column("id", _ID, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("poem_id", _ID, nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["poem_id"], ["poems.id"], name="fk_favorites_poem_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_favorites"),
        sa.UniqueConstraint("user_id", "poem_id", name="uq_favorites_user_id_poem_id"),
    )
    op.create_index("ix_favorites_poem_id", "favorites", ["poem_id"])
    op.create_table(
        "model_versions",
        sa.Column("id", _ID, nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("folder", sa.String(255), nullable=False),
        sa.Column("run_id", _ID, nullable=False),
        sa.Column("activated_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["training_runs.id"], name="fk_model_versions_run_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_model_versions"),
        sa.UniqueConstraint("version", name="uq_model_versions_version"),
    )
    op.create_index("ix_model_versions_run_id", "model_versions", ["run_id"])


def downgrade() -> None:
    """Back."""
    op.drop_table("model_versions")
    op.drop_table("favorites")
    op.drop_table("training_runs")
    op.drop_table("poems")
