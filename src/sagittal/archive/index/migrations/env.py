"""What Alembic runs: the migrations of the index."""

from sagittal.archive.index.connect import connect_writer
from sagittal.archive.index.schema import metadata
from sagittal.archive.migrating import run_migrations

if __name__ == "env_py":  # the name Alembic loads it by; others only look
    run_migrations(connect_writer, metadata)
