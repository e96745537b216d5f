"""What Alembic runs: the migrations of the records."""

from sagittal.archive.migrating import run_migrations
from sagittal.archive.records.connect import connect_writer
from sagittal.archive.records.schema import metadata

if __name__ == "env_py":  # the name Alembic loads it by; others only look
    run_migrations(connect_writer, metadata)
