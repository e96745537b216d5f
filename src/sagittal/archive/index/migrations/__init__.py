"""Alembic revisions of the index: expand, then contract."""
