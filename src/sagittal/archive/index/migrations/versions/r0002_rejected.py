"""What was rejected, and counters that no other row tells."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand."""
    op.create_table(
        "rejected",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rejection", sa.Integer(), nullable=False),
        sa.Column("purge", sa.Integer(), nullable=True),
        sa.Column("row_id", sa.Integer(), nullable=False),
        sa.Column("is_conflict", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("study_instance_uid", sa.Text(), server_default="", nullable=False),
        sa.Column("series_instance_uid", sa.Text(), server_default="", nullable=False),
        sa.Column("sop_instance_uid", sa.Text(), server_default="", nullable=False),
        sa.Column("sop_class_uid", sa.Text(), server_default="", nullable=False),
        sa.Column("transfer_syntax_uid", sa.Text(), server_default="", nullable=False),
        sa.Column("pack", sa.Text(), server_default="", nullable=False),
        sa.Column("file_offset", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("file_length", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("data_set_offset", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("frame_table", sa.LargeBinary(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("digest_data_set", sa.LargeBinary(), nullable=False),
        sa.Column("received_ns", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("is_corrupt", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("door", sa.Text(), server_default="", nullable=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.Column("called", sa.Text(), server_default="", nullable=False),
        sa.Column("address", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_rejected_pack", "rejected", ["pack"])
    op.create_index("ix_rejected_received", "rejected", ["received_ns"], unique=True)
    op.create_index("ix_rejected_rejection", "rejected", ["rejection"])
    op.create_index("ix_rejected_uid", "rejected", ["sop_instance_uid"])
    op.create_table(
        "counters",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
