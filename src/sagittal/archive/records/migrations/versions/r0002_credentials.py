"""Sign-in: accounts and their roles, what proves them, sessions, API tokens, share links, attempts."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand."""
    _accounts()
    _account_roles()
    _totp_secrets()
    _recovery_codes()
    _passkeys()
    _tokens()
    _links()
    _sessions()
    _tickets()
    _attempts()
    _access_state()
    op.execute("INSERT INTO access_state (id, version) VALUES (1, 1)")


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("name_key", sa.Text(), server_default="", nullable=False),
        sa.Column("full_name", sa.Text(), server_default="", nullable=False),
        sa.Column("person_names", sa.Text(), server_default="", nullable=False),
        sa.Column("facility", sa.Text(), server_default="", nullable=False),
        sa.Column("password", sa.Text(), server_default="", nullable=False),
        sa.Column("password_ns", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("must_change_password", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("is_disabled", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("user_handle", sa.LargeBinary(), nullable=False),
        sa.Column("oidc_issuer", sa.Text(), server_default="", nullable=False),
        sa.Column("oidc_subject", sa.Text(), server_default="", nullable=False),
        sa.Column("created_ns", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("signed_in_ns", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_accounts_name", "accounts", ["name_key"], unique=True)
    op.create_index(
        "ix_accounts_oidc",
        "accounts",
        ["oidc_issuer", "oidc_subject"],
        unique=True,
        sqlite_where=sa.text("oidc_subject != ''"),
        postgresql_where=sa.text("oidc_subject != ''"),
    )
    op.create_index("ix_accounts_user_handle", "accounts", ["user_handle"], unique=True)


def _account_roles() -> None:
    op.create_table(
        "account_roles",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("facility", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"]),
        sa.PrimaryKeyConstraint("account", "role", "facility", "source"),
        sqlite_with_rowid=False,
    )


def _totp_secrets() -> None:
    op.create_table(
        "totp_secrets",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("confirmed_ns", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_step", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"]),
        sa.PrimaryKeyConstraint("account"),
    )


def _recovery_codes() -> None:
    op.create_table(
        "recovery_codes",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"]),
        sa.PrimaryKeyConstraint("account", "digest"),
        sqlite_with_rowid=False,
    )


def _passkeys() -> None:
    op.create_table(
        "passkeys",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("label", sa.Text(), server_default="", nullable=False),
        sa.Column("transports", sa.Text(), server_default="", nullable=False),
        sa.Column("is_backed_up", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("used_ns", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_passkeys_account", "passkeys", ["account"])
    op.create_index("ix_passkeys_credential", "passkeys", ["credential_id"], unique=True)


def _tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("label", sa.Text(), server_default="", nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("actions", sa.Text(), server_default="", nullable=False),
        sa.Column("facility", sa.Text(), server_default="", nullable=False),
        sa.Column("created_by", sa.Text(), server_default="", nullable=False),
        sa.Column("created_ns", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("expires_ns", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("used_ns", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("used_address", sa.Text(), server_default="", nullable=False),
        sa.Column("revoked_ns", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_tokens_account", "tokens", ["account"])
    op.create_index("ix_tokens_digest", "tokens", ["digest"], unique=True)


def _links() -> None:
    op.create_table(
        "links",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account", sa.Integer(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("facility", sa.Text(), server_default="", nullable=False),
        sa.Column("study_instance_uid", sa.Text(), server_default="", nullable=False),
        sa.Column("series_instance_uid", sa.Text(), server_default="", nullable=False),
        sa.Column("allows_download", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("pin", sa.Text(), server_default="", nullable=False),
        sa.Column("created_ns", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("expires_ns", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("openings_left", sa.BigInteger(), nullable=True),
        sa.Column("openings", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("opened_ns", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("revoked_ns", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_links_account", "links", ["account"])
    op.create_index("ix_links_digest", "links", ["digest"], unique=True)
    op.create_index("ix_links_study", "links", ["study_instance_uid"])


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("public", sa.Text(), server_default="", nullable=False),
        sa.Column("account", sa.Integer(), nullable=True),
        sa.Column("link", sa.Integer(), nullable=True),
        sa.Column("method", sa.Text(), server_default="", nullable=False),
        sa.Column("address", sa.Text(), server_default="", nullable=False),
        sa.Column("agent", sa.Text(), server_default="", nullable=False),
        sa.Column("created_ns", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("seen_ns", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("expires_ns", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("oidc_session", sa.Text(), server_default="", nullable=False),
        sa.Column("oidc_id_token", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"]),
        sa.ForeignKeyConstraint(["link"], ["links.id"]),
        sa.PrimaryKeyConstraint("digest"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_sessions_account", "sessions", ["account"])
    op.create_index("ix_sessions_expires", "sessions", ["expires_ns"])
    op.create_index("ix_sessions_link", "sessions", ["link"])
    op.create_index("ix_sessions_public", "sessions", ["public"], unique=True)


def _tickets() -> None:
    op.create_table(
        "tickets",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Text(), server_default="", nullable=False),
        sa.Column("account", sa.Integer(), nullable=True),
        sa.Column("content", sa.Text(), server_default="", nullable=False),
        sa.Column("expires_ns", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"]),
        sa.PrimaryKeyConstraint("digest"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_tickets_expires", "tickets", ["expires_ns"])


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_ns", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("until_ns", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("familiar_ns", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("key"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_attempts_last", "attempts", ["last_ns"])


def _access_state() -> None:
    op.create_table(
        "access_state",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
