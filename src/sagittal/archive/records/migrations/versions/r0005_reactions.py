"""Who reacts to the change feed, how far each is, and what it has done."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False)


def upgrade() -> None:
    """Expand."""
    op.create_table(
        "feed_readers",
        sa.Column("reader", sa.Text(), nullable=False),
        _count("seq"),
        sa.PrimaryKeyConstraint("reader"),
    )
    op.create_table(
        "reactions",
        sa.Column("reader", sa.Text(), nullable=False),
        sa.Column("sop_instance_uid", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        _count("at_ns"),
        sa.Column("entry", sa.Integer(), sa.ForeignKey("journal.id"), nullable=True),
        sa.PrimaryKeyConstraint("reader", "sop_instance_uid", "digest"),
        sqlite_with_rowid=False,
    )
