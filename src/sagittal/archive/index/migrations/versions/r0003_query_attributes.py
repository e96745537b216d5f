"""Attributes that a site searches by beyond those of every index, and their values."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand."""
    op.create_table(
        "query_attributes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("filled_to", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("fill_to", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("done", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("of_instances", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("is_dropped", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "attribute_values",
        sa.Column("instance", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("attribute", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("items", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("ideographic", sa.Text(), nullable=True),
        sa.Column("phonetic", sa.Text(), nullable=True),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("utc", sa.Text(), nullable=True),
        sa.Column("value", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("instance", "attribute", "items", "place"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_attribute_values_text", "attribute_values", ["attribute", "text"])
    # Whatever takes an instance out of the index takes its values along.
    op.execute(
        "CREATE TRIGGER instance_values_out AFTER DELETE ON instances"
        " BEGIN DELETE FROM attribute_values WHERE instance = old.id; END"
    )
