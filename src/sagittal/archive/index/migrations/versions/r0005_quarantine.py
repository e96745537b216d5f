"""What is kept beside others keeps what it needs to take their place; what is damaged is found at once."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand."""
    op.add_column("conflicts", sa.Column("sop_class_uid", sa.Text(), server_default="", nullable=False))
    op.add_column("conflicts", sa.Column("frame_table", sa.LargeBinary(), nullable=True))
    op.create_index("ix_conflicts_received", "conflicts", ["received_ns"])
    damaged = sa.text("is_corrupt = 1")
    op.create_index(
        "ix_instances_corrupt", "instances", ["received_ns"], sqlite_where=damaged, postgresql_where=damaged
    )
