"""The tables of what may be done: rules, facilities, devices, shares, broken glass, holds and consents."""

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text

from sagittal.archive.records.schema import _count, _text, metadata

policy_rules = Table(
    "policy_rules",
    metadata,
    Column("role", Text, primary_key=True),
    Column("relation", Text, primary_key=True),
    _text("actions"),  # JSON, sorted; a role without any row here has the rules of access.policy.DEFAULT
    sqlite_with_rowid=False,
)

facilities = Table(
    "facilities",
    metadata,
    Column("name", Text, primary_key=True),  # as rows of the index have it
    _text("title"),
    _text("called_aets"),  # JSON: called AE titles by which associations are for this facility
    _count("created_ns"),
    sqlite_with_rowid=False,
)

devices = Table(
    "devices",
    metadata,
    Column("id", Integer, primary_key=True),
    _text("aet"),
    _text("facility"),
    _text("role"),
    _text("addresses"),  # JSON: IP addresses and networks; empty: any
    _text("certificate"),  # SHA-256 of the DER certificate in hexadecimal; empty: none is asked for
    _count("is_disabled"),
    _text("created_by"),
    _count("created_ns"),
    Index("ix_devices_aet", "aet", "facility", unique=True),
    sqlite_autoincrement=True,
)

shares = Table(
    "shares",
    metadata,
    Column("id", Integer, primary_key=True),
    _text("kind"),  # shared, assigned
    _text("study_instance_uid"),
    _text("series_instance_uid"),  # empty: all of the study
    Column("to_account", ForeignKey("accounts.id")),  # or
    _text("to_facility"),
    _text("created_by"),
    _count("created_ns"),
    _count("expires_ns"),  # 0: never
    _count("revoked_ns"),
    Index("ix_shares_study", "study_instance_uid"),
    Index("ix_shares_account", "to_account"),
    Index("ix_shares_facility", "to_facility"),
    sqlite_autoincrement=True,
)

broken_glass = Table(
    "broken_glass",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account", ForeignKey("accounts.id"), nullable=False),
    _text("study_instance_uid"),
    _text("reason"),
    _count("at_ns"),
    _count("expires_ns"),
    _text("reviewed_by"),
    _count("reviewed_ns"),  # 0: waits for review
    _text("verdict"),
    Index("ix_broken_glass_account", "account", "expires_ns"),
    Index("ix_broken_glass_review", "reviewed_ns", "id"),
    sqlite_autoincrement=True,
)

holds = Table(
    "holds",
    metadata,
    Column("id", Integer, primary_key=True),
    _text("study_instance_uid"),  # a study, or
    _text("patient_id"),  # all of a patient
    _text("issuer"),
    _text("reason"),
    _text("created_by"),
    _count("created_ns"),
    _text("lifted_by"),
    _count("lifted_ns"),  # 0: in force
    Index("ix_holds_study", "study_instance_uid"),
    Index("ix_holds_patient", "patient_id"),
    sqlite_autoincrement=True,
)

consents = Table(
    "consents",
    metadata,
    Column("patient_id", Text, primary_key=True),
    Column("issuer", Text, primary_key=True),
    Column("purpose", Text, primary_key=True),  # export, share, research, teaching
    _count("is_given"),
    _text("recorded_by"),
    _count("at_ns"),
    _count("expires_ns"),  # 0: never
    sqlite_with_rowid=False,
)
