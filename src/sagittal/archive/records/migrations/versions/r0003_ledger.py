"""The ledger: who did what."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_COUNTS = ("at_ns", "until_ns", "outcome", "count")
_TEXTS = (
    "kind",
    "actor_kind",
    "actor",
    "door",
    "address",
    "called",
    "facility",
    "study_instance_uid",
    "patient",
    "subject",
    "detail",
)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default="", nullable=False)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False)


def upgrade() -> None:
    """Expand."""
    op.create_table(
        "ledger",
        sa.Column("seq", sa.Integer(), nullable=False),
        *(_count(name) for name in _COUNTS),
        *(_text(name) for name in _TEXTS),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("ix_ledger_at", "ledger", ["at_ns"])
    op.create_index("ix_ledger_study", "ledger", ["study_instance_uid", "seq"])
    op.create_index("ix_ledger_patient", "ledger", ["patient", "seq"])
    op.create_index("ix_ledger_actor", "ledger", ["actor", "seq"])
    op.create_table(
        "ledger_open",
        sa.Column("id", sa.Integer(), nullable=False),
        *(_count(name) for name in _COUNTS),
        *(_text(name) for name in _TEXTS),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_ledger_open_study", "ledger_open", ["study_instance_uid"])
    op.create_table(
        "ledger_marks",
        sa.Column("reader", sa.Text(), nullable=False),
        _count("seq"),
        sa.PrimaryKeyConstraint("reader"),
    )
