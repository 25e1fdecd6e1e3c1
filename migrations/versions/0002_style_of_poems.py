"""Poems have a style and a pattern; those of before kept no rules."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    with op.batch_alter_table("poems") as poems:
        poems.add_column(sa.Column("style", sa.String(16), nullable=False, server_default="free"))
        poems.add_column(sa.Column("pattern", sa.String(16), nullable=True))


def downgrade() -> None:
    """Back."""
    with op.batch_alter_table("poems") as poems:
        poems.drop_column("pattern")
        poems.drop_column("style")
