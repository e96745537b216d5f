"""The tables of sign-in: accounts, what proves them, what they handed out. Secrets are kept as digests only.

What cannot be a digest, because it is computed with: the shared secret of TOTP, the public keys of passkeys, and the ID
token that an OpenID provider wants back at sign-out.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, text

from sagittal.archive.records.schema import metadata


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


def _bytes(name: str) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)


def _account() -> Column[int]:
    return Column("account", ForeignKey("accounts.id"), nullable=False)


accounts = Table(
    "accounts",
    metadata,
    Column("id", Integer, primary_key=True),
    _text("name"),  # as it is shown
    _text("name_key"),  # as it is compared: see access.accounts.name_key
    _text("full_name"),
    _text("person_names"),  # JSON: DICOM person names, by which studies are referred to them
    _text("facility"),  # the one they belong to
    _text("password"),  # argon2id in PHC form; empty: none
    _count("password_ns"),
    _count("must_change_password"),
    _count("is_disabled"),
    _bytes("user_handle"),  # random: names the account to authenticators
    _text("oidc_issuer"),
    _text("oidc_subject"),
    _count("created_ns"),
    _count("signed_in_ns"),
    Index("ix_accounts_name", "name_key", unique=True),
    Index("ix_accounts_user_handle", "user_handle", unique=True),
    Index(
        "ix_accounts_oidc",
        "oidc_issuer",
        "oidc_subject",
        unique=True,
        sqlite_where=text("oidc_subject != ''"),
        postgresql_where=text("oidc_subject != ''"),
    ),
    sqlite_autoincrement=True,
)

account_roles = Table(
    "account_roles",
    metadata,
    Column("account", ForeignKey("accounts.id"), primary_key=True),
    Column("role", Text, primary_key=True),
    Column("facility", Text, primary_key=True),  # * for every one
    Column("source", Text, primary_key=True),  # here: an administrator said so; provider: the OpenID provider did
    sqlite_with_rowid=False,
)

totp_secrets = Table(
    "totp_secrets",
    metadata,
    Column("account", ForeignKey("accounts.id"), primary_key=True),
    _bytes("secret"),
    _count("confirmed_ns"),  # 0: not yet in force
    _count("last_step"),  # of the newest code that was taken: none before it is taken again
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("account", ForeignKey("accounts.id"), primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    sqlite_with_rowid=False,
)

passkeys = Table(
    "passkeys",
    metadata,
    Column("id", Integer, primary_key=True),
    _account(),
    _bytes("credential_id"),
    _bytes("public_key"),
    _count("sign_count"),
    _text("label"),
    _text("transports"),  # JSON: as the browser told them
    _count("is_backed_up"),
    _count("created_ns"),
    _count("used_ns"),
    Index("ix_passkeys_credential", "credential_id", unique=True),
    Index("ix_passkeys_account", "account"),
    sqlite_autoincrement=True,
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Integer, primary_key=True),
    _account(),
    _text("label"),
    _bytes("digest"),
    _text("actions"),  # JSON: what of the account's grants it may use
    _text("facility"),  # and where; * for wherever the account may
    _text("created_by"),
    _count("created_ns"),
    _count("expires_ns"),  # 0: never
    _count("used_ns"),  # to the minute
    _text("used_address"),
    _count("revoked_ns"),
    Index("ix_tokens_digest", "digest", unique=True),
    Index("ix_tokens_account", "account"),
    sqlite_autoincrement=True,
)

links = Table(
    "links",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account", ForeignKey("accounts.id")),  # of who made it; null: the command line
    _bytes("digest"),
    _text("facility"),
    _text("study_instance_uid"),
    _text("series_instance_uid"),  # empty: all of the study
    _count("allows_download"),
    _text("pin"),  # argon2id in PHC form; empty: none
    _count("created_ns"),
    _count("expires_ns"),  # 0: never
    Column("openings_left", BigInteger),  # null: as many as there may be
    _count("openings"),
    _count("opened_ns"),
    _count("revoked_ns"),
    Index("ix_links_digest", "digest", unique=True),
    Index("ix_links_account", "account"),
    Index("ix_links_study", "study_instance_uid"),
    sqlite_autoincrement=True,
)

sessions = Table(
    "sessions",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    _text("public"),  # names it to people; says nothing about its secret
    Column("account", ForeignKey("accounts.id")),  # null: of a share link
    Column("link", ForeignKey("links.id")),
    _text("method"),
    _text("address"),
    _text("agent"),  # what the browser calls itself
    _count("created_ns"),
    _count("seen_ns"),  # to the minute
    _count("expires_ns"),
    _text("oidc_session"),  # sid of the provider: by it the provider signs people out here
    _text("oidc_id_token"),  # handed back to the provider at sign-out
    Index("ix_sessions_public", "public", unique=True),
    Index("ix_sessions_account", "account"),
    Index("ix_sessions_link", "link"),
    Index("ix_sessions_expires", "expires_ns"),
    sqlite_with_rowid=False,
)

tickets = Table(
    "tickets",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    _text("kind"),
    Column("account", ForeignKey("accounts.id")),
    _text("content"),  # JSON
    _count("expires_ns"),
    Index("ix_tickets_expires", "expires_ns"),
    sqlite_with_rowid=False,
)

attempts = Table(
    "attempts",
    metadata,
    Column("key", LargeBinary, primary_key=True),  # digest of an account name, an address, or both
    _count("failures"),
    _count("last_ns"),
    _count("until_ns"),  # before this, none is looked at
    _count("familiar_ns"),  # of both: when the name last signed in well from the address
    Index("ix_attempts_last", "last_ns"),
    sqlite_with_rowid=False,
)

access_state = Table(
    "access_state",
    metadata,
    Column("id", Integer, primary_key=True),  # 1
    _count("version"),  # counted up with each change of who may do what, so that nobody need look further
)
