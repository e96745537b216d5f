"""The tables of the ledger: lines that are closed and chained, lines that still count, and how far its readers are."""

from typing import Final

from sqlalchemy import Column, Index, Integer, LargeBinary, Table, Text

from sagittal.archive.records.schema import _count, _text, metadata

ledger = Table(
    "ledger",
    metadata,
    Column("seq", Integer, primary_key=True),
    _count("at_ns"),
    _count("until_ns"),
    _text("kind"),
    _count("outcome"),
    _text("actor_kind"),
    _text("actor"),
    _text("door"),
    _text("address"),
    _text("called"),
    _text("facility"),
    _text("study_instance_uid"),
    _text("patient"),
    _text("subject"),
    _text("detail"),
    _count("count"),
    Column("hash", LargeBinary, nullable=False),
    Index("ix_ledger_at", "at_ns"),
    Index("ix_ledger_study", "study_instance_uid", "seq"),
    Index("ix_ledger_patient", "patient", "seq"),
    Index("ix_ledger_actor", "actor", "seq"),
)

ledger_open = Table(
    "ledger_open",
    metadata,
    Column("id", Integer, primary_key=True),
    _count("at_ns"),
    _count("until_ns"),
    _text("kind"),
    _count("outcome"),
    _text("actor_kind"),
    _text("actor"),
    _text("door"),
    _text("address"),
    _text("called"),
    _text("facility"),
    _text("study_instance_uid"),
    _text("patient"),
    _text("subject"),
    _text("detail"),
    _count("count"),
    Index("ix_ledger_open_study", "study_instance_uid"),
)

FEED: Final = "feed"
"""The mark of the change feed: the number of the last event that is in the ledger."""
FEED_TIME: Final = "feed time"
"""And the time of that event, which it keeps when a reindex gives it another number."""

ledger_marks = Table(
    "ledger_marks",
    metadata,
    Column("reader", Text, primary_key=True),  # FEED, FEED_TIME, or a destination of syslog
    _count("seq"),  # of the last event or line that it is done with
)

settings_seen = Table(
    "settings_seen",
    metadata,
    Column("name", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False),  # keyed: what a setting says is not told here
    sqlite_with_rowid=False,
)
