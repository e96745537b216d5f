"""The tables of the records. Floors above keep theirs in a module of their own, on this `metadata`, with a migration.

The journal is only ever added to. An entry says what a person had done with instances, or that bytes were found to be
no longer those that were stored, or to be so again; the index is brought to it, and a rebuilt index goes through it
again in the order of time.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, MetaData, Table, Text, text

metadata = MetaData()


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


journal = Table(
    "journal",
    metadata,
    Column("id", Integer, primary_key=True),
    _text("kind"),  # see `archive.acts`
    _count("at_ns"),  # of the clock that also gives the times of arrival: the two are in one order
    Column("about", ForeignKey("journal.id")),  # what is undone or purged: the entry that set it aside
    _text("study_instance_uid"),  # what was asked for, as far as it was named
    _text("series_instance_uid"),
    _text("sop_instance_uid"),
    _text("reason"),  # Code Value of PS3.16 CID 7011
    _text("note"),  # in words of the person
    _text("actor"),  # door:name
    _text("address"),
    _count("seq"),  # of the newest event when it was written: numbers never go below it
    _count("instances"),  # how many lines there are in journal_instances that are no conflicts
    Index("ix_journal_about", "about"),
    Index("ix_journal_kind", "kind", "id"),
    sqlite_autoincrement=True,
)

journal_instances = Table(
    "journal_instances",
    metadata,
    Column("entry", ForeignKey("journal.id"), primary_key=True),
    Column("received_ns", BigInteger, primary_key=True),  # names what came: no two have one time
    _text("study_instance_uid"),
    _text("series_instance_uid"),
    _text("sop_instance_uid"),
    Column("digest", LargeBinary, nullable=False),  # BLAKE3 of the file
    _count("is_conflict"),  # it was kept beside another of its UID
    Index("ix_journal_instances_uid", "sop_instance_uid"),
    sqlite_with_rowid=False,
)
