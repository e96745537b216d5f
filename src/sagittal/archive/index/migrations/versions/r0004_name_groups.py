"""Names of named attributes are found by the beginning of any of their component groups without looking at all."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand."""
    for group in ("ideographic", "phonetic"):
        there = sa.text(f"{group} IS NOT NULL")
        op.create_index(
            f"ix_attribute_values_{group}",
            "attribute_values",
            ["attribute", group],
            sqlite_where=there,
            postgresql_where=there,
        )
