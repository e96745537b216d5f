"""The tables of those who react to the change feed: how far each has read, and what it has done for good."""

from sqlalchemy import Column, ForeignKey, LargeBinary, Table, Text

from sagittal.archive.records.schema import _count, metadata

feed_readers = Table(
    "feed_readers",
    metadata,
    Column("reader", Text, primary_key=True),
    _count("seq"),  # of the last event that it need not see again
)

# By what an event is about, never by its number: that may be handed out again after a power cut.
reactions = Table(
    "reactions",
    metadata,
    Column("reader", Text, primary_key=True),
    Column("sop_instance_uid", Text, primary_key=True),
    Column("digest", LargeBinary, primary_key=True),  # BLAKE3 of the file
    _count("at_ns"),
    Column("entry", ForeignKey("journal.id")),  # of the journal, where something came of it
    sqlite_with_rowid=False,
)
