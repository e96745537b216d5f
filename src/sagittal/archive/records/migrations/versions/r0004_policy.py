"""What may be done: rules, facilities, devices, shares, broken glass, holds and consents."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _number() -> sa.Column[int]:
    return sa.Column("id", sa.Integer(), nullable=False)


def _texts(*names: str) -> tuple[sa.Column[str], ...]:
    return tuple(sa.Column(name, sa.Text(), server_default="", nullable=False) for name in names)


def _counts(*names: str) -> tuple[sa.Column[int], ...]:
    return tuple(sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False) for name in names)


def upgrade() -> None:
    """Expand."""
    op.create_table(
        "policy_rules",
        _key("role"),
        _key("relation"),
        *_texts("actions"),
        sa.PrimaryKeyConstraint("role", "relation"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "facilities",
        _key("name"),
        *_texts("title", "called_aets"),
        *_counts("created_ns"),
        sa.PrimaryKeyConstraint("name"),
        sqlite_with_rowid=False,
    )
    _devices()
    _shares()
    _broken_glass()
    _holds()
    op.create_table(
        "consents",
        *(_key(name) for name in ("patient_id", "issuer", "purpose")),
        *_texts("recorded_by"),
        *_counts("is_given", "at_ns", "expires_ns"),
        sa.PrimaryKeyConstraint("patient_id", "issuer", "purpose"),
        sqlite_with_rowid=False,
    )


def _devices() -> None:
    op.create_table(
        "devices",
        _number(),
        *_texts("aet", "facility", "role", "addresses", "certificate", "created_by"),
        *_counts("is_disabled", "created_ns"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_devices_aet", "devices", ["aet", "facility"], unique=True)


def _shares() -> None:
    op.create_table(
        "shares",
        _number(),
        *_texts("kind", "study_instance_uid", "series_instance_uid", "to_facility", "created_by"),
        sa.Column("to_account", sa.Integer(), nullable=True),
        *_counts("created_ns", "expires_ns", "revoked_ns"),
        sa.ForeignKeyConstraint(["to_account"], ["accounts.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_shares_study", "shares", ["study_instance_uid"])
    op.create_index("ix_shares_account", "shares", ["to_account"])
    op.create_index("ix_shares_facility", "shares", ["to_facility"])


def _broken_glass() -> None:
    op.create_table(
        "broken_glass",
        _number(),
        sa.Column("account", sa.Integer(), nullable=False),
        *_texts("study_instance_uid", "reason", "reviewed_by", "verdict"),
        *_counts("at_ns", "expires_ns", "reviewed_ns"),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_broken_glass_account", "broken_glass", ["account", "expires_ns"])
    op.create_index("ix_broken_glass_review", "broken_glass", ["reviewed_ns", "id"])


def _holds() -> None:
    op.create_table(
        "holds",
        _number(),
        *_texts("study_instance_uid", "patient_id", "issuer", "reason", "created_by", "lifted_by"),
        *_counts("created_ns", "lifted_ns"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_holds_study", "holds", ["study_instance_uid"])
    op.create_index("ix_holds_patient", "holds", ["patient_id"])
