"""Runs say what they came from, versions have states, and a lease keeps runs apart."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    with op.batch_alter_table("training_runs") as runs:
        runs.add_column(sa.Column("source", sa.String(16), nullable=False, server_default="corpus"))
        runs.add_column(sa.Column("minutes", sa.Double(), nullable=True))
        runs.add_column(sa.Column("note", sa.String(200), nullable=True))
        runs.add_column(sa.Column("said", sa.String(500), nullable=True))
        runs.add_column(sa.Column("told", sa.Boolean(), nullable=False, server_default="1"))
    with op.batch_alter_table("model_versions") as versions:
        versions.add_column(sa.Column("state", sa.String(16), nullable=False, server_default="accepted"))
        versions.add_column(sa.Column("shortfalls", sa.JSON(), nullable=True))
        versions.add_column(sa.Column("examination", sa.JSON(), nullable=True))
        versions.alter_column("folder", existing_type=sa.String(255), nullable=True)
        versions.alter_column("run_id", existing_type=sa.BigInteger(), nullable=True)
        versions.alter_column("activated_at", existing_type=sa.DateTime(), nullable=True)
    op.create_table(
        "leases",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("stop_requested", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )


def downgrade() -> None:
    """Back; versions that never went live and the one that ships were not recorded before."""
    op.drop_table("leases")
    op.execute(
        "DELETE FROM model_versions"
        " WHERE state <> 'accepted' OR folder IS NULL OR run_id IS NULL OR activated_at IS NULL"
    )
    with op.batch_alter_table("model_versions") as versions:
        versions.alter_column("activated_at", existing_type=sa.DateTime(), nullable=False)
        versions.alter_column("run_id", existing_type=sa.BigInteger(), nullable=False)
        versions.alter_column("folder", existing_type=sa.String(255), nullable=False)
        versions.drop_column("examination")
        versions.drop_column("shortfalls")
        versions.drop_column("state")
    with op.batch_alter_table("training_runs", table_kwargs={"sqlite_autoincrement": True}) as runs:
        for name in ("told", "said", "note", "minutes", "source"):
            runs.drop_column(name)
