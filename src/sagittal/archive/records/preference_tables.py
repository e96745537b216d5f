"""The table of what accounts prefer."""

from sqlalchemy import Column, ForeignKey, Table

from sagittal.archive.records.schema import _text, metadata

preferences = Table(
    "preferences",
    metadata,
    Column("account", ForeignKey("accounts.id"), primary_key=True),
    _text("text"),  # JSON, as the door that shows it understands it
    sqlite_with_rowid=False,
)
